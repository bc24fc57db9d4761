//! Where providers report what is left of their rate limits.

use http::HeaderName;
use serde::Deserialize;

use crate::RateLimitRow;

/// How a provider's `reset` header tells when its window begins anew.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ResetFormat {
    /// A span such as `12ms`, `1s` or `6m0s`
    Duration,
    /// Seconds from now
    #[default]
    Seconds,
    /// A moment, as in RFC 3339
    Rfc3339,
    /// A moment, in seconds since 1970
    Unix,
    /// A moment, in milliseconds since 1970
    UnixMillis,
}

/// What a limit counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Counted {
    /// Calls.
    Requests,
    /// Tokens of input and output together, or of which nobody said which.
    Tokens,
    /// Tokens of input.
    InputTokens,
    /// Tokens of output.
    OutputTokens,
    /// Something else, such as bytes.
    Other,
}

impl Counted {
    /// The word for it in reports and metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Requests => "requests",
            Self::Tokens => "tokens",
            Self::InputTokens => "input_tokens",
            Self::OutputTokens => "output_tokens",
            Self::Other => "other",
        }
    }

    /// What a header or a policy of this name counts. A name that speaks of no tokens is about requests, as those are that
    /// have no word for it.
    #[must_use]
    pub fn of_name(name: &str) -> Self {
        let has = |word: &str| {
            let mut windows = name.as_bytes().windows(word.len());
            windows.any(|part| part.eq_ignore_ascii_case(word.as_bytes()))
        };
        match (has("token"), has("input"), has("output")) {
            (true, true, false) => Self::InputTokens,
            (true, false, true) => Self::OutputTokens,
            (true, _, _) => Self::Tokens,
            (false, _, _) => Self::Requests,
        }
    }
}

/// Where one provider reports what is left of its rate limits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RateLimits {
    /// Headers in threes.
    pub headers: Vec<RateLimitHeaders>,
    /// Whether the fields `RateLimit` and `RateLimit-Policy` are read, too (draft-ietf-httpapi-ratelimit-headers-11).
    pub fields: bool,
}

impl RateLimits {
    /// What a row says, and the standard ones unless it does without; on failure returns the template at fault.
    pub(crate) fn from_row(row: Option<&RateLimitRow>) -> Result<Self, String> {
        let standard = row.is_none_or(|row| row.standard.unwrap_or(true));
        let mut headers = row.map_or(Ok(Vec::new()), RateLimitHeaders::from_row)?;
        if standard {
            headers.extend(RateLimitHeaders::from_row(&RateLimitRow {
                headers: vec![STANDARD.to_owned()],
                reset: ResetFormat::Seconds,
                standard: None,
            })?);
        }
        Ok(Self {
            headers,
            fields: standard,
        })
    }
}

/// The three fields of the drafts up to draft-ietf-httpapi-ratelimit-headers-06, with seconds until the reset. Many
/// servers still send these.
const STANDARD: &str = "ratelimit-{}";

/// The three headers about one counted thing (requests, tokens, …).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RateLimitHeaders {
    /// What is counted.
    pub counted: Counted,
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
                    counted: Counted::of_name(template),
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
            standard: None,
        })
    }

    #[test]
    fn names_say_what_is_counted() {
        for (name, counted) in [
            ("x-ratelimit-{}-requests", "requests"),
            ("x-ratelimit-{}-req-minute", "requests"),
            ("ratelimit-{}", "requests"),
            ("x-ratelimit-{}-tokens", "tokens"),
            ("anthropic-ratelimit-input-tokens-{}", "input_tokens"),
            ("anthropic-ratelimit-output-tokens-{}", "output_tokens"),
            ("Tokens per minute", "tokens"),
            ("", "requests"),
        ] {
            assert_eq!(Counted::of_name(name).as_str(), counted, "{name}");
        }
    }

    #[test]
    fn the_standard_ones_are_read_unless_a_row_does_without() {
        let names = |row: Option<&RateLimitRow>| {
            let limits = RateLimits::from_row(row).unwrap();
            let names = limits.headers.iter().map(|h| h.remaining.to_string());
            (names.collect::<Vec<_>>(), limits.fields)
        };
        let own = |standard| RateLimitRow {
            headers: vec!["x-{}".to_owned()],
            reset: ResetFormat::Unix,
            standard,
        };
        let [all, mine] = ["ratelimit-remaining", "x-remaining"].map(str::to_owned);
        assert_eq!(names(None), (vec![all.clone()], true));
        assert_eq!(names(Some(&own(None))), (vec![mine.clone(), all], true));
        assert_eq!(names(Some(&own(Some(false)))), (vec![mine], false));
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
