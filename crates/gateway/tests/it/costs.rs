//! What calls cost, as their records say.

use orchestra_dialects::Endpoint;
use orchestra_providers::{ModelFactsRow, PriceRow, Row};
use orchestra_testkit::{Behaviour, Script, TokenCounts, Upstream};
use serde_json::json;

use crate::harness::{Ask, MODEL, Stage, patient, row};

const COUNTS: TokenCounts = TokenCounts {
    input: 10_000,
    cached: 8_000,
    cache_write: 1_000,
    output: 500,
    reasoning: 200,
};

fn stage(price: &serde_json::Value) -> Stage {
    let answer = Behaviour::answer().usage(COUNTS);
    let upstream = Upstream::start(Script::new().otherwise(answer)).unwrap();
    let price: PriceRow = serde_json::from_value(price.clone()).unwrap();
    let row = Row {
        facts: Some(vec![ModelFactsRow {
            models: vec![MODEL.to_owned()],
            context: None,
            price: Some(price),
        }]),
        ..row(&upstream.base_url())
    };
    Stage::of(patient(), &[row], vec![upstream])
}

/// 1,000 at 2, 8,000 at 0.2, 1,000 at 2.5, 500 at 10: whether the vendor counts what was cached among the input
/// (OpenAI) or beside it (Anthropic).
#[tokio::test]
async fn a_record_says_what_its_call_cost_whatever_the_dialect_counts_in() {
    let price = json!({ "input": 2, "cache_read": 0.2, "cache_write": 2.5, "output": 10 });
    for endpoint in [
        Endpoint::ChatCompletions,
        Endpoint::Responses,
        Endpoint::Messages,
    ] {
        for stream in [false, true] {
            let got = stage(&price).ask(Ask::new(endpoint, MODEL, stream)).await;
            let cost = got.record.cost.map(|cost| cost.to_string());
            assert_eq!(
                cost.as_deref(),
                Some("0.0111"),
                "{endpoint} {stream} {:?}",
                got.record.usage
            );
        }
    }
}

#[tokio::test]
async fn half_a_price_is_no_cost() {
    let got = stage(&json!({ "input": 2, "output": 10 }))
        .ask(Ask::new(Endpoint::ChatCompletions, MODEL, false))
        .await;
    assert!(got.record.usage.is_some());
    assert_eq!(got.record.cost, None);
}
