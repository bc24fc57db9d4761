//! One target's standing.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::breaker::{Breaker, BreakerPolicy, BreakerState};
use crate::latency::Latency;
use crate::limit::Limit;
use crate::retries::{RetryBudget, RetryPolicy};

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
    /// How fast a slow answer is forgotten. Ten seconds, as in linkerd2-proxy.
    pub latency_decay: Duration,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            breaker: BreakerPolicy::default(),
            retries: RetryPolicy::default(),
            max_pause: Duration::from_secs(300),
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

/// Whether a target may be asked.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Standing {
    /// It may. The share of its usual calls that it should get: less than 1 for a while after it came back.
    Ready {
        /// Above 0, up to 1.
        share: f64,
    },
    /// One call may see whether it is well again.
    Probe,
    /// It should be asked only if no other is left.
    Out {
        /// When it may be asked again.
        until: Duration,
        /// Why.
        reason: OutReason,
    },
}

/// Why a target is left alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OutReason {
    /// It failed too often.
    Failing,
    /// It asked for a pause.
    Paused,
    /// A probe is on its way.
    Probing,
    /// It has as many calls as it takes.
    Full,
}

impl OutReason {
    /// One word, for lists and metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Failing => "failing",
            Self::Paused => "paused",
            Self::Probing => "probing",
            Self::Full => "full",
        }
    }
}

/// A target as everybody may see it.
#[derive(Clone, Debug, PartialEq)]
pub struct Report {
    /// Whether it may be asked.
    pub standing: Standing,
    /// The breaker.
    pub breaker: BreakerState,
    /// Calls on their way.
    pub in_flight: u32,
    /// The most calls at one time, once it showed signs of overload.
    pub limit: Option<f64>,
    /// Time to the first token, as it was lately.
    pub latency: Option<Duration>,
    /// Attempts that ended well, ever.
    pub successes: u64,
    /// Attempts that failed, ever.
    pub failures: u64,
    /// When it last did its work.
    pub last_success: Option<Duration>,
    /// When it last failed.
    pub last_failure: Option<Duration>,
}

/// One target: what is known of it. Shared by all calls; times are monotonic, measured from any fixed moment.
#[derive(Debug)]
pub struct Target {
    policy: Policy,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    breaker: Breaker,
    retries: RetryBudget,
    limit: Limit,
    latency: Latency,
    paused_until: Duration,
    in_flight: u32,
    successes: u64,
    failures: u64,
    last_success: Option<Duration>,
    last_failure: Option<Duration>,
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
                paused_until: Duration::ZERO,
                in_flight: 0,
                successes: 0,
                failures: 0,
                last_success: None,
                last_failure: None,
            }),
            policy,
        }
    }

    /// Nothing in here is left half-done by a panic.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
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
    pub fn admit(self: &Arc<Self>, now: Duration) -> Result<Ticket, Standing> {
        let mut state = self.state();
        match state.standing(&self.policy, now) {
            Standing::Out { until, reason } => Err(Standing::Out { until, reason }),
            Standing::Ready { .. } | Standing::Probe => {
                state.breaker.admit(now);
                drop(state);
                Ok(self.force(now))
            }
        }
    }

    /// Takes a place whatever is known: for when no other target is left. Somebody must still be tried.
    #[must_use]
    pub fn force(self: &Arc<Self>, now: Duration) -> Ticket {
        let mut state = self.state();
        state.in_flight += 1;
        drop(state);
        Ticket {
            target: Arc::clone(self),
            since: now,
            judged: AtomicBool::new(false),
        }
    }

    /// A call was brought here, for the first time: retries are a share of these.
    pub fn offer(&self, now: Duration) {
        self.state().retries.deposit(now);
    }

    /// Whether the same target may be asked once more for one call; if so, that is paid for.
    pub fn withdraw_retry(&self, now: Duration) -> bool {
        self.state().retries.withdraw(&self.policy.retries, now)
    }

    /// What an attempt more would cost: how long answers take, times the calls that are on their way. Smaller is better; a
    /// target without any answer yet comes first, to be known.
    #[must_use]
    pub fn cost(&self, now: Duration) -> f64 {
        let state = self.state();
        let seconds = state.latency.seconds(now, self.policy.latency_decay);
        seconds.unwrap_or(0.0) * f64::from(state.in_flight.saturating_add(1))
    }

    /// Takes note of something that was learnt without a ticket, such as by a probe. `draw` is chance, 0 to 1.
    pub fn record(&self, outcome: Outcome, now: Duration, draw: f64) {
        self.state().record(&self.policy, outcome, now, draw);
    }

    /// Everything at a glance.
    #[must_use]
    pub fn report(&self, now: Duration) -> Report {
        let state = self.state();
        Report {
            standing: state.standing(&self.policy, now),
            breaker: state.breaker.state(now),
            in_flight: state.in_flight,
            limit: state.limit.most(),
            latency: state.latency.measured(),
            successes: state.successes,
            failures: state.failures,
            last_success: state.last_success,
            last_failure: state.last_failure,
        }
    }
}

