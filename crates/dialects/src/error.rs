//! Errors as the dialects write them.

use std::time::Duration;

mod native;
mod parse;
mod render;

pub use native::is_native_error;
pub use parse::parse_error;
pub use render::render_error;

pub(crate) use parse::error_member;

/// What kind of thing went wrong, seen from the client.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ErrorKind {
    /// The request cannot be served as it is written.
    InvalidRequest,
    /// A key is missing, unknown or refused.
    Authentication,
    /// The key is known but may not do this.
    Permission,
    /// No such model or route.
    NotFound,
    /// The body is larger than allowed.
    TooLarge,
    /// Asked too often.
    RateLimited,
    /// No credit left.
    Billing,
    /// The provider, or the gateway, has no room right now.
    Overloaded,
    /// Nothing came in time.
    Timeout,
    /// Anything else that failed behind the client.
    Server,
}

/// An error that the gateway tells a client in the client's dialect.
#[derive(Clone, Copy, Debug)]
pub struct ErrorView<'a> {
    /// HTTP status; inside a stream, the status it would have had.
    pub status: u16,
    /// Decides the dialect's `type`.
    pub kind: ErrorKind,
    /// One or two sentences: what is wrong and how to mend it.
    pub message: &'a str,
    /// The request field at fault, such as `model` or `messages[2].content`.
    pub param: Option<&'a str>,
    /// A stable machine-readable word, such as `model_not_found`.
    pub code: Option<&'a str>,
    /// The call's identity, for support.
    pub request_id: Option<&'a str>,
}

/// An error that a provider reported, read from either family's body or stream event.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UpstreamError {
    /// The vendor's `type`, such as `rate_limit_error`.
    pub kind: Option<String>,
    /// The vendor's `code`, such as `insufficient_quota`, or Anthropic's `details.error_code`.
    pub code: Option<String>,
    /// The vendor's words.
    pub message: String,
    /// How long the provider asks to be left alone, where its body tells (Gemini's `RetryInfo`).
    pub retry_after: Option<Duration>,
}
