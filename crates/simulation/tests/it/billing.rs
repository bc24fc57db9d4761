//! What the rule of one charge for each call finds: good histories, falsified one way each.

use orchestra_simulation::{Attempted, Charge, Event, Happening, History, Rule, Scenario, check};
use orchestra_types::Money;

/// The rules that are broken once `falsify` has been at the first record that it takes.
fn falsified(
    scenario: Scenario,
    falsify: impl Fn(&mut Vec<Attempted>, &mut Charge) -> bool,
) -> Vec<Rule> {
    let mut history = scenario.world(5).run(5).unwrap();
    assert_eq!(check(&history), []);
    let falsified = history
        .events
        .iter_mut()
        .any(|event| match &mut event.what {
            Happening::Recorded {
                attempts, charge, ..
            } => falsify(attempts, charge),
            _ => false,
        });
    assert!(falsified);
    let mut rules: Vec<Rule> = check(&history).iter().map(|found| found.rule).collect();
    rules.sort();
    rules.dedup();
    rules
}

fn of_charge(falsify: impl Fn(&mut Charge)) -> Vec<Rule> {
    falsified(Scenario::Calm, |_, charge| {
        falsify(charge);
        true
    })
}

/// The same of the first attempt that was called off since another one was faster.
fn of_outrun(falsify: impl Fn(&mut Attempted)) -> Vec<Rule> {
    falsified(Scenario::Hedged, |attempts, _| {
        let mut attempts = attempts.iter_mut();
        let found = attempts.find(|attempt| attempt.fault == Some("cancelled"));
        found.map(&falsify).is_some()
    })
}

#[test]
fn a_charge_that_is_missing_doubled_or_at_anothers_price_is_found() {
    let missing = of_charge(|charge| *charge = Charge::default());
    assert_eq!(missing, [Rule::BilledOnce]);
    let doubled = of_charge(|charge| {
        let once = charge.usage.unwrap();
        *charge.usage.as_mut().unwrap() += once;
    });
    assert_eq!(doubled, [Rule::BilledOnce]);
    let dearer = of_charge(|charge| charge.cost = charge.cost.and_then(|cost| cost.checked_mul(2)));
    assert_eq!(dearer, [Rule::BilledOnce]);
    let unpriced = of_charge(|charge| charge.cost = None);
    assert_eq!(unpriced, [Rule::BilledOnce]);
}

#[test]
fn what_is_charged_in_two_records_is_found() {
    let mut history = Scenario::Calm.world(5).run(5).unwrap();
    let records = |history: &History| -> Vec<Event> {
        let is = |event: &&Event| matches!(event.what, Happening::Recorded { .. });
        history.events.iter().filter(is).cloned().collect()
    };
    let twice = records(&history).remove(0);
    history.events.push(twice);
    let found = check(&history);
    assert!(
        found.iter().any(|found| found.rule == Rule::BilledOnce),
        "{found:?}"
    );
}

#[test]
fn a_loser_that_is_not_booked_is_found() {
    let unbooked = of_outrun(|attempt| attempt.estimate = None);
    assert_eq!(unbooked, [Rule::BilledOnce]);
    let at_anothers = of_outrun(|attempt| {
        attempt.estimate = attempt.estimate.and_then(|cost| cost.checked_mul(3));
    });
    assert_eq!(at_anothers, [Rule::BilledOnce]);
    let left = of_outrun(|attempt| {
        attempt.fault = Some("abandoned");
        attempt.estimate = None;
    });
    assert_eq!(left, [Rule::BilledOnce]);
    let failed = of_outrun(|attempt| attempt.fault = Some("timeout"));
    assert_eq!(failed, [Rule::BilledOnce]);
}

#[test]
fn an_attempt_that_is_booked_though_it_was_not_called_off_is_found() {
    let rules = falsified(Scenario::Chaos, |attempts, _| {
        let mut attempts = attempts.iter_mut();
        let failed = attempts.find(|attempt| attempt.fault.is_some_and(|f| f != "abandoned"));
        failed
            .map(|attempt| attempt.estimate = Some(Money::from_pico(1)))
            .is_some()
    });
    assert_eq!(rules, [Rule::BilledOnce]);
}
