//! Random histories of one target, beside a record of what was done.

use std::sync::Arc;
use std::time::Duration;

use orchestra_health::{
    BreakerState, Form, Out, OutReason, Outcome, Policy, Report, Standing, Target, Ticket,
};
use proptest::prelude::*;

/// One thing that happens. Numbers choose among the attempts that are under way.
#[derive(Clone, Debug)]
enum Step {
    Admit,
    Force,
    FirstToken(usize),
    Judge(usize, Outcome),
    Leave(usize),
    Pass(Duration),
}

fn step() -> impl Strategy<Value = Step> {
    let outcome = prop_oneof![
        3 => Just(Outcome::Healthy),
        6 => Just(Outcome::Failed),
        1 => Just(Outcome::Overloaded),
        1 => (0..900_u64).prop_map(|seconds| Outcome::Paused { rest: Duration::from_secs(seconds) }),
    ];
    prop_oneof![
        6 => Just(Step::Admit),
        1 => Just(Step::Force),
        1 => any::<usize>().prop_map(Step::FirstToken),
        6 => (any::<usize>(), outcome).prop_map(|(which, outcome)| Step::Judge(which, outcome)),
        1 => any::<usize>().prop_map(Step::Leave),
        2 => (0..60_000_u64).prop_map(|millis| Step::Pass(Duration::from_millis(millis))),
    ]
}

/// An attempt that is under way, and whether it is a probe that has not shown its first token.
struct Attempt {
    ticket: Ticket,
    probes: bool,
}

struct History {
    target: Arc<Target>,
    now: Duration,
    draw: f64,
    under_way: Vec<Attempt>,
    judged: u64,
}

impl History {
    fn report(&self) -> Report {
        self.target.report(self.now)
    }

    fn admit(&mut self) {
        let before = self.report();
        match self.target.admit(self.now) {
            Ok(ticket) => {
                let probes = before.standing == Standing::Probe;
                let open = matches!(before.breaker, BreakerState::Open { .. });
                assert!(!open, "an open breaker refuses");
                let another = self.under_way.iter().any(|attempt| attempt.probes);
                assert!(!probes || !another, "a probe is on its way");
                self.under_way.push(Attempt { ticket, probes });
                let after = self.report().standing;
                assert!(
                    !probes || is_out(after, OutReason::Probing),
                    "one at a time"
                );
            }
            Err(out) => assert_eq!(before.standing, Standing::Out(out)),
        }
    }

    fn take(&mut self, which: usize) -> Option<Attempt> {
        let many = self.under_way.len();
        (many > 0).then(|| self.under_way.swap_remove(which % many))
    }

    fn judge(&mut self, which: usize, outcome: Outcome) {
        let Some(attempt) = self.take(which) else {
            return;
        };
        let before = self.report();
        attempt.ticket.judge(outcome, self.now, self.draw);
        let after = self.report();
        if before.breaker != after.breaker {
            // Those that were sent before are probes no longer.
            self.under_way.iter_mut().for_each(|a| a.probes = false);
        }
        self.judged += u64::from(!matches!(outcome, Outcome::Paused { .. }));
        if let (BreakerState::Open { until }, BreakerState::Open { until: later }) =
            (before.breaker, after.breaker)
        {
            assert_eq!(until, later, "a rest is not prolonged");
        }
        if let Outcome::Paused { rest } = outcome {
            let until = self.now + rest.min(Duration::from_secs(300));
            let Standing::Out(out) = after.standing else {
                assert!(rest.is_zero());
                return;
            };
            assert!(out.reason != OutReason::Paused || out.until >= until);
            let opened = matches!(after.breaker, BreakerState::Open { .. });
            assert!(
                !opened || after.breaker == before.breaker,
                "a pause is no failure"
            );
        }
    }

    fn go(&mut self, step: Step) {
        match step {
            Step::Admit => self.admit(),
            Step::Force => {
                let ticket = self.target.force(self.now);
                self.under_way.push(Attempt {
                    ticket,
                    probes: false,
                });
            }
            Step::FirstToken(which) => {
                let many = self.under_way.len().max(1);
                if let Some(attempt) = self.under_way.get_mut(which % many) {
                    attempt.ticket.first_token(Form::Stream, self.now);
                    attempt.probes = false;
                }
            }
            Step::Judge(which, outcome) => self.judge(which, outcome),
            Step::Leave(which) => drop(self.take(which)),
            Step::Pass(time) => self.now += time,
        }
        self.check();
    }

    fn check(&self) {
        let report = self.report();
        assert_eq!(report.in_flight as usize, self.under_way.len());
        assert_eq!(report.successes + report.failures, self.judged);
        assert!(report.limit.is_none_or(|limit| limit >= 4.0));
        if let Standing::Out(Out { until, .. }) = report.standing {
            let longest = Duration::from_secs(360);
            assert!(until <= self.now + longest, "no rest is longer");
        }
        if is_out(report.standing, OutReason::Probing) {
            assert!(
                self.under_way.iter().any(|attempt| attempt.probes),
                "nobody waits for a probe that is gone"
            );
        }
    }
}

fn is_out(standing: Standing, why: OutReason) -> bool {
    matches!(standing, Standing::Out(Out { reason, .. }) if reason == why)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn what_is_promised_holds(draw in 0.0..=1.0, steps in prop::collection::vec(step(), 1..200)) {
        let mut history = History {
            target: Arc::new(Target::new(Policy::default())),
            now: Duration::from_secs(1_000),
            draw,
            under_way: Vec::new(),
            judged: 0,
        };
        for step in steps {
            history.go(step);
        }
        history.under_way.clear();
        // Left alone, every target may be asked again, and works again after one success.
        history.now += Duration::from_secs(360);
        let ticket = history.target.admit(history.now);
        prop_assert!(ticket.is_ok(), "{ticket:?}");
        ticket.unwrap().judge(Outcome::Healthy, history.now, draw);
        let standing = history.report().standing;
        prop_assert!(matches!(standing, Standing::Ready { .. }), "{standing:?}");
    }
}
