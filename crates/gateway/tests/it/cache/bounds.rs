//! How much is kept.

use orchestra_gateway::CacheRules;
use orchestra_testkit::Behaviour;

use super::{CHAT, Kitchen, chat, kept};
use crate::harness::{Ask, MODEL};
use crate::wire;

fn numbered(number: usize, stream: bool) -> Ask {
    let body = format!(
        r#"{{"model":"{MODEL}","stream":{stream},"messages":[{{"role":"user","content":"{number}"}}]}}"#
    );
    kept(Ask::body(CHAT, body))
}

#[tokio::test]
async fn nothing_is_kept_where_the_operator_forbids_it() {
    let rules = CacheRules {
        enabled: false,
        ..CacheRules::default()
    };
    let kitchen = Kitchen::with(rules, [Behaviour::answer()]);
    for sent in 1..=2 {
        assert_eq!(kitchen.says(chat()).await, "");
        assert_eq!(kitchen.sent(), sent);
    }
}

#[tokio::test]
async fn an_answer_that_is_too_large_is_not_kept() {
    let stream = wire::recorded(CHAT).whole();
    for (streamed, behaviour, bytes) in [
        (
            false,
            Behaviour::json(200, wire::answer(CHAT)),
            wire::answer(CHAT).len(),
        ),
        (true, Behaviour::sse(stream.clone()), stream.len()),
    ] {
        for (most, expected) in [(bytes, "hit"), (bytes - 1, "miss")] {
            let rules = CacheRules {
                max_entry_bytes: most,
                ..CacheRules::default()
            };
            let kitchen = Kitchen::with(rules, [behaviour.clone()]);
            let ask = || kept(Ask::new(CHAT, MODEL, streamed));
            let first = kitchen.ask(ask()).await;
            assert_eq!(first.body.len(), bytes, "the client has it all");
            assert_eq!(kitchen.says(ask()).await, expected, "streamed {streamed}");
        }
    }
}

#[tokio::test]
async fn all_answers_together_stay_within_their_bound() {
    const MOST: u64 = 64 * 1024;
    let rules = CacheRules {
        max_bytes: MOST,
        max_entry_bytes: CacheRules::usual_entry(MOST),
        ..CacheRules::default()
    };
    let text = "x".repeat(4_000);
    let kitchen = Kitchen::with(rules, [Behaviour::text(text)]);
    for number in 0..50 {
        assert_eq!(
            kitchen.says(numbered(number, number % 2 == 0)).await,
            "miss"
        );
        let report = kitchen.stage.gateway.cache_report();
        assert!(report.bytes <= MOST, "{report:?}");
    }
    let report = kitchen.stage.gateway.cache_report();
    assert!(report.bytes > MOST / 2 && report.entries >= 3, "{report:?}");
    assert_eq!(report.stored, 50);
    assert_eq!(report.evicted + report.entries as u64, 50, "{report:?}");
}
