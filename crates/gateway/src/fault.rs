//! What can go wrong with an attempt, and what follows from it.

use std::error::Error;
use std::time::Duration;

use bytes::Bytes;
use http::header::CONTENT_ENCODING;
use http::response::Parts;
use http::{HeaderMap, StatusCode};
use orchestra_dialects::{UpstreamError, parse_error};
use orchestra_health::Outcome;
use orchestra_providers::{ErrorClass, Provider};
use orchestra_routing::Compat;

use crate::keys::Access;
use crate::quota::{Left, left};
use crate::retry_after::retry_after;
use crate::transport::{BoxError, TransportError};

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

impl Phase {
    const fn as_str(self) -> &'static str {
        match self {
            Self::FirstByte | Self::Asked => "sent no answer in time",
            Self::Idle => "fell silent in the middle of its answer",
            Self::Total => "did not finish within the time allowed for the call",
        }
    }
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

/// What to do after a fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Another target may do better.
    NextTarget,
    /// Every target would say the same: tell the client.
    Relay,
}

/// What Portkey answers, and its users' configs list, when a target took longer than `request_timeout` says.
pub(crate) const ASKED_TIMEOUT: StatusCode = StatusCode::REQUEST_TIMEOUT;

/// For [`FaultKind::Malformed`]: no answer may give the gateway's key away.
pub(crate) const GAVE_KEY_AWAY: &str = "it repeats the gateway's key";

