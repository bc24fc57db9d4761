//! Each check finds what it is there for: good histories, falsified one way each.

use std::time::Duration;

use orchestra_gateway::HedgeRules;
use orchestra_simulation::{
    Ending, Event, Happening, Heard, History, Over, Rule, Scenario, Sent, View, check,
};

/// What the checks say of a good history after `falsify` has been at it.
fn check_falsified(scenario: Scenario, falsify: impl FnOnce(&mut History)) -> Vec<Rule> {
    let mut history = scenario.world(5).run(5).unwrap();
    assert_eq!(check(&history), []);
    falsify(&mut history);
    let mut rules: Vec<Rule> = check(&history).iter().map(|found| found.rule).collect();
    rules.sort();
    rules.dedup();
    rules
}

/// The first event that `pick` takes, and its place.
fn find<'h, T>(history: &'h History, pick: impl Fn(&'h Event) -> Option<T>) -> (usize, T) {
    let mut events = history.events.iter().enumerate();
    events
        .find_map(|(at, event)| Some((at, pick(event)?)))
        .unwrap()
}

fn recorded(history: &History) -> usize {
    let is = |event: &Event| matches!(event.what, Happening::Recorded { .. }).then_some(());
    find(history, is).0
}

/// Changes what the clients of some calls saw.
fn see(history: &mut History, change: impl Fn(u32, &mut View)) {
    for event in &mut history.events {
        if let Happening::Seen { call, view } = &mut event.what {
            change(*call, view);
        }
    }
}

fn fail(view: &mut View) {
    *view = View {
        ending: Ending::Error,
        status: 503,
        tokens: 0,
        exchange: None,
        earlier: Vec::new(),
        marks: 0,
        disorder: None,
        first_token: None,
    };
}

/// The number of the first call that ended so, and of the exchange that served it.
fn first(history: &History, ending: Ending) -> (u32, Option<u32>) {
    let pick = |event: &Event| match &event.what {
        Happening::Seen { call, view } if view.ending == ending => Some((*call, view.exchange)),
        _ => None,
    };
    find(history, pick).1
}

#[test]
fn a_record_that_is_missing_doubled_or_short_is_found() {
    let missing = check_falsified(Scenario::Calm, |history| {
        history.events.remove(recorded(history));
    });
    assert_eq!(missing, [Rule::OneRecord, Rule::BilledOnce]);
    let doubled = check_falsified(Scenario::Calm, |history| {
        let event = history.events[recorded(history)].clone();
        history.events.push(event);
    });
    assert_eq!(doubled, [Rule::OneRecord, Rule::BilledOnce]);
    let short = check_falsified(Scenario::Calm, |history| {
        let at = recorded(history);
        if let Happening::Recorded { attempts, .. } = &mut history.events[at].what {
            attempts.clear();
        }
    });
    assert_eq!(short, [Rule::OneRecord]);
    let nobodys = check_falsified(Scenario::Calm, |history| {
        let at = recorded(history);
        if let Happening::Recorded { call, .. } = &mut history.events[at].what {
            *call = None;
        }
    });
    assert_eq!(nobodys, [Rule::OneRecord, Rule::BilledOnce]);
}

#[test]
fn a_cut_answer_that_looks_complete_is_found() {
    let rules = check_falsified(Scenario::Calm, |history| {
        let (_, exchange) = first(history, Ending::Complete);
        for event in &mut history.events {
            match &mut event.what {
                Happening::Over {
                    exchange: over,
                    how,
                    ..
                } if Some(*over) == exchange => {
                    *how = Over::Failed;
                }
                _ => {}
            }
        }
    });
    assert_eq!(rules, [Rule::BilledOnce, Rule::HonestEnd]);
}

#[test]
fn a_token_too_few_and_an_end_without_a_word_are_found() {
    let short = check_falsified(Scenario::Calm, |history| {
        let (chosen, _) = first(history, Ending::Complete);
        see(history, |call, view| {
            view.tokens -= u32::from(call == chosen);
        });
    });
    assert_eq!(short, [Rule::HonestEnd]);
    let silent = check_falsified(Scenario::Calm, |history| {
        let (chosen, _) = first(history, Ending::Complete);
        see(history, |call, view| {
            if call == chosen {
                view.ending = Ending::Silence;
            }
        });
    });
    assert_eq!(silent, [Rule::HonestEnd]);
}

