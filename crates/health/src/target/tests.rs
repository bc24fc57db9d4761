//! Who is let in, and what follows from how it went.

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
        let many = || -> Vec<Ticket> { (0..50).filter_map(|_| target.admit(at(1)).ok()).collect() };
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
