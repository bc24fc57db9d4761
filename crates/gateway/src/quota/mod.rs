//! What an answer says of the rest of its provider's rate limits.

mod fields;
mod span;

use std::time::{Duration, UNIX_EPOCH};

use http::{HeaderMap, HeaderName};
use orchestra_providers::{Counted, RateLimitHeaders, RateLimits, ResetFormat};

use self::span::span;

/// What is left of one limit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Left {
    /// What it counts.
    pub(crate) counted: Counted,
    /// How much there is in all, if that was said.
    pub(crate) limit: Option<u64>,
    pub(crate) remaining: u64,
    /// How long until there is as much as that again, if that was said.
    pub(crate) reset: Option<Duration>,
}

/// What headers say is left of the limits, of each that they speak of. `unix` is asked for the wall clock only where a
/// header needs it. Nothing is allocated for headers that say nothing.
///
/// Only the headers that the provider's row names are looked at, and the standard ones unless it does without.
pub(crate) fn left(
    headers: &HeaderMap,
    limits: &RateLimits,
    unix: impl Fn() -> Duration,
) -> Vec<Left> {
    let of = |limit: &RateLimitHeaders| {
        let remaining = number(text(headers, &limit.remaining)?)?;
        let reset = text(headers, &limit.reset);
        Some(Left {
            counted: limit.counted,
            limit: text(headers, &limit.limit).and_then(number),
            remaining,
            reset: reset.and_then(|text| until(text, limit.format, &unix)),
        })
    };
    let mut left: Vec<Left> = limits.headers.iter().filter_map(of).collect();
    if limits.fields {
        left.extend(fields::left(headers));
    }
    left
}

/// How long until something is left again, if of some limit nothing is: of several, of the one that takes longest.
pub(crate) fn exhausted(left: &[Left]) -> Option<Duration> {
    let rest = |left: &Left| left.reset.filter(|_| left.remaining == 0);
    left.iter().filter_map(rest).max()
}

fn until(text: &str, format: ResetFormat, unix: &impl Fn() -> Duration) -> Option<Duration> {
    let since_1970 = match format {
        ResetFormat::Duration => return span(text),
        ResetFormat::Seconds => return Duration::try_from_secs_f64(text.parse().ok()?).ok(),
        ResetFormat::Rfc3339 => {
            let moment = humantime::parse_rfc3339_weak(text).ok()?;
            moment.duration_since(UNIX_EPOCH).ok()?
        }
        ResetFormat::Unix => Duration::try_from_secs_f64(text.parse().ok()?).ok()?,
        ResetFormat::UnixMillis => Duration::from_millis(text.parse().ok()?),
    };
    Some(since_1970.saturating_sub(unix()))
}

fn text<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Option<&'h str> {
    headers.get(name)?.to_str().ok().map(str::trim)
}

/// A whole number, perhaps with policies behind it, as older drafts of the standard have them: `100, 100;w=60`.
fn number(text: &str) -> Option<u64> {
    let first = text.split([',', ';']).next()?;
    first.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limits(format: ResetFormat) -> RateLimits {
        let headers = ["requests", "tokens"]
            .map(|of| RateLimitHeaders {
                counted: Counted::of_name(of),
                limit: format!("x-limit-{of}").parse().unwrap(),
                remaining: format!("x-remaining-{of}").parse().unwrap(),
                reset: format!("x-reset-{of}").parse().unwrap(),
                format,
            })
            .into();
        RateLimits {
            headers,
            fields: false,
        }
    }

    /// 2026-11-23T00:00:00Z
    const UNIX: Duration = Duration::from_secs(1_795_392_000);

    fn said(format: ResetFormat, pairs: &[(&'static str, &'static str)]) -> Vec<Left> {
        let header = |(name, value): &(&'static str, &'static str)| {
            (HeaderName::from_static(name), value.parse().unwrap())
        };
        let headers: HeaderMap = pairs.iter().map(header).collect();
        left(&headers, &limits(format), || UNIX)
    }

    #[test]
    fn only_who_has_nothing_left_is_left_alone_and_for_the_longest_of_its_times() {
        let rest = |format, pairs: &[(&'static str, &'static str)]| {
            exhausted(&said(format, pairs)).map(|rest| rest.as_secs())
        };
        use ResetFormat::{Duration as Span, Rfc3339, Seconds, Unix, UnixMillis};
        let some = ("x-remaining-requests", "1");
        let none = ("x-remaining-requests", "0");
        let tokens = ("x-remaining-tokens", "0");
        assert_eq!(rest(Span, &[some, ("x-reset-requests", "9s")]), None);
        assert_eq!(rest(Span, &[none]), None, "nobody knows until when");
        assert_eq!(rest(Span, &[none, ("x-reset-requests", "9s")]), Some(9));
        let both = [
            none,
            ("x-reset-requests", "9s"),
            tokens,
            ("x-reset-tokens", "1m0s"),
        ];
        assert_eq!(rest(Span, &both), Some(60));
        for (format, reset, seconds) in [
            (Seconds, "7", Some(7)),
            (Seconds, "-1", None),
            (Rfc3339, "2026-11-23T00:00:30Z", Some(30)),
            (Rfc3339, "2026-11-22T00:00:30Z", Some(0)),
            (Rfc3339, "soon", None),
            (Unix, "1795392040", Some(40)),
            (Unix, "1795391999", Some(0)),
            (UnixMillis, "1795392041000", Some(41)),
            (UnixMillis, "1e9", None),
        ] {
            let read = rest(format, &[none, ("x-reset-requests", reset)]);
            assert_eq!(read, seconds, "{format:?} {reset}");
        }
    }

    #[test]
    fn what_is_left_is_read_with_what_there_is_in_all() {
        let pairs = [
            ("x-limit-requests", "100, 100;w=60"),
            ("x-remaining-requests", "40"),
            ("x-reset-requests", "6"),
            ("x-limit-tokens", "-1"),
            ("x-remaining-tokens", "7"),
        ];
        let expected = [
            Left {
                counted: Counted::Requests,
                limit: Some(100),
                remaining: 40,
                reset: Some(Duration::from_secs(6)),
            },
            Left {
                counted: Counted::Tokens,
                limit: None,
                remaining: 7,
                reset: None,
            },
        ];
        assert_eq!(said(ResetFormat::Seconds, &pairs), expected);
        for unknown in ["-1", "", "many", "1e3", "99999999999999999999"] {
            let pairs = [("x-remaining-requests", unknown)];
            assert_eq!(said(ResetFormat::Seconds, &pairs), [], "{unknown}");
        }
    }
}
