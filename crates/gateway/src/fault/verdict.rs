//! What follows from a fault.

use std::time::Duration;

use http::StatusCode;
use orchestra_health::Outcome;
use orchestra_providers::ErrorClass;
use orchestra_routing::Compat;

use super::{Fault, FaultKind, Phase, Reached};

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

/// How long a target is left alone that is asked too often and does not say for how long.
const UNSAID_PAUSE: Duration = Duration::from_secs(1);

impl Fault {
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

    /// The same for who has it asked again whatever it said.
    pub(crate) fn pause_for_any(&self) -> Option<Duration> {
        let over = self.is_final || self.reached == Reached::Streaming;
        let asked = self.retry_after.unwrap_or_default();
        (!over).then(|| self.passes_after().unwrap_or(asked))
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
}

#[cfg(test)]
mod tests {
    use super::*;

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
}
