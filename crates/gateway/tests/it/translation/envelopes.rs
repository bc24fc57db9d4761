//! Thoughts that only their own provider can read come back to it, and to nobody else.

use orchestra_dialects::{ENVELOPE_MARK, Endpoint};
use orchestra_testkit::Behaviour;
use serde_json::{Value, json};

use super::dialogue::{ask, question};
use super::stage;
use crate::harness::{MODEL, Stage};

/// An answer of Responses with encrypted thoughts.
fn thoughtful() -> Behaviour {
    let answer = json!({
        "id": "resp_1", "object": "response", "created_at": 1, "status": "completed", "model": "m",
        "error": null, "incomplete_details": null, "parallel_tool_calls": true, "tool_choice": "auto",
        "tools": [],
        "output": [
            {"type": "reasoning", "id": "rs_1", "summary": [{"type": "summary_text", "text": "Hm."}],
             "encrypted_content": "the-secret-thoughts"},
            {"type": "message", "id": "msg_1", "role": "assistant", "status": "completed",
             "content": [{"type": "output_text", "text": "Hi", "annotations": []}]},
        ],
        "usage": {"input_tokens": 3, "input_tokens_details": {"cached_tokens": 0},
            "output_tokens": 5, "output_tokens_details": {"reasoning_tokens": 2}, "total_tokens": 8},
    });
    Behaviour::json(200, answer.to_string())
}

/// What a client of Messages sends next, after such an answer.
async fn next_turn(responses: &Stage) -> Value {
    let mut request = question(Endpoint::Messages, MODEL, false);
    request["thinking"] = json!({"type": "adaptive", "display": "summarized"});
    let got = responses.ask(ask(Endpoint::Messages, &request)).await;
    assert_eq!(got.status, 200, "{}", got.text());
    let content = got.json()["content"].clone();
    assert!(content.to_string().contains(ENVELOPE_MARK), "{content}");
    let turns = request["messages"].as_array_mut().unwrap();
    turns.push(json!({"role": "assistant", "content": content}));
    turns.push(json!({"role": "user", "content": "And tomorrow?"}));
    request
}

fn received(stage: &Stage) -> String {
    let received = stage.upstreams[0].log().pop().unwrap();
    String::from_utf8(received.body.to_vec()).unwrap()
}

#[tokio::test]
async fn thoughts_come_back_to_their_provider_as_they_were() {
    let stage = stage([(Endpoint::Responses, thoughtful())]);
    let request = next_turn(&stage).await;
    let got = stage.ask(ask(Endpoint::Messages, &request)).await;
    assert_eq!(got.status, 200, "{}", got.text());
    let body = received(&stage);
    assert!(body.contains("the-secret-thoughts"), "{body}");
    assert!(
        body.contains("rs_1") && !body.contains(ENVELOPE_MARK),
        "{body}"
    );
}

#[tokio::test]
async fn a_provider_of_the_clients_own_dialect_gets_no_foreign_thoughts() {
    let request = next_turn(&stage([(Endpoint::Responses, thoughtful())])).await;
    for stream in [false, true] {
        let mut request = request.clone();
        request["stream"] = json!(stream);
        request["x_new_field"] = json!({"kept": [1, 2]});
        let stage = stage([(Endpoint::Messages, Behaviour::answer())]);
        let got = stage.ask(ask(Endpoint::Messages, &request)).await;
        assert_eq!(got.status, 200, "{}", got.text());
        let body = received(&stage);
        assert!(
            !body.contains(ENVELOPE_MARK) && !body.contains("secret"),
            "{body}"
        );
        assert!(
            body.contains("And tomorrow?") && body.contains("x_new_field"),
            "{body}"
        );
        let losses = got.header("x-orchestra-losses");
        assert!(losses.contains("messages[1].content[0]"), "{losses}");
        // Nothing was translated but the request.
        assert_eq!(got.record.attempts[0].translated_to, None);
    }
}

#[tokio::test]
async fn a_body_without_an_envelope_passes_byte_for_byte() {
    let stage = stage([(Endpoint::Messages, Behaviour::answer())]);
    let body = format!(
        r#"{{ "model":"{MODEL}", "max_tokens": 9, "messages":[{{"role":"user","content":"what is {ENVELOPE_MARK}?"}}] }}"#
    );
    let got = stage
        .ask(crate::harness::Ask::body(Endpoint::Messages, body.clone()))
        .await;
    assert_eq!(got.status, 200);
    assert_eq!(received(&stage), body);
}

#[tokio::test]
async fn thoughts_that_nobody_signed_do_not_reach_anthropic() {
    for space in ["", " \n"] {
        let mut request = question(Endpoint::Messages, MODEL, false);
        let turns = request["messages"].as_array_mut().unwrap();
        turns.push(json!({"role": "assistant", "content": [
            {"type": "thinking", "thinking": "Hm.", "signature": ""},
            {"type": "text", "text": "Rain."},
        ]}));
        turns.push(json!({"role": "user", "content": "And tomorrow?"}));
        let body = request.to_string().replace(
            "\"signature\":\"\"",
            &format!("\"signature\"{space}:{space}\"\""),
        );
        let stage = stage([(Endpoint::Messages, Behaviour::answer())]);
        let got = stage
            .ask(crate::harness::Ask::body(Endpoint::Messages, body))
            .await;
        assert_eq!(got.status, 200, "{}", got.text());
        let body = received(&stage);
        assert!(!body.contains("Hm.") && body.contains("Rain."), "{body}");
        let losses = got.header("x-orchestra-losses");
        assert!(losses.contains("messages[1].content[0]"), "{losses}");
    }
}

#[tokio::test]
async fn tokens_of_foreign_thoughts_are_estimated() {
    let mut request = next_turn(&stage([(Endpoint::Responses, thoughtful())])).await;
    for name in ["max_tokens", "stream"] {
        request.as_object_mut().unwrap().remove(name);
    }
    let stage = stage([(Endpoint::CountTokens, Behaviour::answer())]);
    let got = stage.ask(ask(Endpoint::CountTokens, &request)).await;
    assert_eq!((got.status.as_u16(), stage.requests()), (200, vec![0]));
    assert_eq!(got.header("x-orchestra-estimated"), "input_tokens");
}
