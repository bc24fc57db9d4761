//! One target's standing.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::breaker::{Breaker, BreakerPolicy, BreakerState};
use crate::latency::Latency;
use crate::limit::Limit;
use crate::retries::{RetryBudget, RetryPolicy};
use crate::spread::{Form, Spread};
use crate::standing::{Out, OutReason, Report, Standing};
use crate::ticket::{Begun, Ticket};
use crate::wait::Queue;

/// How a target is judged.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Policy {
    /// When it is left alone.
    pub breaker: BreakerPolicy,
    /// How often it may be asked again.
    pub retries: RetryPolicy,
    /// The longest pause that a target may ask for. Five minutes by default: a wrong `Retry-After` must not remove a provider
    /// for a day.
    pub max_pause: Duration,
    /// Whether it is learnt how many calls a target takes at one time. Only a simulation says no, to show what it is worth.
    pub limits: bool,
    /// How fast a slow answer is forgotten. Ten seconds, as in linkerd2-proxy.
    pub latency_decay: Duration,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            breaker: BreakerPolicy::default(),
            retries: RetryPolicy::default(),
            max_pause: Duration::from_secs(300),
            limits: true,
            latency_decay: Duration::from_secs(10),
        }
    }
}

/// How one attempt went, as far as the target's health is concerned.
///
/// A request that the client got wrong is a success here: the target answered it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The target did its work.
    Healthy,
    /// The target failed.
    Failed,
    /// The target has too much to do; that is a failure, and a sign to send it less.
    Overloaded,
    /// The target asked to be left alone for a while; that is no failure.
    Paused {
        /// For how long.
        rest: Duration,
    },
}

/// One target: what is known of it. Shared by all calls; times are monotonic, measured from any fixed moment.
#[derive(Debug)]
pub struct Target {
    policy: Policy,
    state: Mutex<State>,
}

#[derive(Debug)]
pub(crate) struct State {
    breaker: Breaker,
    retries: RetryBudget,
    limit: Limit,
    latency: Latency,
    streams: Spread,
    wholes: Spread,
    paused_until: Duration,
    pub(crate) in_flight: u32,
    successes: u64,
    failures: u64,
    last_success: Option<Duration>,
    last_failure: Option<Duration>,
    /// Those who wait for a place, if there are any.
    pub(crate) queue: Option<Box<Queue>>,
}

