//! Where providers report what is left of their rate limits.

use http::HeaderName;
use serde::Deserialize;

use crate::RateLimitRow;

/// How a provider's `reset` header tells when its window begins anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ResetFormat {
    /// A span such as `12ms`, `1s` or `6m0s`
    Duration,
    /// Seconds from now
    Seconds,
    /// A moment, as in RFC 3339
    Rfc3339,
}

/// The three headers about one counted thing (requests, tokens, …).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RateLimitHeaders {
    /// How much a window holds.
    pub limit: HeaderName,
    /// How much is left in this one.
    pub remaining: HeaderName,
    /// When the next one begins, in the form of [`RateLimitHeaders::format`].
    pub reset: HeaderName,
    /// The form of `reset`.
    pub format: ResetFormat,
}

impl RateLimitHeaders {
    /// Fills in every template of a row; on failure returns the template at fault.
    pub(crate) fn from_row(row: &RateLimitRow) -> Result<Vec<Self>, String> {
        let named = |template: &String, word: &str| {
            let name = template.replacen("{}", word, 1);
            HeaderName::try_from(name).map_err(|_| template.clone())
        };
        row.headers
            .iter()
            .map(|template| {
                if !template.contains("{}") {
                    return Err(template.clone());
                }
                Ok(Self {
                    limit: named(template, "limit")?,
                    remaining: named(template, "remaining")?,
                    reset: named(template, "reset")?,
                    format: row.reset,
                })
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(template: &str) -> Result<Vec<RateLimitHeaders>, String> {
        RateLimitHeaders::from_row(&RateLimitRow {
            headers: vec![template.to_owned()],
            reset: ResetFormat::Duration,
        })
    }

    #[test]
    fn a_template_names_three_headers() {
        let headers = filled("x-ratelimit-{}-tokens").unwrap();
        assert_eq!(headers[0].limit, "x-ratelimit-limit-tokens");
        assert_eq!(headers[0].remaining, "x-ratelimit-remaining-tokens");
        assert_eq!(headers[0].reset, "x-ratelimit-reset-tokens");
    }

    #[test]
    fn a_template_without_a_gap_or_with_bad_letters_is_named() {
        for bad in ["x-ratelimit-tokens", "x ratelimit {}", "{}:"] {
            assert_eq!(filled(bad), Err(bad.to_owned()));
        }
    }
}
