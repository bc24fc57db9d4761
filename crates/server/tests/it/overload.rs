//! A gateway that has as many calls as it takes: the next ones wait, those after are told, and whoever asks how it fares
//! is answered all the same.

use std::time::Duration;

use orchestra_testkit::{Behaviour, Script};

use crate::client::{Answer, Client, call, request};
use crate::stage::{Stage, soon};

fn chat() -> Vec<u8> {
    let body = br#"{"model":"openai/gpt-5","messages":[{"role":"user","content":"Hi"}]}"#;
    request("POST", "/v1/chat/completions", body)
}

/// Begins a call that is not answered.
async fn begin(stage: &Stage) -> Client {
    let mut client = Client::to(stage.address).await;
    assert!(client.send(&chat()).await);
    client
}

async fn metrics(stage: &Stage) -> String {
    let answer = call(stage, &request("GET", "/metrics", b"")).await;
    assert_eq!(answer.status, 200);
    answer.text()
}

async fn until_metrics_say(stage: &Stage, line: &str) {
    soon(line, async {
        while !metrics(stage).await.lines().any(|one| one == line) {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    })
    .await;
}

#[tokio::test]
async fn who_asks_how_it_fares_does_not_wait_behind_calls() {
    let overload = "[overload]\nmax_calls = 2\nmax_waiting = 1\n";
    let hanging = Script::new().otherwise(Behaviour::hang());
    let stage = Stage::with("", overload, hanging).await;
    let served = [begin(&stage).await, begin(&stage).await];
    until_metrics_say(&stage, "orchestra_calls_in_flight 2").await;
    let waits = begin(&stage).await;
    until_metrics_say(&stage, "orchestra_calls_waiting 1").await;

    let shed: Answer = call(&stage, &chat()).await;
    assert_eq!(shed.status, 503);
    assert_eq!(shed.json()["error"]["code"], "gateway_overloaded");
    assert_eq!(shed.header("retry-after"), Some("1"));

    for path in [
        "/health/live",
        "/health/ready",
        "/health?probe=false",
        "/health/providers?probe=false",
        "/health/openai?probe=false",
        "/v1/models/openai/gpt-5",
    ] {
        let request = request("GET", path, b"");
        let answer = soon(path, call(&stage, &request)).await;
        assert_ne!(answer.status, 503, "{path}: {}", answer.text());
    }
    until_metrics_say(
        &stage,
        "orchestra_shed_total{at=\"gateway\",reason=\"queue_full\"} 1",
    )
    .await;

    // Its client leaves, and the one who waits gets in.
    drop(served);
    until_metrics_say(&stage, "orchestra_calls_waiting 0").await;
    until_metrics_say(&stage, "orchestra_calls_in_flight 1").await;
    drop(waits);
    until_metrics_say(&stage, "orchestra_calls_in_flight 0").await;
    // It stands in the record of the call, which is over only now.
    until_metrics_say(&stage, "orchestra_queue_wait_seconds_count 1").await;
}
