//! Streams that are held back beyond their first content: whoever fails until then is replaced unseen.

use std::collections::BTreeMap;
use std::time::Duration;

use orchestra_dialects::Endpoint;
use orchestra_gateway::{Ending, HoldBack, HoldBackRules, Settings};
use orchestra_providers::{ModelFactsRow, PriceRow, Row};
use orchestra_testkit::{At, Behaviour, How, Script, Upstream};
use serde_json::json;

use crate::harness::{Ask, EVERYONE, Got, MODEL, NAMES, Stage, row, short_of_idle};
use crate::wire::SPOKEN;

/// So many events of each stream bring something of the answer.
const EVENTS: usize = 40;

fn held(tokens: u32, millis: u64) -> Settings {
    let usual = HoldBack {
        tokens,
        time: Duration::from_millis(millis),
    };
    Settings {
        hold_back_more: HoldBackRules {
            usual,
            models: BTreeMap::new(),
        },
        ..short_of_idle()
    }
}

fn story(who: &str) -> Behaviour {
    let text = format!("{who} tells a story of many words. ").repeat(20);
    Behaviour::text(text).chunks(EVENTS)
}

/// Two targets that speak `spoken` alone; their input costs a dollar for a million tokens.
fn stage(settings: Settings, spoken: Endpoint, first: Behaviour) -> Stage {
    let behaviours = [first, story("Two")];
    let start = |behaviour| Upstream::start(Script::new().otherwise(behaviour)).unwrap();
    let upstreams: Vec<Upstream> = behaviours.into_iter().map(start).collect();
    let price: PriceRow = serde_json::from_value(json!({ "input": 1, "output": 1 })).unwrap();
    let rows = upstreams.iter().map(|upstream| Row {
        endpoints: Some(vec![spoken.name().to_owned()]),
        facts: Some(vec![ModelFactsRow {
            models: vec![MODEL.to_owned()],
            context: None,
            price: Some(price.clone()),
        }]),
        ..row(&upstream.base_url())
    });
    let rows: Vec<Row> = rows.collect();
    Stage::of(settings, &rows, upstreams)
}

fn check_second_alone(got: &Got, words: &[&str], told: &str) {
    let [fault, "-"] = got.faults()[..] else {
        panic!("{told}: {}", got.text());
    };
    assert!(words.contains(&fault), "{told}: {fault}");
    assert_eq!(got.record.ending, Ending::Completed, "{told}");
    assert_eq!(got.header("x-orchestra-provider"), NAMES[1], "{told}");
    assert!(!got.text().contains("One"), "{told}: {}", got.text());
    assert!(got.text().contains("Two"), "{told}: {}", got.text());
    let [first, second] = &*got.record.attempts else {
        panic!("{told}");
    };
    assert!(first.estimated_cost.is_some(), "{told}");
    assert_eq!(second.estimated_cost, None, "{told}");
}

#[tokio::test]
async fn a_target_that_fails_after_a_few_words_is_replaced_unseen() {
    let breaks = |how| story("One").interrupt(At::AfterEvents(9), how);
    let faults: [(&[&str], _); 5] = [
        (&["truncated"], breaks(How::End)),
        (&["broken"], breaks(How::Close)),
        (&["timeout_idle"], breaks(How::Hang)),
        (&["malformed"], story("One").malformed_json(9)),
        (&["server", "overloaded"], story("One").error_event(9)),
    ];
    for (words, first) in faults {
        for client in SPOKEN {
            for spoken in SPOKEN {
                let told = format!("{words:?}, {client} at {spoken}");
                let stage = stage(held(20, 5_000), spoken, first.clone());
                let got = stage.ask(Ask::new(client, EVERYONE, true)).await;
                check_second_alone(&got, words, &told);
            }
        }
    }
}

#[tokio::test]
async fn behind_the_tokens_that_are_held_back_a_failure_is_seen() {
    for client in SPOKEN {
        let first = story("One").interrupt(At::AfterEvents(30), How::Close);
        let stage = stage(held(20, 5_000), client, first);
        let got = stage.ask(Ask::new(client, EVERYONE, true)).await;
        assert_eq!(got.record.ending, Ending::Interrupted, "{client}");
        assert_eq!(stage.requests(), [1, 0], "{client}");
        assert!(got.text().contains("One"), "{client}");
        assert_eq!(got.record.attempts[0].estimated_cost, None, "{client}");
    }
}

/// The time begins with the first token, which takes as long as the second one's gap here.
#[tokio::test]
async fn a_slow_stream_is_held_back_no_longer_than_the_time() {
    let first = story("One").gap(Duration::from_millis(100));
    let stage = stage(held(1_000, 500), Endpoint::ChatCompletions, first);
    let ask = Ask::new(Endpoint::ChatCompletions, EVERYONE, true);
    let got = stage.ask(ask).await;
    assert_eq!(got.faults(), ["-"]);
    let shown = got.record.first_byte.unwrap();
    assert!(shown >= Duration::from_millis(500), "{shown:?}");
    assert!(
        shown < got.record.took / 2,
        "{shown:?} of {:?}",
        got.record.took
    );
    // Targets are compared by what they take themselves.
    let took = got.record.attempts[0].took;
    assert!(
        took + Duration::from_millis(450) <= shown,
        "{took:?}, {shown:?}"
    );
}

#[tokio::test]
async fn with_nobody_to_take_over_nothing_is_held_back() {
    let slow = story("One").gap(Duration::from_millis(50));
    let alone = Stage::with(held(1_000, 30_000), [Script::new().otherwise(slow)]);
    let ask = Ask::new(Endpoint::ChatCompletions, EVERYONE, true);
    let got = alone.ask(ask).await;
    let shown = got.record.first_byte.unwrap();
    assert!(
        shown < got.record.took / 2,
        "{shown:?} of {:?}",
        got.record.took
    );
}

#[tokio::test]
async fn an_answer_shorter_than_what_is_held_back_comes_whole() {
    for client in SPOKEN {
        let stage = stage(held(1_000, 5_000), client, story("One"));
        let got = stage.ask(Ask::new(client, EVERYONE, true)).await;
        assert_eq!(got.faults(), ["-"], "{client}");
        assert_eq!(got.record.ending, Ending::Completed, "{client}");
        assert!(got.record.usage.is_some(), "{client}");
    }
}

/// Two that share everything but the rule: the model's own comes before the usual one.
#[tokio::test]
async fn a_model_has_a_rule_of_its_own() {
    for (own, requests) in [(20, [1, 1]), (1, [1, 0])] {
        let mut settings = held(21 - own, 5_000);
        let rule = HoldBack {
            tokens: own,
            ..settings.hold_back_more.usual
        };
        settings
            .hold_back_more
            .models
            .insert(EVERYONE.to_owned(), rule);
        let first = story("One").interrupt(At::AfterEvents(9), How::Close);
        let stage = stage(settings, Endpoint::Messages, first);
        stage
            .ask(Ask::new(Endpoint::Messages, EVERYONE, true))
            .await;
        assert_eq!(stage.requests(), requests, "{own}");
    }
}
