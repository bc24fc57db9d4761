//! How long an upstream wants to be left alone.

use std::time::{Duration, UNIX_EPOCH};

use http::HeaderMap;
use http::header::RETRY_AFTER;

/// Reads `retry-after-ms`, then `retry-after` in both of its forms, seconds and an HTTP
/// date (RFC 9110, section 10.2.3). `unix` is the current time, against which a date is
/// taken; a date in the past means now.
pub(crate) fn retry_after(headers: &HeaderMap, unix: Duration) -> Option<Duration> {
    let text = |name: &str| headers.get(name)?.to_str().ok().map(str::trim);
    let ms = text("retry-after-ms").and_then(|text| text.parse::<f64>().ok());
    if let Some(rest) = ms.and_then(|ms| Duration::try_from_secs_f64(ms / 1000.0).ok()) {
        return Some(rest);
    }
    let value = text(RETRY_AFTER.as_str())?;
    if let Ok(seconds) = value.parse::<f64>() {
        return Duration::try_from_secs_f64(seconds).ok();
    }
    let date = httpdate::parse_http_date(value)
        .ok()?
        .duration_since(UNIX_EPOCH)
        .ok()?;
    Some(date.saturating_sub(unix))
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn check(name: &'static str, value: &'static str, expected: Option<f64>) {
        let mut headers = HeaderMap::new();
        headers.insert(name, HeaderValue::from_static(value));
        // 2026-11-23T00:00:00Z
        let now = Duration::from_secs(1_795_392_000);
        assert_eq!(
            retry_after(&headers, now).map(|d| d.as_secs_f64()),
            expected,
            "{name}: {value}"
        );
    }

    #[test]
    fn reads_every_form_and_nothing_else() {
        check("retry-after", "7", Some(7.0));
        check("retry-after", "0.5", Some(0.5));
        check("retry-after-ms", "250", Some(0.25));
        check("retry-after", "Mon, 23 Nov 2026 00:01:00 GMT", Some(60.0));
        check("retry-after", "Sun, 22 Nov 2026 00:00:00 GMT", Some(0.0));
        for nonsense in ["", "-1", "soon", "NaN", "1e400", "inf"] {
            check("retry-after", nonsense, None);
        }
    }
}
