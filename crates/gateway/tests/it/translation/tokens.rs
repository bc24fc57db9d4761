//! Tokens counted where the provider cannot count them.

use orchestra_dialects::Endpoint;
use orchestra_gateway::Ending;
use orchestra_testkit::Behaviour;
use serde_json::json;

use super::dialogue::{ask, question};
use super::{UPSTREAMS, stage};
use crate::harness::{EVERYONE, MODEL};

const COUNT: Endpoint = Endpoint::CountTokens;

#[tokio::test]
async fn a_count_is_estimated_and_says_so() {
    for upstream in UPSTREAMS {
        let stage = stage([(upstream, Behaviour::answer())]);
        let mut request = question(COUNT, MODEL, false);
        // What a client that only counts leaves out.
        request.as_object_mut().unwrap().remove("max_tokens");
        request.as_object_mut().unwrap().remove("stream");
        let got = stage.ask(ask(COUNT, &request)).await;
        assert_eq!(got.status, 200, "{upstream}: {}", got.text());
        let count = got.json()["input_tokens"].as_u64().unwrap();
        assert!((5..50).contains(&count), "{count}");
        assert_eq!(got.header("x-orchestra-estimated"), "input_tokens");
        assert_eq!(got.header("content-type"), "application/json");
        assert_eq!(stage.requests(), [0]);
        assert_eq!(got.record.ending, Ending::Completed);
        assert!(got.record.attempts.is_empty() && got.record.usage.is_none());

        request["messages"][0]["content"] = json!("How is it in Bergen? ".repeat(100));
        let longer = stage.ask(ask(COUNT, &request)).await.json()["input_tokens"].as_u64();
        assert!(longer > Some(count + 300), "{longer:?}");
    }
}

#[tokio::test]
async fn a_provider_that_counts_is_asked() {
    let stage = stage([(COUNT, Behaviour::answer())]);
    let got = stage.ask(ask(COUNT, &question(COUNT, MODEL, false))).await;
    assert_eq!((got.status.as_u16(), stage.requests()), (200, vec![1]));
    assert_eq!(got.header("x-orchestra-estimated"), "");
}

#[tokio::test]
async fn a_provider_that_fails_to_count_is_replaced_by_an_estimate() {
    let stage = stage([
        (COUNT, Behaviour::error(500)),
        (Endpoint::ChatCompletions, Behaviour::answer()),
    ]);
    let got = stage
        .ask(ask(COUNT, &question(COUNT, EVERYONE, false)))
        .await;
    assert_eq!((got.status.as_u16(), stage.requests()), (200, vec![1, 0]));
    assert_eq!(got.header("x-orchestra-estimated"), "input_tokens");
    assert_eq!(got.faults(), ["server"]);
}

#[tokio::test]
async fn what_cannot_be_read_is_not_counted() {
    let stage = stage([(Endpoint::ChatCompletions, Behaviour::answer())]);
    let mut request = question(COUNT, MODEL, false);
    request["messages"][0]["content"] = json!(7);
    let got = stage.ask(ask(COUNT, &request)).await;
    assert_eq!(got.status, 400);
    assert!(got.text().contains("messages[0].content"), "{}", got.text());
}
