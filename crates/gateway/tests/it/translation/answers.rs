//! What a provider of another dialect answers reaches the client in its own.

use orchestra_dialects::Endpoint;
use orchestra_gateway::Ending;
use orchestra_testkit::{Behaviour, TokenCounts};

use super::dialogue::{ask, question};
use super::reading::read;
use super::{pairs, stage};
use crate::harness::{MODEL, NAMES};
use crate::wire;

const TEXT: &str = "Rain \u{2614}, \"as always\";\n\ttake a coat.";

/// Counters that tell whether cache and thoughts are counted as each dialect does.
const COUNTS: TokenCounts = TokenCounts {
    input: 2000,
    cached: 512,
    cache_write: 0,
    output: 90,
    reasoning: 40,
};

/// The word for an answer that said all it wanted.
fn finished(endpoint: Endpoint) -> &'static str {
    match endpoint {
        Endpoint::ChatCompletions => "stop",
        Endpoint::Responses => "completed",
        _ => "end_turn",
    }
}

/// Tokens in and out as the endpoint counts them: Messages leaves out what came from the cache.
fn counted(endpoint: Endpoint) -> (u64, u64) {
    match endpoint {
        Endpoint::Messages => (COUNTS.input - COUNTS.cached, COUNTS.output),
        _ => (COUNTS.input, COUNTS.output),
    }
}

#[tokio::test]
async fn every_client_understands_every_provider() {
    for (client, upstream) in pairs() {
        for stream in [false, true] {
            let told = format!("{client} to {upstream}, stream {stream}");
            let stage = stage([(upstream, Behaviour::text(TEXT).usage(COUNTS))]);
            let mut request = question(client, MODEL, stream);
            if client == Endpoint::ChatCompletions && stream {
                request["stream_options"] = serde_json::json!({"include_usage": true});
            }
            let got = stage.ask(ask(client, &request)).await;
            assert_eq!(got.status, 200, "{told}: {}", got.text());
            let said = read(client, stream, &got);
            assert_eq!(said.text, TEXT, "{told}: {}", got.text());
            assert_eq!(said.finish, finished(client), "{told}: {}", got.text());
            assert_eq!(said.usage, Some(counted(client)), "{told}: {}", got.text());
            assert_eq!(said.model, MODEL, "{told}: {}", got.text());
            let kind = if stream {
                let parsed = wire::parse(client, &got.body);
                assert_eq!((parsed.terminals, parsed.errors), (1, 0), "{told}");
                "text/event-stream; charset=utf-8"
            } else {
                "application/json"
            };
            assert_eq!(got.header("content-type"), kind, "{told}");
            assert_eq!(got.header("x-orchestra-provider"), NAMES[0], "{told}");
            let record = &got.record;
            assert_eq!(record.ending, Ending::Completed, "{told}");
            assert_eq!(record.endpoint, Some(client), "{told}");
            assert_eq!(record.attempts[0].translated_to, Some(upstream), "{told}");
            assert_eq!(record.finish.as_deref(), Some("stop"), "{told}");
            let usage = record.usage.expect("what it cost is known");
            assert_eq!(
                (usage.total_input(), usage.total_output()),
                (COUNTS.input, COUNTS.output),
                "{told}"
            );
        }
    }
}

#[tokio::test]
async fn what_stands_in_the_question_reaches_the_provider() {
    for (client, upstream) in pairs() {
        let stage = stage([(upstream, Behaviour::answer())]);
        let got = stage
            .ask(ask(client, &question(client, MODEL, false)))
            .await;
        assert_eq!(got.status, 200, "{client} to {upstream}: {}", got.text());
        let received = stage.upstreams[0].log().remove(0);
        let body = String::from_utf8(received.body.to_vec()).unwrap();
        for part in ["Be brief.", "How is it in Bergen?", "500"] {
            assert!(body.contains(part), "{client} to {upstream}: {body}");
        }
        let place = match upstream {
            Endpoint::GenerateContent => format!("/models/{MODEL}:generateContent"),
            _ => {
                assert!(body.contains(MODEL), "{body}");
                upstream.path().to_owned()
            }
        };
        assert!(received.path.ends_with(&place), "{}", received.path);
        assert_eq!(received.header("content-type"), Some("application/json"));
    }
}

#[tokio::test]
async fn a_provider_is_asked_under_its_own_name_of_the_model() {
    use crate::harness::EVERYONE;
    for (client, upstream) in pairs() {
        let stage = stage([(upstream, Behaviour::answer())]);
        let got = stage
            .ask(ask(client, &question(client, EVERYONE, false)))
            .await;
        assert_eq!(got.status, 200, "{client} to {upstream}");
        let received = stage.upstreams[0].log().remove(0);
        let body = String::from_utf8(received.body.to_vec()).unwrap();
        assert!(!body.contains(EVERYONE), "{body}");
        assert_eq!(got.record.model, EVERYONE);
        assert_eq!(got.record.attempts[0].model.as_str(), MODEL);
    }
}

#[tokio::test]
async fn an_object_that_is_no_answer_is_not_passed_off_as_an_empty_one() {
    for (client, upstream) in pairs() {
        for body in ["{}", r#"{"detail":"no such thing"}"#] {
            let stage = stage([
                (upstream, Behaviour::json(200, body)),
                (upstream, Behaviour::text(TEXT)),
            ]);
            let got = stage
                .ask(ask(
                    client,
                    &question(client, crate::harness::EVERYONE, false),
                ))
                .await;
            let told = format!("{client} to {upstream}: {body}");
            assert_eq!(got.faults(), ["malformed", "-"], "{told}");
            assert_eq!(read(client, false, &got).text, TEXT, "{told}");
        }
    }
}