/// How long a target is left alone that is asked too often and does not say for how long.
const UNSAID_PAUSE: Duration = Duration::from_secs(1);

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

    /// What to do now. Content that the client has seen is never sent twice, so nothing
    /// follows a fault while streaming.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        if self.reached == Reached::Streaming {
            return Verdict::Relay;
        }
        self.verdict_if_unseen()
    }

    /// The same, whatever the client has seen.
    pub(crate) const fn verdict_if_unseen(&self) -> Verdict {
        match &self.kind {
            FaultKind::Reported(class) => match class {
                ErrorClass::InvalidRequest
                | ErrorClass::ContextLength
                | ErrorClass::ContentPolicy
                | ErrorClass::Policy => Verdict::Relay,
                ErrorClass::Authentication
                | ErrorClass::Permission
                | ErrorClass::Billing
                | ErrorClass::ModelNotFound
                | ErrorClass::RateLimited
                | ErrorClass::Overloaded
                | ErrorClass::Timeout
                | ErrorClass::Server => Verdict::NextTarget,
            },
            FaultKind::Timeout(Phase::Total) => Verdict::Relay,
            FaultKind::Connect(_)
            | FaultKind::Broken(_)
            | FaultKind::Timeout(Phase::FirstByte | Phase::Asked | Phase::Idle)
            | FaultKind::Malformed(_)
            | FaultKind::Truncated => Verdict::NextTarget,
        }
    }

    /// The same, as if the client had seen nothing of the answer: for a stream that another target can go on with.
    pub(crate) fn unseen(self) -> Self {
        Self {
            reached: Reached::Answered,
            ..self
        }
    }

    /// How long the same target must be left alone before it may do better; `None` if it would fail the same way. After
    /// content that the client has seen nothing is asked again.
    #[must_use]
    pub(crate) fn passes_after(&self) -> Option<Duration> {
        if self.is_final || self.reached == Reached::Streaming {
            return None;
        }
        let asked = self.retry_after.unwrap_or_default();
        match &self.kind {
            FaultKind::Reported(class) => match class {
                ErrorClass::RateLimited => Some(self.retry_after.unwrap_or(UNSAID_PAUSE)),
                ErrorClass::Overloaded | ErrorClass::Timeout | ErrorClass::Server => Some(asked),
                ErrorClass::InvalidRequest
                | ErrorClass::ContextLength
                | ErrorClass::ContentPolicy
                | ErrorClass::Policy
                | ErrorClass::Authentication
                | ErrorClass::Permission
                | ErrorClass::Billing
                | ErrorClass::ModelNotFound => None,
            },
            FaultKind::Connect(_)
            | FaultKind::Broken(_)
            | FaultKind::Timeout(Phase::FirstByte | Phase::Asked | Phase::Idle)
            | FaultKind::Truncated => Some(asked),
            // Pages, redirects and answers that give the key away are somebody's configuration.
            FaultKind::Timeout(Phase::Total) | FaultKind::Malformed(_) => None,
        }
    }

    /// Whether it took longer than the call or its tree gives (`request_timeout`).
    pub(crate) const fn took_longer_than_asked(&self) -> bool {
        matches!(self.kind, FaultKind::Timeout(Phase::Asked))
    }

    /// The status that trees go by. Portkey 1.x takes a time-out that it was asked for as one.
    pub(crate) fn status_in(&self, compat: Compat) -> Option<u16> {
        match compat {
            Compat::Portkey if self.took_longer_than_asked() => Some(ASKED_TIMEOUT.as_u16()),
            _ => self.status.map(|status| status.as_u16()),
        }
    }

    /// The same for who has it asked again whatever it said.
    pub(crate) fn pause_for_any(&self) -> Option<Duration> {
        let over = self.is_final || self.reached == Reached::Streaming;
        let asked = self.retry_after.unwrap_or_default();
        (!over).then(|| self.passes_after().unwrap_or(asked))
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

    /// What the fault says of the target's health; `None` for nothing. What the client did wrong says nothing against the
    /// target, and one that has streamed for all the time that there is may be well.
    #[must_use]
    pub fn weight(&self) -> Option<Outcome> {
        if self.blameless {
            return None;
        }
        Some(match &self.kind {
            FaultKind::Reported(class) => match class {
                ErrorClass::InvalidRequest
                | ErrorClass::ContextLength
                | ErrorClass::ContentPolicy
                | ErrorClass::Policy
                | ErrorClass::ModelNotFound => Outcome::Healthy,
                ErrorClass::RateLimited => Outcome::Paused {
                    rest: self.retry_after.unwrap_or(UNSAID_PAUSE),
                },
                ErrorClass::Overloaded => self
                    .retry_after
                    .map_or(Outcome::Overloaded, |rest| Outcome::Paused { rest }),
                ErrorClass::Authentication
                | ErrorClass::Permission
                | ErrorClass::Billing
                | ErrorClass::Timeout
                | ErrorClass::Server => Outcome::Failed,
            },
            FaultKind::Timeout(Phase::Total) if self.reached == Reached::Streaming => return None,
            FaultKind::Connect(_)
            | FaultKind::Broken(_)
            | FaultKind::Timeout(_)
            | FaultKind::Malformed(_)
            | FaultKind::Truncated => Outcome::Failed,
        })
    }

    /// One word for logs and metrics.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match &self.kind {
            FaultKind::Reported(class) => match class {
                ErrorClass::InvalidRequest => "invalid_request",
                ErrorClass::ContextLength => "context_length",
                ErrorClass::ContentPolicy => "content_policy",
                ErrorClass::Policy => "policy",
                ErrorClass::Authentication => "authentication",
                ErrorClass::Permission => "permission",
                ErrorClass::Billing => "billing",
                ErrorClass::ModelNotFound => "model_not_found",
                ErrorClass::RateLimited => "rate_limited",
                ErrorClass::Overloaded => "overloaded",
                ErrorClass::Timeout => "upstream_timeout",
                ErrorClass::Server => "server",
            },
            FaultKind::Connect(_) => "connect",
            FaultKind::Broken(_) => "broken",
            FaultKind::Timeout(Phase::FirstByte | Phase::Asked) => "timeout_first_byte",
            FaultKind::Timeout(Phase::Idle) => "timeout_idle",
            FaultKind::Timeout(Phase::Total) => "timeout_total",
            FaultKind::Malformed(_) => "malformed",
            FaultKind::Truncated => "truncated",
        }
    }

    /// The error below, for the log.
    #[must_use]
    pub fn cause(&self) -> Option<String> {
        let (FaultKind::Connect(source) | FaultKind::Broken(source)) = &self.kind else {
            return None;
        };
        Some(chain(source.as_ref()))
    }

    /// What happened, as the end of a sentence that begins with the provider's name.
    /// Holds nothing of what the upstream said.
    pub(crate) fn described(&self) -> String {
        match &self.kind {
            FaultKind::Reported(_) => match self.status {
                Some(status) => format!("answered with status {}", status.as_u16()),
                None => "reported an error".to_owned(),
            },
            FaultKind::Connect(_) => "could not be reached".to_owned(),
            FaultKind::Broken(_) => match self.reached {
                Reached::NotSent | Reached::Sent => {
                    "closed the connection before answering".to_owned()
                }
                Reached::Answered | Reached::Begun | Reached::Streaming => {
                    "broke off its answer".to_owned()
                }
            },
            FaultKind::Timeout(phase) => phase.as_str().to_owned(),
            FaultKind::Malformed(what) => {
                format!("sent an answer that cannot be understood ({what})")
            }
            FaultKind::Truncated => "ended its stream without finishing it".to_owned(),
        }
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

/// An error and all that caused it, for the log.
pub(crate) fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut below = error.source();
    while let Some(error) = below {
        text.push_str(&format!(": {error}"));
        below = error.source();
    }
    text
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

    fn fault(kind: FaultKind, reached: Reached) -> Fault {
        Fault::new(kind, reached)
    }

    #[test]
    fn nothing_is_tried_again_once_the_client_has_content() {
        for kind in [
            FaultKind::Truncated,
            FaultKind::Timeout(Phase::Idle),
            FaultKind::Reported(ErrorClass::Server),
        ] {
            assert_eq!(fault(kind, Reached::Streaming).verdict(), Verdict::Relay);
        }
        assert_eq!(
            fault(FaultKind::Truncated, Reached::Answered).verdict(),
            Verdict::NextTarget
        );
    }

    #[test]
    fn what_the_client_did_wrong_is_told_and_weighs_nothing() {
        let wrong = fault(
            FaultKind::Reported(ErrorClass::InvalidRequest),
            Reached::Answered,
        );
        assert_eq!(
            (wrong.verdict(), wrong.weight()),
            (Verdict::Relay, Some(Outcome::Healthy))
        );
    }

    #[test]
    fn who_streams_for_all_the_time_that_there_is_may_be_well() {
        let weight = |phase, reached| fault(FaultKind::Timeout(phase), reached).weight();
        assert_eq!(weight(Phase::Total, Reached::Streaming), None);
        let failed = Some(Outcome::Failed);
        assert_eq!(weight(Phase::Idle, Reached::Streaming), failed);
        assert_eq!(weight(Phase::Total, Reached::Sent), failed);
    }

    #[test]
    fn a_rate_limit_pauses_for_as_long_as_asked() {
        let mut limited = fault(
            FaultKind::Reported(ErrorClass::RateLimited),
            Reached::Answered,
        );
        limited.retry_after = Some(Duration::from_secs(7));
        assert_eq!(
            limited.weight(),
            Some(Outcome::Paused {
                rest: Duration::from_secs(7)
            })
        );
        assert_eq!(limited.verdict(), Verdict::NextTarget);
    }

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
