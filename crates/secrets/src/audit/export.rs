//! An entry as a line of JSON.

use std::fmt::Write;

use super::AuditEntry;
use crate::hex::hex;

impl AuditEntry {
    /// One line of JSON without a line end. The fields are always the same ones in the same order, `null` where there
    /// is nothing; all of it is printable ASCII, whatever the actor calls itself.
    ///
    /// `time` is RFC 3339 in UTC, with milliseconds; times outside of the years 0 to 9999 become the nearest. With
    /// `key`, the key version, the entries' hashes can be calculated from the lines alone.
    #[must_use]
    pub fn to_json_line(&self) -> String {
        let name = self.name.as_ref();
        let mut line = String::with_capacity(320);
        let fields = [
            ("seq", self.seq.to_string()),
            ("time", quoted(&rfc3339(self.time_ms))),
            ("actor", quoted(&self.actor)),
            ("action", quoted(self.action.as_str())),
            ("tenant", text(name.map(crate::Name::tenant))),
            ("name", text(name.map(crate::Name::name))),
            ("version", number(self.version)),
            (
                "entry",
                text(self.entry.map(|id| id.to_string()).as_deref()),
            ),
            ("number", number(self.number)),
            ("key", self.key_version.to_string()),
            ("hash", quoted(&hex(&self.hash))),
        ];
        for (index, (field, value)) in fields.iter().enumerate() {
            line.push(if index == 0 { '{' } else { ',' });
            line.push_str(&quoted(field));
            line.push(':');
            line.push_str(value);
        }
        line.push('}');
        line
    }
}

fn text(text: Option<&str>) -> String {
    text.map_or_else(|| "null".to_owned(), quoted)
}

fn number(number: Option<impl ToString>) -> String {
    number.map_or_else(|| "null".to_owned(), |number| number.to_string())
}

/// A JSON string. Everything but printable ASCII is escaped: no terminal or log reader can be made to show something
/// else than what stands there.
fn quoted(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for letter in text.chars() {
        match letter {
            '"' | '\\' => quoted.extend(['\\', letter]),
            ' '..='~' => quoted.push(letter),
            other => escape(other, &mut quoted),
        }
    }
    quoted.push('"');
    quoted
}

/// UTF-16, as JSON has it (RFC 8259, section 7).
fn escape(letter: char, into: &mut String) {
    for unit in letter.encode_utf16(&mut [0; 2]) {
        // Writing to a string cannot fail.
        let _ = write!(into, "\\u{unit:04x}");
    }
}

const DAY_MS: i64 = 24 * 60 * 60 * 1000;
/// 0000-01-01T00:00:00.000Z
const EARLIEST_MS: i64 = -719_528 * DAY_MS;
/// 9999-12-31T23:59:59.999Z
const LATEST_MS: i64 = 2_932_897 * DAY_MS - 1;

fn rfc3339(time_ms: i64) -> String {
    let time = time_ms.clamp(EARLIEST_MS, LATEST_MS);
    let (year, month, day) = date(time.div_euclid(DAY_MS));
    let ms = time.rem_euclid(DAY_MS);
    let (hour, minute, second) = (ms / 3_600_000, ms / 60_000 % 60, ms / 1000 % 60);
    format!(
        "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{:03}Z",
        ms % 1000
    )
}

/// Year, month and day of a day counted from 1970-01-01, in the Gregorian calendar.
///
/// Years are taken to begin in March, so that the leap day is their last.
fn date(day: i64) -> (i64, i64, i64) {
    let since_march_0000 = day + 719_468;
    let era = since_march_0000.div_euclid(146_097);
    let day_of_era = since_march_0000.rem_euclid(146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let march_month = (5 * day_of_year + 2) / 153;
    let day_of_month = day_of_year - (153 * march_month + 2) / 5 + 1;
    let month = if march_month < 10 {
        march_month + 3
    } else {
        march_month - 9
    };
    let year = era * 400 + year_of_era + i64::from(month <= 2);
    (year, month, day_of_month)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_as_rfc_3339_has_them() {
        let cases = [
            (0, "1970-01-01T00:00:00.000Z"),
            (-1, "1969-12-31T23:59:59.999Z"),
            (951_782_400_000, "2000-02-29T00:00:00.000Z"),
            (951_868_799_999, "2000-02-29T23:59:59.999Z"),
            (951_868_800_000, "2000-03-01T00:00:00.000Z"),
            (4_107_542_400_000, "2100-03-01T00:00:00.000Z"),
            (1_234_567_890_123, "2009-02-13T23:31:30.123Z"),
            (i64::MIN, "0000-01-01T00:00:00.000Z"),
            (i64::MAX, "9999-12-31T23:59:59.999Z"),
        ];
        for (time, expected) in cases {
            assert_eq!(rfc3339(time), expected, "{time}");
        }
    }

    #[test]
    fn dates_follow_one_another() {
        let mut before = date(-719_528);
        assert_eq!(before, (0, 1, 1));
        for day in -719_527..2_932_897 {
            let next = date(day);
            let (year, month, number) = before;
            let follows = [
                (year, month, number + 1),
                (year, month + 1, 1),
                (year + 1, 1, 1),
            ];
            assert!(follows.contains(&next), "{before:?} {next:?}");
            before = next;
        }
        assert_eq!(before, (9999, 12, 31));
    }

    #[test]
    fn an_actor_can_call_itself_what_it_likes() {
        let cases = [
            ("ops", r#""ops""#),
            ("a\"b\\c", r#""a\"b\\c""#),
            ("a\nb\u{7f}\u{1b}[2J", r#""a\u000ab\u007f\u001b[2J""#),
            ("\u{e4}\u{202e}\u{1f600}", r#""\u00e4\u202e\ud83d\ude00""#),
        ];
        for (actor, expected) in cases {
            assert_eq!(quoted(actor), expected);
        }
    }
}