impl State {
    fn standing(&self, policy: &Policy, now: Duration) -> Standing {
        let out = |until, reason| Standing::Out { until, reason };
        if now < self.paused_until {
            return out(self.paused_until, OutReason::Paused);
        }
        match self.breaker.state(now) {
            BreakerState::Open { until } => out(until, OutReason::Failing),
            BreakerState::HalfOpen if self.breaker.is_probing() => out(now, OutReason::Probing),
            BreakerState::HalfOpen => Standing::Probe,
            BreakerState::Closed if !self.limit.has_room(self.in_flight) => {
                out(now, OutReason::Full)
            }
            BreakerState::Closed => Standing::Ready {
                share: self.breaker.share(&policy.breaker, now),
            },
        }
    }

    fn record(&mut self, policy: &Policy, outcome: Outcome, now: Duration, draw: f64) {
        match outcome {
            Outcome::Healthy => {
                self.breaker.succeeded(&policy.breaker, now);
                self.limit.succeeded(self.in_flight);
                self.successes += 1;
                self.last_success = Some(now);
            }
            Outcome::Failed => self.failed(policy, now, draw),
            Outcome::Overloaded => {
                self.limit.overloaded(self.in_flight);
                self.failed(policy, now, draw);
            }
            Outcome::Paused { rest } => {
                self.limit.overloaded(self.in_flight);
                let until = now + rest.min(policy.max_pause);
                self.paused_until = self.paused_until.max(until);
                // A probe that is asked to come later has found the target alive.
                self.breaker.give_back(now);
            }
        }
    }

    fn failed(&mut self, policy: &Policy, now: Duration, draw: f64) {
        self.breaker.failed(&policy.breaker, now, draw);
        self.failures += 1;
        self.last_failure = Some(now);
    }
}

/// A place at a target for one attempt. Dropped without an outcome, the attempt says nothing of the target: the client
/// left, or another attempt was faster.
#[derive(Debug)]
pub struct Ticket {
    target: Arc<Target>,
    since: Duration,
    judged: AtomicBool,
}

impl Ticket {
    /// The target.
    #[must_use]
    pub const fn target(&self) -> &Arc<Target> {
        &self.target
    }

    /// The first token came.
    pub fn first_token(&self, now: Duration) {
        let took = now.saturating_sub(self.since);
        let decay = self.target.policy.latency_decay;
        self.target.state().latency.record(took, now, decay);
    }

    /// The attempt ended. `draw` is chance, 0 to 1. Only the first outcome counts.
    pub fn judge(&self, outcome: Outcome, now: Duration, draw: f64) {
        if !self.judged.swap(true, Ordering::Relaxed) {
            let policy = &self.target.policy;
            self.target.state().record(policy, outcome, now, draw);
        }
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        let mut state = self.target.state();
        state.in_flight = state.in_flight.saturating_sub(1);
        if !*self.judged.get_mut() {
            state.breaker.give_back(self.since);
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
            Err(Standing::Out {
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
    fn the_last_resort_is_tried_whatever_is_known() {
        let target = failing(at(100));
        let ticket = target.force(at(101));
        ticket.judge(Outcome::Healthy, at(102), EVEN);
        drop(ticket);
        assert_eq!(target.report(at(102)).in_flight, 0);
    }

    #[test]
    fn an_overloaded_target_takes_fewer_calls_at_a_time() {
        let target = target();
        let mut tickets: Vec<Ticket> = (0..20).map(|_| target.admit(at(1)).unwrap()).collect();
        tickets[0].judge(Outcome::Overloaded, at(1), EVEN);
        assert!(matches!(
            target.admit(at(1)),
            Err(Standing::Out {
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
            ticket.first_token(at(1) + Duration::from_millis(millis));
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
}
