//! What real traffic tells of some targets together.

use std::time::Duration;

use orchestra_gateway::TargetReport;
use orchestra_health::{BreakerState, Out, OutReason, Report, Standing};

/// What happened longer ago says nothing of now: a model that failed and was never asked for again must not count for
/// ever. Twice the longest time for which a breaker stays open by default.
const RECENT: Duration = Duration::from_secs(600);

/// Targets of one provider, or those of one of its models, summed up.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Tally {
    /// Attempts on their way.
    pub(crate) in_flight: u32,
    /// Calls that wait for a place.
    pub(crate) waiting: usize,
    /// Attempts that ended well, ever.
    pub(crate) successes: u64,
    /// Attempts that failed, ever.
    pub(crate) failures: u64,
    pub(crate) last_success: Option<Duration>,
    pub(crate) last_failure: Option<Duration>,
    /// Time to the first token, of the target that succeeded last.
    pub(crate) latency: Option<Duration>,
    pub(crate) breakers: Breakers,
    /// Targets of which something is known that is recent.
    pub(crate) recent: usize,
    /// Those of them that should be asked only if no other is left.
    pub(crate) out: usize,
    /// Those of them that are about to show whether they are well again.
    pub(crate) probing: usize,
    /// Why the last of those that are out is.
    pub(crate) reason: Option<OutReason>,
    /// When the first of those that are out may be asked again.
    pub(crate) back_at: Option<Duration>,
}

/// Breakers by state.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Breakers {
    pub(crate) closed: usize,
    pub(crate) open: usize,
    pub(crate) half_open: usize,
}

impl Tally {
    pub(crate) fn of<'r>(
        reports: impl IntoIterator<Item = &'r TargetReport>,
        now: Duration,
    ) -> Self {
        let mut tally = Self::default();
        for target in reports {
            tally.add(&target.report, now);
        }
        tally
    }

    fn add(&mut self, report: &Report, now: Duration) {
        self.in_flight = self.in_flight.saturating_add(report.in_flight);
        self.waiting += report.waiting;
        self.successes += report.successes;
        self.failures += report.failures;
        if report.last_success > self.last_success || self.latency.is_none() {
            self.latency = report.latency.or(self.latency);
        }
        self.last_success = self.last_success.max(report.last_success);
        self.last_failure = self.last_failure.max(report.last_failure);
        match report.breaker {
            BreakerState::Closed => self.breakers.closed += 1,
            BreakerState::Open { .. } => self.breakers.open += 1,
            BreakerState::HalfOpen => self.breakers.half_open += 1,
        }
        self.judge(report, now);
    }

    fn judge(&mut self, report: &Report, now: Duration) {
        let last = report.last_success.max(report.last_failure);
        let recent = last.is_some_and(|last| now.saturating_sub(last) < RECENT);
        let out = match report.standing {
            Standing::Ready { .. } => None,
            Standing::Probe => Some((now, OutReason::Probing)),
            Standing::Out(Out { until, reason }) => Some((until, reason)),
        };
        match out {
            // As many calls as it takes is no illness.
            None | Some((_, OutReason::Full)) => self.recent += usize::from(recent),
            Some((_, OutReason::Probing)) => {
                self.recent += usize::from(recent);
                self.probing += usize::from(recent);
            }
            Some((until, reason @ (OutReason::Failing | OutReason::Paused))) => {
                self.recent += 1;
                self.out += 1;
                self.reason = Some(reason);
                self.back_at = Some(self.back_at.map_or(until, |first| first.min(until)));
            }
        }
    }

    /// When it last answered well, if it has not failed since.
    pub(crate) fn well_since(&self) -> Option<Duration> {
        self.last_success
            .filter(|success| Some(*success) >= self.last_failure)
    }
}

/// How long ago that was.
pub(crate) fn seconds_ago(then: Duration, now: Duration) -> f64 {
    let passed = now.saturating_sub(then).as_secs_f64();
    (passed * 10.0).round() / 10.0
}
