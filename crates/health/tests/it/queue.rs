//! Waiting for places: whatever happens in whatever order, nobody is forgotten and no target gets more than it takes.

use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use orchestra_health::{
    Bounds, Called, OutReason, Outcome, Policy, Priority, Standing, Target, Ticket, Wait,
};
use proptest::prelude::*;

const EVEN: f64 = 0.5;
const MOST: usize = 8;
const BOUNDS: Bounds = bounds(MOST);

const fn bounds(most: usize) -> Bounds {
    Bounds {
        most,
        standing: Duration::from_secs(10),
    }
}

fn at(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn target() -> Arc<Target> {
    Arc::new(Target::new(Policy::default()))
}

/// A target that takes four calls at a time, and has them.
fn full(now: Duration) -> (Arc<Target>, Vec<Ticket>) {
    let target = target();
    let mut tickets: Vec<Ticket> = (0..5).map(|_| target.admit(now).unwrap()).collect();
    tickets.remove(0).judge(Outcome::Overloaded, now, EVEN);
    assert!(target.admit(now).is_err());
    (target, tickets)
}

fn called(wait: &Wait) -> Option<Called<(usize, Ticket)>> {
    loop {
        match wait.poll(wait.alarm(), &Context::from_waker(Waker::noop())) {
            Poll::Ready(Called::Alarm) => {}
            Poll::Ready(called) => return Some(called),
            Poll::Pending => return None,
        }
    }
}

fn granted(wait: &Wait) -> Option<Ticket> {
    match called(wait) {
        Some(Called::Granted((_, ticket))) => Some(ticket),
        _ => None,
    }
}

fn join(target: &Arc<Target>, priority: Priority, now: Duration) -> Option<Wait> {
    Wait::join(vec![Arc::clone(target)], priority, BOUNDS, now)
}

#[test]
fn a_place_that_gets_free_is_handed_to_who_waited_and_not_to_who_comes() {
    let (target, mut tickets) = full(at(1));
    let first = join(&target, Priority::Normal, at(1)).unwrap();
    let second = join(&target, Priority::Normal, at(1)).unwrap();
    assert!(called(&first).is_none());
    drop(tickets.pop());
    assert!(target.admit(at(2)).is_err(), "somebody waits");
    let place = granted(&first).unwrap();
    assert!(called(&second).is_none());
    assert_eq!(target.report(at(2)).waiting, 1);
    // Its client leaves.
    drop(place);
    assert!(granted(&second).is_some());
}

#[test]
fn who_leaves_the_line_is_passed_over_and_a_place_that_came_too_late_goes_on() {
    let (target, mut tickets) = full(at(1));
    let mut waits: Vec<Wait> = (0..3)
        .map(|_| join(&target, Priority::Normal, at(1)).unwrap())
        .collect();
    drop(waits.remove(0));
    drop(tickets.pop());
    // Granted and not yet taken.
    drop(waits.remove(0));
    assert!(granted(&waits[0]).is_some());
    assert_eq!(target.report(at(1)).waiting, 0);
}

#[test]
fn the_first_of_several_targets_that_has_room_gives_the_place() {
    let ((one, mut of_one), (two, of_two)) = (full(at(1)), full(at(1)));
    let doors = || vec![Arc::clone(&two), Arc::clone(&one)];
    let wait = Wait::join(doors(), Priority::Normal, BOUNDS, at(1)).unwrap();
    drop(of_one.pop());
    let Some(Called::Granted((door, ticket))) = called(&wait) else {
        panic!("a place is free");
    };
    assert_eq!(door, 1);
    assert!(Arc::ptr_eq(ticket.target(), &one));
    drop(wait);
    assert_eq!(two.report(at(1)).waiting, 0, "it has left the other line");
    drop(of_two);
}

#[test]
fn a_line_is_bounded_and_who_matters_more_takes_the_place_of_who_matters_less() {
    let (target, _tickets) = full(at(1));
    let low: Vec<Wait> = (0..MOST)
        .map(|_| join(&target, Priority::Low, at(1)).unwrap())
        .collect();
    assert!(join(&target, Priority::Low, at(1)).is_none());
    let _high = join(&target, Priority::High, at(1)).unwrap();
    assert_eq!(called(&low[MOST - 1]).map(word), Some("displaced"));
    assert!(called(&low[MOST - 2]).is_none());
    assert_eq!(target.report(at(1)).waiting, MOST);
}

#[test]
fn a_line_that_takes_nobody_is_as_good_as_none() {
    let (target, tickets) = full(at(1));
    assert!(Wait::join(vec![Arc::clone(&target)], Priority::High, bounds(0), at(1)).is_none());
    drop(tickets);
    assert!(target.admit(at(1)).is_ok());
}

fn word(called: Called<(usize, Ticket)>) -> &'static str {
    match called {
        Called::Granted(_) => "granted",
        Called::Displaced => "displaced",
        Called::Alarm => "alarm",
    }
}

#[test]
fn the_end_of_a_pause_is_looked_for_even_if_it_began_later() {
    let (target, mut tickets) = full(at(1));
    let first = join(&target, Priority::Normal, at(1)).unwrap();
    let second = join(&target, Priority::Normal, at(1)).unwrap();
    assert_eq!(first.alarm(), None);
    let rest = at(5);
    tickets
        .pop()
        .unwrap()
        .judge(Outcome::Paused { rest }, at(2), EVEN);
    drop(tickets);
    assert_eq!(first.alarm(), Some(at(7)));
    assert_eq!(second.alarm(), None, "one is enough to look at the clock");
    drop(first);
    assert_eq!(second.alarm(), Some(at(7)), "then it is the next one");
    second.look(at(6));
    assert!(called(&second).is_none());
    second.look(at(7));
    assert!(granted(&second).is_some());
}

