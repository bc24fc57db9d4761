//! What follows from what answers say is left of rate limits.

use http::HeaderMap;

use crate::fault::Fault;
use crate::gateway::Gateway;
use crate::keys::Access;
use crate::quota::{Left, exhausted, left};

/// How long a target rests that says what is left of its limits.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Rests {
    /// Until the reset, if nothing is left.
    IfNothingIsLeft,
    /// As long as it asked with `Retry-After`, which counts for more than a reset
    /// (draft-ietf-httpapi-ratelimit-headers-11).
    AsItAsked,
}

impl Gateway {
    /// Takes note of what an answer says is left of the key's limits.
    pub(crate) fn heed_quota(&self, access: &Access, headers: &HeaderMap) {
        let limits = access.member.provider.rate_limits();
        let left = left(headers, limits, || self.parts.clock.unix());
        if !left.is_empty() {
            self.heed(access, left, Rests::IfNothingIsLeft);
        }
    }

    /// The same of an error.
    pub(super) fn heed_refusal(&self, access: &Access, fault: &Fault) {
        let rests = match fault.retry_after {
            Some(_) => Rests::AsItAsked,
            None => Rests::IfNothingIsLeft,
        };
        if !fault.quota.is_empty() {
            self.heed(access, fault.quota.clone(), rests);
        }
    }

    /// Leaves a target alone that has said that it will take nothing for a while: it need not refuse a call for that.
    fn heed(&self, access: &Access, left: Vec<Left>, rests: Rests) {
        let now = self.parts.clock.monotonic();
        if let Some(rest) = exhausted(&left).filter(|_| rests == Rests::IfNothingIsLeft) {
            access.health().rest(rest, now);
            tracing::debug!(
                provider = %access.member.provider.id(), key = access.name(), seconds = rest.as_secs_f64(),
                "nothing is left of a rate limit"
            );
        }
        access.note_quota(left, now);
    }
}