impl Target {
    /// A target of which nothing bad is known.
    #[must_use]
    pub fn new(policy: Policy) -> Self {
        Self {
            state: Mutex::new(State {
                breaker: Breaker::new(&policy.breaker),
                retries: RetryBudget::new(&policy.retries),
                limit: Limit::default(),
                latency: Latency::default(),
                streams: Spread::new(),
                wholes: Spread::new(),
                paused_until: Duration::ZERO,
                in_flight: 0,
                successes: 0,
                failures: 0,
                last_success: None,
                last_failure: None,
                queue: None,
            }),
            policy,
        }
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

impl State {
    const fn spread(&mut self, form: Form) -> &mut Spread {
        match form {
            Form::Stream => &mut self.streams,
            Form::Whole => &mut self.wholes,
        }
    }

    /// How many wait.
    pub(crate) fn waiting(&self) -> usize {
        self.queue.as_ref().map_or(0, |queue| queue.len())
    }

    pub(crate) fn standing(&self, policy: &Policy, now: Duration) -> Standing {
        let out = |until, reason| Standing::Out(Out { until, reason });
        if now < self.paused_until {
            return out(self.paused_until, OutReason::Paused);
        }
        match self.breaker.state(now) {
            BreakerState::Open { until } => out(until, OutReason::Failing),
            BreakerState::HalfOpen if self.breaker.is_probing() => out(now, OutReason::Probing),
            BreakerState::HalfOpen => Standing::Probe,
            BreakerState::Closed if !self.limit.has_room(self.in_flight, now) => {
                out(now, OutReason::Full)
            }
            BreakerState::Closed => Standing::Ready {
                share: self.breaker.share(&policy.breaker, now),
            },
        }
    }

    fn record(
        &mut self,
        policy: &Policy,
        openings: u64,
        outcome: Outcome,
        now: Duration,
        draw: f64,
    ) {
        match outcome {
            Outcome::Healthy => {
                self.breaker.succeeded(&policy.breaker, openings, now);
                self.limit.succeeded(self.in_flight, now);
                self.successes = self.successes.saturating_add(1);
                self.last_success = Some(now);
            }
            Outcome::Failed | Outcome::Overloaded => {
                if outcome == Outcome::Overloaded && policy.limits {
                    self.limit.overloaded(self.in_flight, now);
                }
                self.breaker.failed(&policy.breaker, openings, now, draw);
                self.failures = self.failures.saturating_add(1);
                self.last_failure = Some(now);
            }
            Outcome::Paused { rest } => {
                if policy.limits {
                    self.limit.overloaded(self.in_flight, now);
                }
                let until = now.saturating_add(rest.min(policy.max_pause));
                self.paused_until = self.paused_until.max(until);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EVEN: f64 = 0.5;

    fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn target() -> Arc<Target> {
        Arc::new(Target::new(Policy::default()))
    }

    fn failing(now: Duration) -> Arc<Target> {
        let target = target();
        for _ in 0..5 {
            target.record(Outcome::Failed, now, EVEN);
        }
        target
    }

    #[test]
    fn a_failing_target_is_left_alone_and_comes_back_by_one_call() {
        let target = failing(at(100));
        assert!(target.admit(at(101)).is_err());
        let probe = target.admit(at(130)).unwrap();
        assert!(matches!(
            target.admit(at(130)),
            Err(Out {
                reason: OutReason::Probing,
                ..
            })
        ));
        probe.judge(Outcome::Healthy, at(131), EVEN);
        drop(probe);
        assert!(matches!(target.standing(at(131)), Standing::Ready { share } if share < 0.2));
    }

    #[test]
    fn a_probe_whose_client_left_makes_room_for_the_next() {
        let target = failing(at(100));
        drop(target.admit(at(130)).unwrap());
        assert!(target.admit(at(130)).is_ok());
    }

    #[test]
    fn a_pause_is_honoured_up_to_the_longest_and_never_shortened() {
        let target = target();
        target.record(Outcome::Paused { rest: at(86_400) }, at(0), EVEN);
        target.record(Outcome::Paused { rest: at(1) }, at(0), EVEN);
        assert!(target.admit(at(299)).is_err());
        assert!(target.admit(at(300)).is_ok());
        assert_eq!(target.report(at(300)).failures, 0);
    }

    #[test]
    fn a_rest_that_is_foretold_limits_nothing_and_keeps_its_bound() {
        let target = target();
        target.rest(at(20), at(0));
        target.rest(at(5), at(0));
        assert!(target.admit(at(19)).is_err());
        assert!(target.admit(at(20)).is_ok());
        assert_eq!(target.report(at(20)).limit, None);
        target.rest(at(86_400), at(100));
        assert!(target.admit(at(399)).is_err());
        assert!(target.admit(at(400)).is_ok());
    }

    #[test]
    fn the_last_resort_is_tried_whatever_is_known() {
        let target = failing(at(100));
        let ticket = target.force(at(101));
        assert_eq!(target.report(at(101)).in_flight, 1);
        ticket.judge(Outcome::Healthy, at(102), EVEN);
        assert_eq!(target.report(at(102)).in_flight, 0, "before it is dropped");
        drop(ticket);
        assert_eq!(target.report(at(102)).in_flight, 0);
        assert!(matches!(target.standing(at(102)), Standing::Ready { .. }));
    }

    #[test]
    fn an_overloaded_target_takes_fewer_calls_at_a_time() {
        let target = target();
        let mut tickets: Vec<Ticket> = (0..20).map(|_| target.admit(at(1)).unwrap()).collect();
        tickets.remove(0).judge(Outcome::Overloaded, at(1), EVEN);
        assert!(matches!(
            target.admit(at(1)),
            Err(Out {
                reason: OutReason::Full,
                ..
            })
        ));
        tickets.truncate(13);
        assert!(target.admit(at(1)).is_ok());
    }

    #[test]
    fn a_slow_or_busy_target_costs_more() {
        let (fast, slow) = (target(), target());
        for (target, millis) in [(&fast, 100), (&slow, 900)] {
            let ticket = target.admit(at(1)).unwrap();
            ticket.first_token(Form::Stream, at(1) + Duration::from_millis(millis));
        }
        assert!(fast.cost(at(2)) < slow.cost(at(2)));
        let _busy: Vec<Ticket> = (0..20).map(|_| fast.admit(at(2)).unwrap()).collect();
        assert!(fast.cost(at(2)) > slow.cost(at(2)));
    }

    #[test]
    fn only_the_first_outcome_of_an_attempt_counts() {
        let target = target();
        let ticket = target.admit(at(1)).unwrap();
        ticket.judge(Outcome::Failed, at(1), EVEN);
        ticket.judge(Outcome::Healthy, at(1), EVEN);
        let report = target.report(at(1));
        assert_eq!((report.failures, report.successes), (1, 0));
    }

    #[test]
    fn a_place_that_is_given_up_is_the_probe_s_own() {
        let target = target();
        let early = target.admit(at(90)).unwrap();
        for _ in 0..5 {
            target.record(Outcome::Failed, at(100), EVEN);
        }
        let probe = target.admit(at(130)).unwrap();
        drop(early);
        assert!(target.admit(at(131)).is_err(), "the probe is on its way");
        drop(probe);
        assert!(target.admit(at(131)).is_ok());
    }

    #[test]
    fn a_probe_of_an_earlier_rest_gives_no_place_back() {
        let target = failing(at(100));
        let earlier = target.admit(at(130)).unwrap();
        target.force(at(131)).judge(Outcome::Failed, at(131), EVEN);
        let _probe = target.admit(at(191)).unwrap();
        drop(earlier);
        assert!(target.admit(at(192)).is_err(), "the probe is on its way");
    }

    #[test]
    fn a_probe_that_streams_lets_the_next_one_through_and_its_end_decides() {
        let target = failing(at(100));
        let probe = target.admit(at(130)).unwrap();
        probe.first_token(Form::Stream, at(131));
        let next = target.admit(at(131)).unwrap();
        assert!(target.admit(at(131)).is_err(), "one at a time");
        probe.judge(Outcome::Failed, at(140), EVEN);
        assert!(matches!(
            target.standing(at(141)),
            Standing::Out(Out {
                reason: OutReason::Failing,
                ..
            })
        ));
        next.judge(Outcome::Healthy, at(142), EVEN);
        assert!(target.admit(at(143)).is_err(), "it was sent before");
    }

    #[test]
    fn no_more_are_let_in_at_one_time_than_the_limit_says() {
        let target = target();
        for _ in 0..3 {
            target.record(Outcome::Overloaded, at(1), EVEN);
        }
        let admitted = std::thread::scope(|scope| {
            let many =
                || -> Vec<Ticket> { (0..50).filter_map(|_| target.admit(at(1)).ok()).collect() };
            let threads: Vec<_> = (0..4).map(|_| scope.spawn(many)).collect();
            threads
                .into_iter()
                .flat_map(|thread| thread.join().unwrap())
                .collect::<Vec<_>>()
        });
        assert_eq!(admitted.len(), 4);
    }

    #[test]
    fn a_new_target_is_not_sent_everything() {
        let (new, known) = (target(), target());
        known.admit(at(1)).unwrap().first_token(Form::Stream, at(2));
        assert!(new.cost(at(2)) < known.cost(at(2)));
        let _waiting: Vec<Ticket> = (0..10).map(|_| new.admit(at(2)).unwrap()).collect();
        assert!(new.cost(at(2)) > known.cost(at(2)));
    }
}
