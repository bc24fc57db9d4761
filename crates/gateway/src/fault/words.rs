//! How a fault is told.

use std::error::Error;

use orchestra_providers::ErrorClass;

use super::{Fault, FaultKind, Phase, Reached};

impl Phase {
    const fn as_str(self) -> &'static str {
        match self {
            Self::FirstByte | Self::Asked => "sent no answer in time",
            Self::Idle => "fell silent in the middle of its answer",
            Self::Total => "did not finish within the time allowed for the call",
        }
    }
}

impl Fault {
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