#[test]
fn a_target_that_comes_back_is_not_flooded_by_those_who_waited() {
    let target = target();
    let mut tickets: Vec<Ticket> = (0..20).map(|_| target.admit(at(1)).unwrap()).collect();
    target.record(Outcome::Overloaded, at(1), EVEN);
    tickets.truncate(14);
    let waits: Vec<Wait> = (0..MOST)
        .map(|_| join(&target, Priority::Normal, at(1)).unwrap())
        .collect();
    for _ in 0..4 {
        target.record(Outcome::Failed, at(1), EVEN);
    }
    drop(tickets);
    for wait in &waits {
        wait.look(at(40));
    }
    let places = || waits.iter().filter_map(granted).collect::<Vec<Ticket>>();
    let probe = places();
    assert_eq!(probe.len(), 1);
    probe[0].judge(Outcome::Healthy, at(41), EVEN);
    let next = places();
    assert_eq!(next.len(), 4);
    waits[MOST - 1].look(at(42));
    assert!(places().is_empty(), "nobody has come back");
    next[0].judge(Outcome::Healthy, at(42), EVEN);
    assert_eq!(places().len(), 2);
}

/// What may happen.
#[derive(Clone, Copy, Debug)]
enum Step {
    Come(Priority, bool),
    Leave(usize),
    End(usize, Outcome),
    Pass(u64),
}

fn step() -> impl Strategy<Value = Step> {
    let priority = prop::sample::select(Priority::ALL.to_vec());
    let outcome = prop_oneof![
        4 => Just(Outcome::Healthy),
        1 => Just(Outcome::Failed),
        1 => Just(Outcome::Overloaded),
        1 => (0_u64..8).prop_map(|s| Outcome::Paused { rest: at(s) }),
    ];
    prop_oneof![
        4 => (priority, any::<bool>()).prop_map(|(p, both)| Step::Come(p, both)),
        1 => any::<usize>().prop_map(Step::Leave),
        4 => (any::<usize>(), outcome).prop_map(|(n, o)| Step::End(n, o)),
        2 => (0_u64..20).prop_map(Step::Pass),
    ]
}

/// Two targets, those who wait and the attempts that run.
struct Hall {
    targets: [Arc<Target>; 2],
    waits: Vec<(Wait, bool)>,
    tickets: Vec<Ticket>,
    now: Duration,
}

impl Hall {
    fn take(&mut self, step: Step) {
        let now = self.now;
        match step {
            Step::Come(priority, both) => {
                let doors = self.targets[..1 + usize::from(both)].to_vec();
                let wait = Wait::join(doors, priority, BOUNDS, now);
                self.waits.extend(wait.map(|wait| (wait, both)));
            }
            Step::Leave(number) if !self.waits.is_empty() => {
                drop(self.waits.remove(number % self.waits.len()));
            }
            Step::End(number, outcome) if !self.tickets.is_empty() => {
                let ticket = self.tickets.remove(number % self.tickets.len());
                ticket.judge(outcome, now, EVEN);
            }
            Step::Pass(seconds) => self.now += at(seconds),
            Step::Leave(_) | Step::End(..) => {}
        }
        // Whoever is asked to look at the clock does.
        for (wait, _) in &self.waits {
            if wait.alarm().is_some_and(|alarm| alarm <= self.now) {
                wait.look(self.now);
            }
        }
        let mut still = Vec::new();
        for (wait, both) in self.waits.drain(..) {
            match called(&wait) {
                Some(Called::Granted((_, ticket))) => self.tickets.push(ticket),
                Some(Called::Displaced | Called::Alarm) => {}
                None => still.push((wait, both)),
            }
        }
        self.waits = still;
    }

    fn check(&self) {
        for (number, target) in self.targets.iter().enumerate() {
            let report = target.report(self.now);
            let waiting = self.waits.iter().filter(|(_, both)| *both || number == 0);
            assert!(
                waiting.count() >= report.waiting,
                "a line of those who left"
            );
            assert!(report.waiting <= MOST, "the bound");
            let forgotten = match report.standing {
                // Whoever comes back lets two in; without anybody on the way nobody would.
                Standing::Ready { share } if share < 1.0 => report.in_flight == 0,
                Standing::Ready { .. } | Standing::Probe => true,
                // Somebody must look at the clock.
                Standing::Out(out) if out.until > self.now => {
                    !self.waits.iter().any(|(wait, _)| wait.alarm().is_some())
                }
                Standing::Out(out) => report.in_flight == 0 && out.reason == OutReason::Full,
            };
            assert!(
                report.waiting == 0 || !forgotten,
                "somebody waits at {number}: {report:?}"
            );
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn nobody_is_forgotten(steps in prop::collection::vec(step(), 1..120)) {
        let ((one, mut tickets), (two, of_two)) = (full(at(1)), full(at(1)));
        tickets.extend(of_two);
        let mut hall = Hall { targets: [one, two], waits: Vec::new(), tickets, now: at(1) };
        for step in steps {
            hall.take(step);
            hall.check();
        }
        // All that run come to an end, one after the other, and time passes: then nobody waits.
        for _ in 0..160 {
            hall.take(Step::End(0, Outcome::Healthy));
            hall.take(Step::Pass(4));
            hall.check();
        }
        prop_assert!(hall.waits.is_empty());
    }
}
