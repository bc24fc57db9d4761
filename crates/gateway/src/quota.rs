//! What an answer says of the rest of its provider's rate limits.

use std::time::{Duration, UNIX_EPOCH};

use http::{HeaderMap, HeaderName};
use orchestra_providers::{RateLimitHeaders, ResetFormat};

/// How long until something is left again, if an answer says that nothing is: of several things of which nothing is left,
/// the one that takes longest. `unix` is asked for the wall clock only where a header needs it.
///
/// Only the headers that the provider's row names are looked at.
pub(crate) fn exhausted(
    headers: &HeaderMap,
    limits: &[RateLimitHeaders],
    unix: impl Fn() -> Duration,
) -> Option<Duration> {
    let rest = |limit: &RateLimitHeaders| {
        let nothing = text(headers, &limit.remaining)? == "0";
        let reset = nothing.then(|| text(headers, &limit.reset)).flatten()?;
        match limit.format {
            ResetFormat::Duration => span(reset),
            ResetFormat::Seconds => Duration::try_from_secs_f64(reset.parse().ok()?).ok(),
            ResetFormat::Rfc3339 => {
                let moment = humantime::parse_rfc3339_weak(reset).ok()?;
                let since = moment.duration_since(UNIX_EPOCH).ok()?;
                Some(since.saturating_sub(unix()))
            }
        }
    };
    limits.iter().filter_map(rest).max()
}

fn text<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Option<&'h str> {
    headers.get(name)?.to_str().ok().map(str::trim)
}

/// A span as OpenAI writes it: `6m0s`, `1.5s`, `120ms`.
fn span(text: &str) -> Option<Duration> {
    let mut left = text;
    let mut seconds = 0.0;
    while !left.is_empty() {
        let end = left.find(|c: char| c.is_ascii_alphabetic())?;
        let number: f64 = left[..end].parse().ok()?;
        let unit = left[end..]
            .find(|c: char| !c.is_ascii_alphabetic())
            .map_or(left.len(), |length| end + length);
        seconds += number
            * match &left[end..unit] {
                "d" => 86_400.0,
                "h" => 3_600.0,
                "m" => 60.0,
                "s" => 1.0,
                "ms" => 1e-3,
                "us" => 1e-6,
                _ => return None,
            };
        left = &left[unit..];
    }
    Duration::try_from_secs_f64(seconds).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_read_as_openai_writes_them() {
        for (text, millis) in [
            ("6m0s", 360_000),
            ("120ms", 120),
            ("1s", 1_000),
            ("8.64s", 8_640),
            ("1h2m3.5s", 3_723_500),
            ("0s", 0),
        ] {
            let read = span(text).map(|span| span.as_secs_f64() * 1e3);
            assert!(
                read.is_some_and(|read| (read - f64::from(millis)).abs() < 1e-3),
                "{text}: {read:?}"
            );
        }
        for nonsense in ["soon", "5", "-1s", "1e400s", "1x", "s", "1s2", "\u{e9}s"] {
            assert_eq!(span(nonsense), None, "{nonsense}");
        }
    }

    fn limits(format: ResetFormat) -> Vec<RateLimitHeaders> {
        ["requests", "tokens"]
            .map(|of| RateLimitHeaders {
                limit: format!("x-limit-{of}").parse().unwrap(),
                remaining: format!("x-remaining-{of}").parse().unwrap(),
                reset: format!("x-reset-{of}").parse().unwrap(),
                format,
            })
            .into()
    }

    #[test]
    fn only_who_has_nothing_left_is_left_alone_and_for_the_longest_of_its_times() {
        // 2026-11-23T00:00:00Z
        let unix = || Duration::from_secs(1_795_392_000);
        let rest = |format, pairs: &[(&'static str, &'static str)]| {
            let header = |(name, value): &(&'static str, &'static str)| {
                (HeaderName::from_static(name), value.parse().unwrap())
            };
            let headers: HeaderMap = pairs.iter().map(header).collect();
            exhausted(&headers, &limits(format), unix).map(|rest| rest.as_secs())
        };
        use ResetFormat::{Duration as Span, Rfc3339, Seconds};
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
        assert_eq!(rest(Seconds, &[none, ("x-reset-requests", "7")]), Some(7));
        let moment = ("x-reset-requests", "2026-11-23T00:00:30Z");
        assert_eq!(rest(Rfc3339, &[none, moment]), Some(30));
        let past = ("x-reset-requests", "2026-11-22T00:00:30Z");
        assert_eq!(rest(Rfc3339, &[none, past]), Some(0));
        assert_eq!(rest(Rfc3339, &[none, ("x-reset-requests", "soon")]), None);
    }
}
