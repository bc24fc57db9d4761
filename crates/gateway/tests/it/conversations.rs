//! Clients of Responses that go on from an earlier response, at providers that keep none.

use std::future::{pending, ready};
use std::sync::Arc;

use orchestra_dialects::Endpoint;
use orchestra_gateway::{
    Conversation, ConversationBounds, ConversationError, ConversationFuture, ConversationKey,
    Conversations, MemoryConversations,
};
use orchestra_providers::Row;
use orchestra_testkit::{Agent, Behaviour, Script, Upstream};
use orchestra_types::SystemClock;
use serde_json::{Value, json};

use crate::harness;
use crate::harness::{Ask, Got, MODEL, Stage, within};

const FOREIGN: [Endpoint; 2] = [Endpoint::ChatCompletions, Endpoint::Messages];

fn memory() -> Arc<dyn Conversations> {
    let clock = Arc::new(SystemClock::new());
    Arc::new(MemoryConversations::new(ConversationBounds::MEMORY, clock))
}

/// A provider that speaks nothing but this, with a model that calls `weather` and then tells what that said.
fn stage(endpoint: Endpoint, store: Arc<dyn Conversations>) -> Stage {
    let agent = Agent::new().call("weather", r#"{"city": "Oslo"}"#);
    behaving(endpoint, store, Behaviour::agent(agent))
}

fn behaving(endpoint: Endpoint, store: Arc<dyn Conversations>, behaviour: Behaviour) -> Stage {
    let upstream = Upstream::start(Script::new().otherwise(behaviour)).unwrap();
    Stage::keeping(store, &[row(endpoint, &upstream)], vec![upstream])
}

fn row(endpoint: Endpoint, upstream: &Upstream) -> Row {
    Row {
        endpoints: Some(vec![endpoint.name().to_owned()]),
        ..harness::row(&upstream.base_url())
    }
}

fn ask(more: Value) -> Ask {
    let mut body = json!({
        "model": MODEL,
        "tools": [{
            "type": "function", "name": "weather", "strict": false,
            "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
        }],
    });
    let more = more.as_object().unwrap().clone();
    body.as_object_mut().unwrap().extend(more);
    Ask::body(Endpoint::Responses, body.to_string())
}

/// The response object, of an answer in one piece or at the end of a stream.
fn response(got: &Got) -> Value {
    assert_eq!(got.status, 200, "{}", got.text());
    if !got.text().starts_with("event:") {
        return got.json();
    }
    let last = got.text().trim_end().rsplit_once("\ndata: ").unwrap().1;
    let event: Value = serde_json::from_str(last).unwrap();
    assert_eq!(event["type"], "response.completed", "{event}");
    event["response"].clone()
}

fn text(response: &Value) -> &str {
    let output = response["output"].as_array().unwrap();
    let message = output.iter().find(|item| item["type"] == "message");
    message.unwrap()["content"][0]["text"].as_str().unwrap()
}

fn call_id(response: &Value) -> Value {
    let output = response["output"].as_array().unwrap();
    let call = output.iter().find(|item| item["type"] == "function_call");
    call.unwrap()["call_id"].clone()
}

fn result(response: &Value) -> Value {
    json!([{"type": "function_call_output", "call_id": call_id(response), "output": "3 C"}])
}

fn code(got: &Got) -> (u16, String) {
    let error = &got.json()["error"];
    (
        got.status.as_u16(),
        error["code"].as_str().unwrap().to_owned(),
    )
}

#[tokio::test]
async fn a_loop_of_tools_goes_on_by_ids_alone() {
    for endpoint in FOREIGN {
        for stream in [false, true] {
            for reasoning in [json!(null), json!({"effort": "high"})] {
                let stage = stage(endpoint, memory());
                let first = stage
                    .ask(ask(json!({"input": "Weather?", "stream": stream, "reasoning": reasoning, "instructions": "Be brief."})))
                    .await;
                assert_eq!(first.header("x-orchestra-stored"), "");
                let first = response(&first);
                let second = stage
                    .ask(ask(json!({
                        "previous_response_id": first["id"], "input": result(&first),
                        "stream": stream, "reasoning": reasoning,
                    })))
                    .await;
                let second = response(&second);
                assert_eq!(text(&second), "The tools say: 3 C.", "{endpoint:?}");
                assert_eq!(second["previous_response_id"], first["id"]);
                let third = stage
                    .ask(ask(json!({
                        "previous_response_id": second["id"], "input": "Thanks.",
                        "stream": stream, "reasoning": reasoning,
                    })))
                    .await;
                response(&third);
                let asked = stage.upstreams[0].log().pop().unwrap();
                let asked = String::from_utf8(asked.body.to_vec()).unwrap();
                for word in ["Weather?", "Oslo", "3 C", "The tools say", "Thanks."] {
                    assert!(asked.contains(word), "{word} is not in {asked}");
                }
                let thinks = endpoint == Endpoint::Messages && !reasoning.is_null();
                assert_eq!(asked.contains(r#""signature":"#), thinks, "{asked}");
                assert!(
                    !asked.contains("Be brief."),
                    "instructions are not carried over"
                );
            }
        }
    }
}

#[tokio::test]
async fn references_to_items_are_resolved() {
    for endpoint in FOREIGN {
        let stage = stage(endpoint, memory());
        let first = response(&stage.ask(ask(json!({"input": "Weather?"}))).await);
        let mut input = vec![json!({"role": "user", "content": "Weather?"})];
        for item in first["output"].as_array().unwrap() {
            input.push(json!({"type": "item_reference", "id": item["id"]}));
        }
        input.extend(result(&first).as_array().unwrap().clone());
        let second = json!({"input": input, "max_output_tokens": 9000});
        let second = stage.ask(ask(second)).await;
        assert_eq!(second.header("x-orchestra-losses"), "");
        assert_eq!(text(&response(&second)), "The tools say: 3 C.");
    }
}

#[tokio::test]
async fn what_shall_not_be_stored_is_not() {
    for stream in [false, true] {
        let stage = stage(Endpoint::Messages, memory());
        let first = ask(json!({"input": "Weather?", "store": false, "stream": stream}));
        let first = response(&stage.ask(first).await);
        let next = ask(json!({"previous_response_id": first["id"], "input": "And now?"}));
        let next = stage.ask(next).await;
        assert_eq!(code(&next), (400, "previous_response_not_found".into()));
    }
}

#[tokio::test]
async fn an_unknown_response_is_refused_in_openais_words() {
    let stage = stage(Endpoint::ChatCompletions, memory());
    let got = stage
        .ask(ask(
            json!({"previous_response_id": "resp_nobody", "input": "And now?"}),
        ))
        .await;
    assert_eq!(got.status, 400);
    let expected = json!({
        "message": "Previous response with id 'resp_nobody' not found.",
        "type": "invalid_request_error",
        "param": "previous_response_id",
        "code": "previous_response_not_found",
    });
    let mut error = got.json()["error"].clone();
    error
        .as_object_mut()
        .unwrap()
        .retain(|name, _| expected.get(name).is_some());
    assert_eq!(error, expected);
    assert_eq!(stage.requests(), [0]);
}

#[tokio::test]
async fn a_foreign_conversation_is_unknown() {
    let stage = stage(Endpoint::Messages, memory());
    let of = |client, ask| Ask { client, ..ask };
    let first = stage
        .ask(of(Some("a"), ask(json!({"input": "Weather?"}))))
        .await;
    let first = response(&first);
    let next = || ask(json!({"previous_response_id": first["id"], "input": result(&first)}));
    for other in [Some("b"), None] {
        let got = stage.ask(of(other, next())).await;
        assert_eq!(code(&got), (400, "previous_response_not_found".into()));
    }
    response(&stage.ask(of(Some("a"), next())).await);
}

#[tokio::test]
async fn without_a_store_the_client_is_told_to_send_everything() {
    let upstream = Upstream::start(Script::new()).unwrap();
    let rows = [row(Endpoint::Messages, &upstream)];
    let stage = Stage::of(harness::patient(), &rows, vec![upstream]);
    let first = stage.ask(ask(json!({"input": "Weather?"}))).await;
    assert_eq!(first.header("x-orchestra-stored"), "");
    let next = ask(json!({"previous_response_id": response(&first)["id"], "input": "?"}));
    assert_eq!(
        code(&stage.ask(next).await),
        (400, "stateful_unsupported".into())
    );
}

#[tokio::test]
async fn conversations_as_objects_are_not_kept_here() {
    let stage = stage(Endpoint::Messages, memory());
    let got = stage
        .ask(ask(json!({"conversation": "conv_1", "input": "Weather?"})))
        .await;
    assert_eq!(code(&got), (400, "stateful_unsupported".into()));
}

#[tokio::test]
async fn a_provider_that_keeps_responses_keeps_its_own() {
    let stage = behaving(Endpoint::Responses, memory(), Behaviour::answer());
    let body =
        format!(r#"{{ "model":"{MODEL}",  "previous_response_id":"resp_theirs","input":"And?" }}"#);
    response(
        &stage
            .ask(Ask::body(Endpoint::Responses, body.clone()))
            .await,
    );
    let asked = stage.upstreams[0].log().pop().unwrap();
    assert_eq!(asked.body, body.as_bytes(), "every byte as it was");
}

/// A conversation may move from a provider that keeps nothing to one that does.
#[tokio::test]
async fn a_provider_that_keeps_responses_is_told_what_it_cannot_know() {
    for from in FOREIGN {
        let agent = Agent::new().call("weather", r#"{"city": "Oslo"}"#);
        let script = Script::new().otherwise(Behaviour::agent(agent.reasoning_content()));
        let upstreams = [script.clone(), script].map(|script| Upstream::start(script).unwrap());
        let rows = [
            row(from, &upstreams[0]),
            row(Endpoint::Responses, &upstreams[1]),
        ];
        let stage = Stage::keeping(memory(), &rows, upstreams.into());
        let at = |name: &str, mut more: Value| {
            more["model"] = json!(format!("{name}/{MODEL}"));
            more["reasoning"] = json!({"effort": "high"});
            ask(more)
        };
        let first = stage.ask(at("one", json!({"input": "Weather?"}))).await;
        let first = response(&first);
        assert_eq!(first["output"][0]["type"], "reasoning", "{first}");
        let more = json!({"previous_response_id": first["id"], "input": result(&first)});
        let second = response(&stage.ask(at("two", more)).await);
        assert_eq!(text(&second), "The tools say: 3 C.");
        let asked = stage.upstreams[1].log().pop().unwrap().json().unwrap();
        assert_eq!(asked["previous_response_id"], Value::Null);
        let input = asked["input"].as_array().unwrap();
        assert_eq!(input[0]["content"], "Weather?");
        // Thoughts that it did not think are nothing to it.
        assert!(
            input.iter().all(|item| item["type"] != "reasoning"),
            "{asked}"
        );
    }
}

#[tokio::test]
async fn errors_count_the_items_that_the_client_did_not_send() {
    let stage = stage(Endpoint::Messages, memory());
    let first = response(&stage.ask(ask(json!({"input": "Weather?"}))).await);
    let wrong = json!([{"type": "function_call_output", "call_id": "nobody", "output": "3 C"}]);
    let next = ask(json!({"previous_response_id": first["id"], "input": wrong}));
    let got = stage.ask(next).await;
    assert_eq!(got.status, 400);
    let words = got.text();
    assert!(
        words.contains("input[3]") && words.contains("3 items of the earlier"),
        "{words}"
    );
}

/// Out of order, or out of reach.
#[derive(Debug)]
enum Failing {
    AtOnce,
    Never,
}

impl Failing {
    fn answer<T: Send + 'static>(&self) -> ConversationFuture<T> {
        match self {
            Self::AtOnce => Box::pin(ready(Err(ConversationError::Failed(
                "the disk is full".into(),
            )))),
            Self::Never => Box::pin(pending()),
        }
    }
}

impl Conversations for Failing {
    fn load(&self, _: ConversationKey) -> ConversationFuture<Option<Conversation>> {
        self.answer()
    }

    fn save(&self, _: ConversationKey, _: Conversation) -> ConversationFuture<()> {
        self.answer()
    }

    fn delete(&self, _: ConversationKey) -> ConversationFuture<bool> {
        self.answer()
    }
}

#[tokio::test]
async fn a_failing_store_fails_no_call() {
    for failing in [|| Failing::AtOnce, || Failing::Never] {
        for stream in [false, true] {
            let stage = stage(Endpoint::Messages, Arc::new(failing()));
            let limit = std::time::Duration::from_secs(8);
            let got = within(
                limit,
                stage.ask(ask(json!({"input": "Weather?", "stream": stream}))),
            );
            let got = got.await;
            call_id(&response(&got));
            let told = if stream { "" } else { "false" };
            assert_eq!(got.header("x-orchestra-stored"), told);
        }
    }
}

#[tokio::test]
async fn a_failing_store_is_no_missing_response() {
    let stage = stage(Endpoint::Messages, Arc::new(Failing::AtOnce));
    let next = ask(json!({"previous_response_id": "resp_1", "input": "?"}));
    let got = stage.ask(next).await;
    assert_eq!(code(&got), (503, "conversations_unavailable".into()));
    // Nobody needs it where the provider keeps its own.
    let stage = behaving(
        Endpoint::Responses,
        Arc::new(Failing::AtOnce),
        Behaviour::answer(),
    );
    let next = Ask::body(
        Endpoint::Responses,
        json!({"model": MODEL, "previous_response_id": "resp_1", "input": "?"}).to_string(),
    );
    response(&stage.ask(next).await);
}

#[tokio::test]
async fn what_is_too_large_is_answered_and_not_kept() {
    let bounds = ConversationBounds {
        conversation_bytes: 100,
        ..ConversationBounds::MEMORY
    };
    let store = MemoryConversations::new(bounds, Arc::new(SystemClock::new()));
    let stage = stage(Endpoint::Messages, Arc::new(store));
    let got = stage.ask(ask(json!({"input": "Weather?"}))).await;
    response(&got);
    assert_eq!(got.header("x-orchestra-stored"), "false");
}

#[tokio::test]
async fn a_cut_stream_is_not_kept() {
    let store = memory();
    let behaviour = Behaviour::answer().no_terminal();
    let stage = behaving(Endpoint::Messages, Arc::clone(&store), behaviour);
    let got = stage
        .ask(ask(
            json!({"input": "Weather?", "stream": true, "tools": []}),
        ))
        .await;
    let id = got.text().split(r#""id":""#).nth(1).unwrap();
    let id = id.split('"').next().unwrap();
    assert!(id.starts_with("resp_"), "{id}");
    let key = ConversationKey {
        client: None,
        id: id.into(),
    };
    assert_eq!(store.load(key).await.unwrap(), None);
}
