//! What a client is told when there is no answer.

use std::time::Duration;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderName, HeaderValue, Response, StatusCode};
use orchestra_dialects::{
    BodyError, ErrorKind, ErrorView, Family, Inexpressible, Loss, TranslateError, render_error,
};
use orchestra_types::{CallId, ProviderId};

use crate::body::AnswerBody;

/// Both vendors' clients obey it: `false` stops them from repeating a call that cannot succeed.
const SHOULD_RETRY: HeaderName = HeaderName::from_static("x-should-retry");

/// An error for the client, in no dialect yet.
#[derive(Clone, Debug)]
pub struct Refusal {
    /// HTTP status.
    pub status: StatusCode,
    /// Decides the dialect's `type`.
    pub kind: ErrorKind,
    /// What is wrong and how to mend it.
    pub message: String,
    /// The field of the request at fault.
    pub param: Option<String>,
    /// A stable word for programs.
    pub code: &'static str,
    /// When to come back.
    pub retry_after: Option<Duration>,
    /// Whether repeating the call is useless. Otherwise the client's own rules decide.
    pub for_good: bool,
}

impl Refusal {
    /// An error with the given words and nothing more.
    #[must_use]
    pub fn new(
        status: StatusCode,
        kind: ErrorKind,
        code: &'static str,
        message: impl Into<String>,
    ) -> Self {
        Self {
            status,
            kind,
            message: message.into(),
            param: None,
            code,
            retry_after: None,
            for_good: false,
        }
    }

    /// Whether the gateway could not call any target, whatever the target would have said: nobody was asked.
    #[must_use]
    pub fn is_exception(&self) -> bool {
        const OWN: [&str; 4] = [
            "endpoint_not_supported",
            "no_attempt_allowed",
            "provider_key_missing",
            "sealed",
        ];
        OWN.contains(&self.code)
    }

    /// A request that cannot be served as it is.
    #[must_use]
    pub fn invalid(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(
            StatusCode::BAD_REQUEST,
            ErrorKind::InvalidRequest,
            code,
            message,
        )
    }

    /// Names the field at fault.
    #[must_use]
    pub fn at(mut self, param: impl Into<String>) -> Self {
        self.param = Some(param.into());
        self
    }

    /// Tells the client that repeating the call is useless.
    #[must_use]
    pub const fn for_good(mut self) -> Self {
        self.for_good = true;
        self
    }

    /// A tree of strategies that cannot be followed.
    #[must_use]
    pub fn invalid_config(error: &orchestra_routing::ConfigError) -> Self {
        Self::invalid(
            "invalid_config",
            format!("the config of this call: {error}"),
        )
        .at("x-portkey-config")
        .for_good()
    }

    /// A way to a provider on which something would be lost, for a call that allows none.
    pub(crate) fn lossy(provider: &ProviderId, losses: &[Loss]) -> Self {
        const SHOWN: usize = 8;
        let mut shown: Vec<String> = losses.iter().take(SHOWN).map(lost).collect();
        if losses.len() > SHOWN {
            shown.push(format!("{} more", losses.len() - SHOWN));
        }
        let refusal = Self::invalid(
            "lossy_translation",
            format!(
                "on its way to provider `{provider}` this call would lose something: {}. \
                 Change these fields, or allow losses: strict translation was asked for.",
                shown.join(", ")
            ),
        )
        .for_good();
        match losses.first() {
            Some(first) => refusal.at(&first.path),
            None => refusal,
        }
    }

    /// The error as the family's clients expect it. The response's extensions hold the refusal itself, for whoever has to say it
    /// in other words.
    #[must_use]
    pub fn respond(&self, family: Family, call: &CallId) -> Response<AnswerBody> {
        let id = call.to_string();
        let body = render_error(family, &self.view(&id));
        let mut response = Response::new(AnswerBody::whole(Bytes::from(body)));
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        if let Some(rest) = self.retry_after {
            headers.insert(RETRY_AFTER, HeaderValue::from(whole_seconds(rest)));
        }
        if self.for_good {
            headers.insert(SHOULD_RETRY, HeaderValue::from_static("false"));
        }
        response.extensions_mut().insert(self.clone());
        response
    }

    /// The error for the renderers of the dialects.
    pub(crate) fn view<'a>(&'a self, request_id: &'a str) -> ErrorView<'a> {
        ErrorView {
            status: self.status.as_u16(),
            kind: self.kind,
            message: &self.message,
            param: self.param.as_deref(),
            code: Some(self.code),
            request_id: Some(request_id),
        }
    }
}

/// Rounded up: a client that comes back early is refused again.
fn whole_seconds(time: Duration) -> u64 {
    time.as_secs() + u64::from(time.subsec_nanos() > 0)
}

/// What becomes of a field, in words.
fn lost(loss: &Loss) -> String {
    format!("`{}` ({})", loss.path, loss.kind.as_str())
}

impl From<TranslateError> for Refusal {
    fn from(error: TranslateError) -> Self {
        match error {
            TranslateError::Body(error) => error.into(),
            TranslateError::Inexpressible(error) => error.into(),
            other => Self::invalid("endpoint_not_supported", other.to_string()).for_good(),
        }
    }
}

impl From<Inexpressible> for Refusal {
    fn from(error: Inexpressible) -> Self {
        Self::invalid(error.code, error.to_string())
            .at(error.path)
            .for_good()
    }
}

impl From<BodyError> for Refusal {
    fn from(error: BodyError) -> Self {
        let refusal = Self::invalid(error.code(), error.to_string()).for_good();
        match error.param() {
            Some(param) => refusal.at(param),
            None => refusal,
        }
    }
}
