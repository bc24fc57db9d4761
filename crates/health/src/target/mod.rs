//! One target's standing.

mod policy;
mod state;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

pub use policy::{Outcome, Policy};
pub(crate) use state::State;

use crate::length::Length;
use crate::spread::Form;
use crate::standing::{Out, OutReason, Report, Standing};
use crate::ticket::{Begun, Ticket};

/// One target: what is known of it. Shared by all calls; times are monotonic, measured from any fixed moment.
#[derive(Debug)]
pub struct Target {
    policy: Policy,
    state: Mutex<State>,
    length: Length,
}

impl Target {
    /// A target of which nothing bad is known.
    #[must_use]
    pub fn new(policy: Policy) -> Self {
        Self {
            state: Mutex::new(State::new(&policy)),
            policy,
            length: Length::default(),
        }
    }

    /// An answer of so many output tokens was whole.
    pub fn answered(&self, tokens: u64) {
        self.length.record(tokens);
    }

    /// How many output tokens an answer has on average, of the last ones before all; `None` while fewer than 20 are known.
    #[must_use]
    pub fn usual_output(&self) -> Option<u64> {
        self.length.mean()
    }

    /// Nothing in here is left half-done by a panic.
    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) const fn policy(&self) -> &Policy {
        &self.policy
    }

    /// Whether it may be asked at the time `now`. Only [`Target::admit`] takes a place.
    #[must_use]
    pub fn standing(&self, now: Duration) -> Standing {
        self.state().standing(&self.policy, now)
    }

    /// Takes a place for one attempt, if the target may be asked: of a target that comes back, one call is let
    /// through.
    ///
    /// # Errors
    /// Why not, and until when.
    pub fn admit(self: &Arc<Self>, now: Duration) -> Result<Ticket, Out> {
        let mut state = self.state();
        self.stir(&mut state, now);
        match state.standing(&self.policy, now) {
            Standing::Out(out) => Err(out),
            // Those who wait came before.
            Standing::Ready { .. } | Standing::Probe if state.queue.is_some() => Err(Out {
                until: now,
                reason: OutReason::Full,
            }),
            Standing::Ready { .. } | Standing::Probe => Ok(self.place(&mut state, now)),
        }
    }

    /// Takes a place whatever is known: for when no other target is left. Somebody must still be tried.
    #[must_use]
    pub fn force(self: &Arc<Self>, now: Duration) -> Ticket {
        self.ticket(&mut self.state(), now, false)
    }

    /// A place of those that there are: the probe's, if it is to be one.
    pub(crate) fn place(self: &Arc<Self>, state: &mut State, now: Duration) -> Ticket {
        let probe = state.breaker.take_probe(now);
        self.ticket(state, now, probe)
    }

    fn ticket(self: &Arc<Self>, state: &mut State, now: Duration, probe: bool) -> Ticket {
        state.in_flight = state.in_flight.saturating_add(1);
        let begun = Begun {
            since: now,
            openings: state.breaker.openings(),
        };
        Ticket::new(Arc::clone(self), begun, probe)
    }

    /// A call was brought here, for the first time: retries are a share of these.
    pub fn offer(&self, now: Duration) {
        self.state().retries.deposit(now);
    }

    /// Whether the same target could be asked once more for one call now. Nothing is paid.
    #[must_use]
    pub fn affords_retry(&self, now: Duration) -> bool {
        self.state().retries.affords(&self.policy.retries, now)
    }

    /// Whether the same target may be asked once more for one call; if so, that is paid for.
    pub fn withdraw_retry(&self, now: Duration) -> bool {
        self.state().retries.withdraw(&self.policy.retries, now)
    }

    /// What an attempt more would cost: how long answers take, times the calls that are on their way. Smaller is better.
    /// A target without any answer yet counts as a fast one, to be known.
    #[must_use]
    pub fn cost(&self, now: Duration) -> f64 {
        let state = self.state();
        let seconds = state.latency.seconds(now, self.policy.latency_decay);
        seconds * f64::from(state.in_flight.saturating_add(1))
    }

    /// Whether nothing is known of it that a new target would not show as well: it is closed and has no past, nothing
    /// paused it, nobody waits for it.
    pub(crate) fn is_like_new(&self, now: Duration) -> bool {
        let state = self.state();
        state.in_flight == 0
            && state.queue.is_none()
            && now >= state.paused_until
            && state.breaker.is_like_new(now)
    }

    /// Takes note of something that was learnt without a ticket, such as by a probe. `draw` is chance, 0 to 1.
    pub fn record(self: &Arc<Self>, outcome: Outcome, now: Duration, draw: f64) {
        let mut state = self.state();
        let openings = state.breaker.openings();
        state.record(&self.policy, openings, outcome, now, draw);
        self.stir(&mut state, now);
    }

    /// It has said that it will take nothing for this time: no failure, and no sign that it has too much to do at one time.
    pub fn rest(&self, rest: Duration, now: Duration) {
        let until = now.saturating_add(rest.min(self.policy.max_pause));
        let mut state = self.state();
        state.paused_until = state.paused_until.max(until);
    }

    /// What an attempt that began then has to tell.
    pub(crate) fn judge(&self, begun: Begun, outcome: Outcome, now: Duration, draw: f64) {
        let mut state = self.state();
        state.record(&self.policy, begun.openings, outcome, now, draw);
    }

    /// The time within which so many of a hundred attempts of late got their first token, or their whole answer; `None` while
    /// fewer than fifty are known.
    #[must_use]
    pub fn percentile(&self, percent: u8, form: Form, now: Duration) -> Option<Duration> {
        let state = self.state();
        let spread = match form {
            Form::Stream => &state.streams,
            Form::Whole => &state.wholes,
        };
        spread.percentile(percent, now)
    }

    /// An attempt that began then has got its first token.
    pub(crate) fn first_token(&self, begun: Begun, form: Form, now: Duration) {
        let took = now.saturating_sub(begun.since);
        let decay = self.policy.latency_decay;
        let mut state = self.state();
        state.latency.record(took, now, decay);
        state.spread(form).record(took, now);
    }

    /// An attempt that began then was given up for a faster one. It would have taken longer than until now: without it the
    /// slow ones would be missing among the times, and each percentile would sink to where the next one is given up.
    pub(crate) fn outrun(&self, begun: Begun, form: Form, now: Duration) {
        let took = now.saturating_sub(begun.since);
        self.state().spread(form).record(took, now);
    }

    /// The probe that began then needs its place no longer. If the breaker opened since, the place is not its own.
    pub(crate) fn give_probe_back(self: &Arc<Self>, begun: Begun, now: Duration) {
        let mut state = self.state();
        if state.breaker.openings() == begun.openings {
            state.breaker.give_back(now);
            self.stir(&mut state, now);
        }
    }

    /// An attempt is over.
    pub(crate) fn leave(self: &Arc<Self>, now: Duration) {
        let mut state = self.state();
        state.in_flight = state.in_flight.saturating_sub(1);
        self.stir_after_one(&mut state, now);
    }

    /// Everything at a glance.
    #[must_use]
    pub fn report(&self, now: Duration) -> Report {
        let state = self.state();
        Report {
            standing: state.standing(&self.policy, now),
            breaker: state.breaker.state(now),
            in_flight: state.in_flight,
            waiting: state.waiting(),
            limit: state.limit.most(now),
            latency: state.latency.measured(),
            successes: state.successes,
            failures: state.failures,
            last_success: state.last_success,
            last_failure: state.last_failure,
        }
    }
}

#[cfg(test)]
mod tests;