#[test]
fn tokens_out_of_order_and_of_another_call_are_found() {
    let disorder = check_falsified(Scenario::Calm, |history| {
        let (chosen, _) = first(history, Ending::Complete);
        see(history, |call, view| {
            view.disorder = (call == chosen).then(|| "twice".to_owned());
        });
    });
    assert_eq!(disorder, [Rule::BytesOnce]);
    let foreign = check_falsified(Scenario::Calm, |history| {
        let (chosen, _) = first(history, Ending::Complete);
        see(history, |call, view| {
            view.exchange = view.exchange.map(|own| own + u32::from(call == chosen));
        });
    });
    assert!(foreign.contains(&Rule::BytesOnce));
}

#[test]
fn a_call_that_takes_too_long_is_found() {
    let rules = check_falsified(Scenario::Calm, |history| {
        let is = |event: &Event| matches!(event.what, Happening::Seen { .. }).then_some(());
        let (at, ()) = find(history, is);
        history.events[at].at += Duration::from_secs(130);
    });
    assert_eq!(rules, [Rule::InTime]);
}

/// Sends each call again, `times` at the same moment.
fn send_again(history: &mut History, times: usize) {
    let calls = history.events.iter().filter_map(|event| match &event.what {
        Happening::Arrived { call, .. } => Some(*call),
        _ => None,
    });
    let sent = |call| Event {
        at: Duration::from_secs(50),
        what: Happening::Sent(Sent {
            exchange: 100_000 + call,
            call: Some(call),
            target: 0,
            busy: 0,
            heard: Heard::Stumbled,
        }),
    };
    let more: Vec<Event> = calls.flat_map(|call| vec![sent(call); times]).collect();
    history.events.extend(more);
}

#[test]
fn too_many_attempts_and_a_storm_of_retries_are_found() {
    let many = check_falsified(Scenario::Calm, |history| send_again(history, 3));
    assert!(many.contains(&Rule::BoundedLoad), "{many:?}");
    let storm = check_falsified(Scenario::Calm, |history| {
        // Calls may make so many attempts: only their sum is too much.
        history.world.settings.max_attempts = 9;
        send_again(history, 3);
    });
    assert!(storm.contains(&Rule::BoundedLoad), "{storm:?}");
    let bearable = check_falsified(Scenario::Calm, |history| send_again(history, 1));
    assert!(!bearable.contains(&Rule::BoundedLoad), "{bearable:?}");
}

#[test]
fn hedges_that_nobody_asked_for_are_found() {
    let rules = check_falsified(Scenario::Hedged, |history| {
        history.world.settings.hedging = HedgeRules::default();
    });
    assert_eq!(rules, [Rule::BoundedLoad]);
}

#[test]
fn a_slow_recovery_is_found() {
    let rules = check_falsified(Scenario::OneOut, |history| {
        let late = history.world.outages[0].until + Duration::from_secs(61);
        let calls: Vec<u32> = history
            .events
            .iter()
            .filter(|event| event.at > late)
            .filter_map(|event| match event.what {
                Happening::Arrived { call, .. } => Some(call),
                _ => None,
            })
            .collect();
        see(history, |call, view| {
            if calls.contains(&call) && call % 4 == 0 {
                fail(view);
            }
        });
    });
    assert!(rules.contains(&Rule::Recovery), "{rules:?}");
}

#[test]
fn a_request_that_outlives_its_client_is_found() {
    let rules = check_falsified(Scenario::BrokenStreams, |history| {
        let (chosen, _) = first(history, Ending::Left);
        let sent = |event: &Event| match &event.what {
            Happening::Sent(sent) if sent.call == Some(chosen) => Some(sent.exchange),
            _ => None,
        };
        let (_, exchange) = find(history, sent);
        let is_over = |event: &Event| match &event.what {
            Happening::Over { exchange: over, .. } => *over == exchange,
            _ => false,
        };
        let at = history.events.iter().position(is_over).unwrap();
        history.events[at].at += Duration::from_secs(10);
    });
    assert_eq!(rules, [Rule::NothingLeft]);
}

#[test]
fn a_failure_that_need_not_be_is_found() {
    let rules = check_falsified(Scenario::Calm, |history| {
        let (chosen, _) = first(history, Ending::Complete);
        see(history, |call, view| {
            if call == chosen {
                fail(view);
            }
        });
        for event in &mut history.events {
            match &mut event.what {
                Happening::Recorded { call, ending, .. } if *call == Some(chosen) => {
                    *ending = "failed";
                }
                _ => {}
            }
        }
    });
    assert_eq!(rules, [Rule::HiddenFailure]);
}
