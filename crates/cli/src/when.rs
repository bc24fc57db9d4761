//! Dates and times, as people write and read them. All of them are in UTC.

use std::str::FromStr;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// When something ends: at a time, or some time from now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Expiry {
    /// Unix time in milliseconds.
    At(i64),
    /// From now.
    In(Duration),
}

/// A text that says no time. It is not repeated: somebody may have typed a secret in the wrong place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "a time is a date such as 2027-06-30, with a time such as 2027-06-30T12:00:00Z, or a while from now such as 90d or 12h"
)]
pub(crate) struct InvalidExpiry;

/// An end that is behind us.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("it would have expired already: --expires needs a time to come")]
pub(crate) struct Past;

impl FromStr for Expiry {
    type Err = InvalidExpiry;

    fn from_str(text: &str) -> Result<Self, InvalidExpiry> {
        if let Ok(time) = humantime::parse_duration(text) {
            return Ok(Self::In(time));
        }
        let whole = match text.len() {
            // The day is over when it begins elsewhere; the earlier end is the safer one.
            10 => format!("{text}T00:00:00Z"),
            _ => text.to_owned(),
        };
        let time = humantime::parse_rfc3339_weak(&whole).map_err(|_| InvalidExpiry)?;
        Ok(Self::At(unix_ms(time)))
    }
}

impl Expiry {
    /// Unix time in milliseconds.
    pub(crate) fn ends_ms(self, now_ms: i64) -> Result<i64, Past> {
        let ends = match self {
            Self::At(time) => time,
            Self::In(time) => {
                let time = i64::try_from(time.as_millis()).unwrap_or(i64::MAX);
                now_ms.saturating_add(time)
            }
        };
        if ends > now_ms { Ok(ends) } else { Err(Past) }
    }
}

/// The machine's clock, as Unix time in milliseconds.
pub(crate) fn now_ms() -> i64 {
    unix_ms(SystemTime::now())
}

fn unix_ms(time: SystemTime) -> i64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

/// A time for people, such as `2026-11-26 10:33`.
pub(crate) fn minute(unix_ms: i64) -> String {
    let mut text = second(unix_ms).replace('T', " ");
    text.truncate("2026-11-26 10:33".len());
    text
}

/// A time for programs, such as `2026-11-26T10:33:07Z`.
pub(crate) fn second(unix_ms: i64) -> String {
    /// 9999-12-31T23:59:59Z, the last that can be written in four digits.
    const LAST: u64 = 253_402_300_799_000;
    let since = u64::try_from(unix_ms).unwrap_or(0).min(LAST);
    humantime::format_rfc3339_seconds(UNIX_EPOCH + Duration::from_millis(since)).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_and_written() {
        let day = |days: u64| Duration::from_secs(days * 86_400);
        for (text, meant) in [
            ("90d", Expiry::In(day(90))),
            ("12h", Expiry::In(day(1) / 2)),
            ("2027-06-30", Expiry::At(1_814_313_600_000)),
            ("2027-06-30T12:00:00Z", Expiry::At(1_814_356_800_000)),
            ("2027-06-30 12:00:00", Expiry::At(1_814_356_800_000)),
        ] {
            assert_eq!(text.parse(), Ok(meant), "{text}");
        }
        assert_eq!(second(1_814_356_807_000), "2027-06-30T12:00:07Z");
        assert_eq!(minute(1_814_356_807_000), "2027-06-30 12:00");
        for any in [i64::MIN, -1, 0, i64::MAX] {
            assert_eq!(minute(any).len(), 16);
        }
    }

    #[test]
    fn what_is_no_time_is_refused() {
        for text in [
            "",
            "soon",
            "2027",
            "2027-13-01",
            "30.06.2027",
            "sk-a-key-as-it-were",
            "ä2027-06-3",
        ] {
            assert_eq!(text.parse::<Expiry>(), Err(InvalidExpiry), "{text}");
        }
        assert_eq!(Expiry::At(5).ends_ms(5), Err(Past));
        assert_eq!(Expiry::In(Duration::ZERO).ends_ms(5), Err(Past));
        assert_eq!(Expiry::In(Duration::MAX).ends_ms(5), Ok(i64::MAX));
    }
}
