//! What can go wrong with an attempt. What follows from it is in `verdict.rs`, how it is told in `words.rs`.

mod verdict;
mod words;

use std::time::Duration;

use bytes::Bytes;
use http::header::CONTENT_ENCODING;
use http::response::Parts;
use http::{HeaderMap, StatusCode};
use orchestra_dialects::{UpstreamError, parse_error};
use orchestra_providers::{ErrorClass, Provider};

use crate::keys::Access;
use crate::quota::{Left, left};
use crate::retry_after::retry_after;
use crate::transport::{BoxError, TransportError};

pub(crate) use verdict::ASKED_TIMEOUT;
pub use verdict::Verdict;
pub(crate) use words::chain;

/// How far an attempt had come when it failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reached {
    /// Nothing left this machine: trying again costs nobody anything.
    NotSent,
    /// The request may have arrived.
    Sent,
    /// The upstream's headers had come.
    Answered,
    /// An answer had begun, of which the client had received nothing.
    Begun,
    /// The client had received content.
    Streaming,
}

/// The phase in which an upstream was too slow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Waiting for the headers of the answer.
    FirstByte,
    /// The same, for as long as the call or its tree says (`request_timeout`).
    Asked,
    /// Silence within the answer.
    Idle,
    /// The call's whole time.
    Total,
}

/// Why an attempt failed.
#[derive(Debug)]
pub enum FaultKind {
    /// The upstream answered with an error.
    Reported(ErrorClass),
    /// No connection.
    Connect(BoxError),
    /// The connection broke.
    Broken(BoxError),
    /// Too slow.
    Timeout(Phase),
    /// What came is not what the dialect says: HTML, broken JSON, a redirect, no HTTP at all.
    Malformed(String),
    /// The stream ended without its end event.
    Truncated,
}

/// One failed attempt.
#[derive(Debug)]
pub struct Fault {
    /// Why.
    pub kind: FaultKind,
    /// How far it had come.
    pub reached: Reached,
    /// The upstream's status, if it answered.
    pub status: Option<StatusCode>,
    /// How long the upstream asked to be left alone.
    pub retry_after: Option<Duration>,
    /// The error that the upstream reported, if it could be read.
    pub error: Option<UpstreamError>,
    /// Whether the upstream said that the same would fail again: `x-should-retry: false`, which OpenAI and Anthropic send for
    /// their own clients.
    pub(crate) is_final: bool,
    /// Whose error it is, where the upstream only passed it on.
    pub(crate) passed_on_from: Option<String>,
    /// Whether it says nothing of the target: that had less time than it may take, or was asked for more than the gateway takes.
    pub(crate) blameless: bool,
    /// What its answer says is left of its rate limits.
    pub(crate) quota: Vec<Left>,
    /// Its answer as it came, body cut at 64 KiB; for relaying to a client of the same dialect.
    pub(crate) answer: Option<(HeaderMap, Bytes)>,
}

/// For [`FaultKind::Malformed`]: no answer may give the gateway's key away.
pub(crate) const GAVE_KEY_AWAY: &str = "it repeats the gateway's key";

impl Fault {
    /// A fault without an answer from the upstream.
    pub(crate) const fn new(kind: FaultKind, reached: Reached) -> Self {
        Self {
            kind,
            reached,
            status: None,
            retry_after: None,
            error: None,
            is_final: false,
            passed_on_from: None,
            blameless: false,
            quota: Vec::new(),
            answer: None,
        }
    }

    /// An error that the upstream reported inside an answer of status 200.
    pub(crate) fn reported(access: &Access, reached: Reached, error: UpstreamError) -> Self {
        let class = access.member.provider.classify(200, Some(&error));
        Self {
            kind: FaultKind::Reported(class),
            reached,
            status: None,
            retry_after: error.retry_after,
            error: harmless(access, Some(error)),
            is_final: false,
            passed_on_from: None,
            blameless: false,
            quota: Vec::new(),
            answer: None,
        }
    }

    /// An error status with what could be read of its body. Words that give the gateway's key away
    /// are dropped: the status says enough.
    pub(crate) fn of_answer(access: &Access, head: &Parts, text: Bytes, unix: Duration) -> Self {
        // Compressed words cannot be searched.
        let plain = head
            .headers
            .get(CONTENT_ENCODING)
            .is_none_or(|encoding| encoding == "identity");
        let text = if plain && !access.gives_key_away(&text) {
            text
        } else {
            Bytes::new()
        };
        let error = harmless(access, parse_error(&text));
        let provider = &access.member.provider;
        let class = provider.classify(head.status.as_u16(), error.as_ref());
        let passed_on_from = author(&head.headers, &text);
        let class = match class {
            // Another's key was refused, over there. The gateway's own was fine.
            ErrorClass::Authentication | ErrorClass::Billing if passed_on_from.is_some() => {
                ErrorClass::Permission
            }
            class => class,
        };
        Self {
            kind: FaultKind::Reported(class),
            reached: Reached::Answered,
            passed_on_from,
            status: Some(head.status),
            // Gemini says it in the body alone.
            retry_after: retry_after(&head.headers, unix)
                .or_else(|| error.as_ref().and_then(|error| error.retry_after)),
            error,
            is_final: head
                .headers
                .get("x-should-retry")
                .is_some_and(|value| value == "false"),
            blameless: false,
            quota: left(&head.headers, provider.rate_limits(), || unix),
            answer: Some((head.headers.clone(), text)),
        }
    }

