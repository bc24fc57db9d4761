//! The end of every call: one record, whatever happened.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use orchestra_dialects::Endpoint;
use orchestra_types::{Clock, ModelId, Money, Price, ProviderId, Usage};

use crate::cache::CacheUse;
use crate::keys::UsedKey;
use crate::overload::Permit;
use crate::record::{AttemptRecord, CALLED_OFF, CallRecord, Ending, HedgeOutcome, Sink};

/// A send that was noted: which of its call, and when it began.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sent {
    number: usize,
    began: Duration,
}

/// The open record of a running call. Dropping it settles the call: a call of which nobody
/// said how it ended has a client that left.
pub(crate) struct Settlement {
    /// To be filled in on the way.
    pub(crate) record: CallRecord,
    /// The rule that leads to the next send.
    led_by: Option<&'static str>,
    /// What tokens cost at the target that answers.
    price: Option<Price>,
    /// The tokens of the streams that the present one goes on from, and what they cost.
    earlier: Option<(Usage, Option<Money>)>,
    /// Its place among the calls that are served; given back when the record is settled.
    pub(crate) permit: Option<Permit>,
    arrived: Duration,
    clock: Arc<dyn Clock>,
    sink: Arc<dyn Sink>,
}

impl Settlement {
    pub(crate) fn open(record: CallRecord, clock: &Arc<dyn Clock>, sink: &Arc<dyn Sink>) -> Self {
        Self {
            record,
            led_by: None,
            price: None,
            earlier: None,
            permit: None,
            arrived: clock.monotonic(),
            clock: Arc::clone(clock),
            sink: Arc::clone(sink),
        }
    }

    /// Notes that the client's answer begins, with this status.
    pub(crate) fn answered(&mut self, status: http::StatusCode) {
        self.record.status = status.as_u16();
        self.record.first_byte = Some(self.elapsed());
    }

    /// Notes what tokens cost where the answer comes from.
    pub(crate) const fn priced(&mut self, price: Option<Price>) {
        self.price = price;
    }

    /// Notes a send. If the client leaves before it is over, it stays as abandoned.
    pub(crate) fn attempt(
        &mut self,
        provider: &ProviderId,
        model: &ModelId,
        translated_to: Option<Endpoint>,
        key: Option<UsedKey>,
        began: Duration,
    ) -> Sent {
        self.record.attempts.push(AttemptRecord {
            provider: provider.clone(),
            model: model.clone(),
            key,
            translated_to,
            fault: Some("abandoned"),
            hedge: None,
            estimated_cost: None,
            path: String::new(),
            led_by: self.led_by.take(),
            took: Duration::ZERO,
        });
        let number = self.record.attempts.len() - 1;
        Sent { number, began }
    }

    /// Notes by which rule the call goes on; `None` is the usual way.
    pub(crate) const fn led_by(&mut self, rule: Option<&'static str>) {
        self.led_by = rule;
    }

    /// Notes where the target of a send stands in a tree.
    pub(crate) fn attempt_at(&mut self, sent: Sent, path: &str) {
        if let Some(attempt) = self.record.attempts.get_mut(sent.number) {
            path.clone_into(&mut attempt.path);
        }
    }

    /// Notes how a send went that is over at the time `now`.
    pub(crate) fn attempted(&mut self, sent: Sent, fault: Option<&'static str>, now: Duration) {
        if let Some(attempt) = self.record.attempts.get_mut(sent.number) {
            attempt.fault = fault;
            attempt.took = now.saturating_sub(sent.began);
            if let Some(hedge) = &mut attempt.hedge {
                *hedge = HedgeOutcome::of(fault);
            }
        }
    }

    /// Notes that a send was dropped because another one was faster, and what it may have cost.
    pub(crate) fn called_off(&mut self, sent: Sent, cost: Option<Money>, now: Duration) {
        self.attempted(sent, Some(CALLED_OFF), now);
        self.may_have_cost(sent, cost);
    }

    /// Notes what a send may have cost of whose answer nothing will be seen.
    pub(crate) fn may_have_cost(&mut self, sent: Sent, cost: Option<Money>) {
        if let Some(attempt) = self.record.attempts.get_mut(sent.number) {
            attempt.estimated_cost = cost;
        }
    }

    /// Notes that a send was made because the one before was slow.
    pub(crate) fn is_hedge(&mut self, sent: Sent) {
        if let Some(attempt) = self.record.attempts.get_mut(sent.number) {
            attempt.hedge = Some(HedgeOutcome::Abandoned);
        }
    }

    /// Notes that the latest of several sends that are over did not decide: the one before it did.
    pub(crate) fn not_decided_by(&mut self, sent: Sent) {
        let attempts = &mut self.record.attempts;
        if sent.number > 0 && sent.number + 1 == attempts.len() {
            attempts.swap(sent.number - 1, sent.number);
        }
    }

    /// Notes which of several sends that are over decided.
    pub(crate) fn decided_by(&mut self, sent: Sent) {
        let attempts = &mut self.record.attempts;
        if sent.number < attempts.len() {
            let attempt = attempts.remove(sent.number);
            attempts.push(attempt);
        }
    }

    /// Notes that it waited for a place.
    pub(crate) fn waited(&mut self, time: Duration) {
        *self.record.waited.get_or_insert_default() += time;
    }

    /// The time, for those who have no clock of their own.
    pub(crate) fn now(&self) -> Duration {
        self.clock.monotonic()
    }

    /// Says how the call ended and settles it.
    pub(crate) fn close(mut self, ending: Ending) {
        self.record.ending = ending;
    }

    /// Notes that the stream has died whose tokens are in the record, and what tokens cost where it is gone on with.
    pub(crate) fn goes_on_at(&mut self, price: Option<Price>) {
        let usage = self.record.usage.unwrap_or_default();
        let known = self.record.usage.is_some();
        let cost = if known {
            self.cost()
        } else {
            Some(Money::ZERO)
        };
        self.earlier = Some((usage, cost));
        self.price = price;
    }

    /// What the tokens in the record cost, if that is known.
    fn cost(&self) -> Option<Money> {
        if let Some(CacheUse::Hit(_)) = self.record.cache {
            return Some(Money::ZERO);
        }
        let (usage, price) = (self.record.usage.as_ref()?, self.price.as_ref()?);
        let Some((before, cost)) = self.earlier else {
            return price.cost(usage);
        };
        let fresh = price.cost(&usage.since(&before))?;
        cost?.checked_add(fresh)
    }

    fn elapsed(&self) -> Duration {
        self.clock.monotonic().saturating_sub(self.arrived)
    }
}

impl Drop for Settlement {
    fn drop(&mut self) {
        self.record.took = self.elapsed();
        self.record.cost = self.cost();
        let blank = CallRecord::open(self.record.id, None, None, Duration::ZERO);
        self.sink
            .settled(std::mem::replace(&mut self.record, blank));
    }
}

impl fmt::Debug for Settlement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Settlement").field(&self.record).finish()
    }
}
