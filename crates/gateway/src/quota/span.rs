//! Spans of time as OpenAI writes them.

use std::time::Duration;

/// A span: `6m0s`, `1.5s`, `120ms`.
pub(super) fn span(text: &str) -> Option<Duration> {
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
}