    /// Whether it would be the same at this provider, whose error another gateway passed on. What was wrong with that gateway's
    /// key for it may be right with this one's.
    pub(crate) fn is_known_of(&self, provider: &Provider) -> bool {
        let authors_own = |author: &String| {
            provider.id().as_str() == author.as_str() || provider.is_called(author)
        };
        let about_key = matches!(self.kind, FaultKind::Reported(ErrorClass::Permission));
        !about_key && self.passed_on_from.as_ref().is_some_and(authors_own)
    }

    /// Whether too much was asked with this key, so that another may do better at once.
    pub(crate) const fn limits_key(&self) -> bool {
        let limited = matches!(self.kind, FaultKind::Reported(ErrorClass::RateLimited));
        limited && !self.is_final
    }

    /// Whether it is the key that was refused, and another key may do better. An account without credit is its key's
    /// affair; a permission that is lacking is as often about the model.
    pub(crate) const fn blames_key(&self) -> bool {
        match &self.kind {
            FaultKind::Reported(class) => match class {
                ErrorClass::Authentication | ErrorClass::Billing => true,
                ErrorClass::InvalidRequest
                | ErrorClass::ContextLength
                | ErrorClass::ContentPolicy
                | ErrorClass::Policy
                | ErrorClass::Permission
                | ErrorClass::ModelNotFound
                | ErrorClass::RateLimited
                | ErrorClass::Overloaded
                | ErrorClass::Timeout
                | ErrorClass::Server => false,
            },
            FaultKind::Connect(_)
            | FaultKind::Broken(_)
            | FaultKind::Timeout(_)
            | FaultKind::Malformed(_)
            | FaultKind::Truncated => false,
        }
    }

    /// Books the fault where nothing can be tried again: with the key if it is to blame, with the target if it is
    /// not, or if no other key works.
    pub(crate) fn book(&self, access: &Access, now: Duration) {
        if self.blames_key() {
            access.refused(now);
            if access.has_others(now) {
                return;
            }
        }
        access.judge(self.weight(), now);
    }
}

/// The provider that an error came from which another gateway passed on: Portkey adds its name to the body, except to errors of
/// its own (the project's Portkey reference, sections 2.5 and 8).
fn author(headers: &HeaderMap, text: &[u8]) -> Option<String> {
    #[derive(serde::Deserialize)]
    struct PassedOn {
        provider: String,
    }
    if headers.contains_key("x-portkey-gateway-exception") {
        return None;
    }
    let passed_on: PassedOn = serde_json::from_slice(text).ok()?;
    Some(passed_on.provider).filter(|provider| !provider.is_empty())
}

/// The error, unless its words give the gateway's key away: unescaped, they may hold what their bytes did not.
fn harmless(access: &Access, error: Option<UpstreamError>) -> Option<UpstreamError> {
    error.filter(|error| !access.gives_key_away(error.message.as_bytes()))
}

impl From<TransportError> for Fault {
    fn from(error: TransportError) -> Self {
        match error {
            TransportError::Connect { source } => {
                Self::new(FaultKind::Connect(source), Reached::NotSent)
            }
            TransportError::Broken { source } | TransportError::RequestBody { source } => {
                Self::new(FaultKind::Broken(source), Reached::Sent)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::tests::access;

    #[test]
    fn an_error_within_an_answer_tells_how_long_to_wait() {
        let error = UpstreamError {
            retry_after: Some(Duration::from_secs(7)),
            ..UpstreamError::default()
        };
        let fault = Fault::reported(&access(&["irrelevant-key"]), Reached::Answered, error);
        assert_eq!(fault.retry_after, Some(Duration::from_secs(7)));
    }

    #[test]
    fn words_that_give_the_key_away_are_not_kept() {
        let reported = |message: &str| {
            let error = UpstreamError {
                message: message.to_owned(),
                ..UpstreamError::default()
            };
            Fault::reported(&access(&["the-key-of-one"]), Reached::Streaming, error).error
        };
        assert!(reported("no such model").is_some());
        assert!(reported("bad key: the-key-of-one!").is_none());
    }
}
