//! The agent's model: what it says in each dialect, and what it refuses.

use crate::support::{CHAT, Client, MESSAGES, RESPONSES, Reply};
use orchestra_testkit::{Agent, Behaviour, Script, Upstream};
use serde_json::{Value, json};

const GEMINI: &str = "/v1beta/models/gemini-3-pro:generateContent";
const CITY: &str = r#"{"city": "Zürich"}"#;
const THOUGHT: &str = "The user wants an answer; I shall see what I have.";

fn upstream(agent: Agent) -> Upstream {
    Upstream::start(Script::new().otherwise(Behaviour::agent(agent))).unwrap()
}

fn script() -> Agent {
    Agent::new().call("weather", CITY).call("time", "{}")
}

async fn ask(agent: Agent, path: &str, body: &Value) -> Reply {
    let upstream = upstream(agent);
    let mut client = Client::new(&upstream).await;
    let version = [("anthropic-version", "2023-06-01")];
    let headers = if path == MESSAGES { &version[..] } else { &[] };
    client
        .send("POST", path, headers, body.to_string().as_bytes())
        .await;
    client.reply().await
}

async fn answer(agent: Agent, path: &str, body: &Value) -> Value {
    let reply = ask(agent, path, body).await;
    assert_eq!(reply.status, 200, "{}", reply.text());
    reply.json()
}

/// The request's members changed to these.
fn with(mut body: Value, changes: Value) -> Value {
    let (Some(body_members), Value::Object(changes)) = (body.as_object_mut(), changes) else {
        panic!("both are objects")
    };
    body_members.extend(changes);
    body
}

fn chat() -> Value {
    let tool = |name| json!({"type": "function", "function": {"name": name, "parameters": {"type": "object"}}});
    json!({"model": "m", "messages": [{"role": "user", "content": "Hi"}],
           "tools": [tool("weather"), tool("time")]})
}

fn messages() -> Value {
    let tool = |name| json!({"name": name, "input_schema": {"type": "object"}});
    json!({"model": "m", "max_tokens": 4096, "messages": [{"role": "user", "content": "Hi"}],
           "tools": [tool("weather"), tool("time")]})
}

fn responses() -> Value {
    let tool = |name| json!({"type": "function", "name": name, "strict": false, "parameters": {"type": "object"}});
    json!({"model": "m", "input": [{"role": "user", "content": "Hi"}],
           "tools": [tool("weather"), tool("time")]})
}

fn gemini() -> Value {
    json!({"contents": [{"role": "user", "parts": [{"text": "Hi"}]}],
           "tools": [{"functionDeclarations": [{"name": "weather"}, {"name": "time"}]}]})
}

#[tokio::test]
async fn chat_calls_tools_and_quotes_them() {
    let first = answer(script(), CHAT, &chat()).await;
    let message = first["choices"][0]["message"].clone();
    assert_eq!(first["choices"][0]["finish_reason"], "tool_calls");
    assert_eq!(message["tool_calls"][0]["function"]["arguments"], CITY);
    let said = json!({"role": "assistant", "content": message["content"],
                      "tool_calls": message["tool_calls"]});
    let result = |index: usize, text| {
        json!({"role": "tool", "content": text,
               "tool_call_id": message["tool_calls"][index]["id"]})
    };
    let turns =
        json!([{"role": "user", "content": "Hi"}, said, result(1, "noon"), result(0, "21 C")]);
    let last = answer(script(), CHAT, &with(chat(), json!({ "messages": turns }))).await;
    let text = &last["choices"][0]["message"]["content"];
    assert_eq!(text, "The tools say: 21 C; noon.");
}

#[tokio::test]
async fn a_chat_stream_tells_thoughts_and_parallel_calls() {
    let body = with(
        chat(),
        json!({"stream": true, "stream_options": {"include_usage": true}}),
    );
    let events = ask(script().reasoning_content(), CHAT, &body)
        .await
        .events();
    let (done, chunks) = events.split_last().unwrap();
    assert_eq!(done.data, "[DONE]");
    let (mut thought, mut arguments) = (String::new(), [String::new(), String::new()]);
    for chunk in chunks {
        let delta = &chunk.json()["choices"][0]["delta"];
        thought += delta["reasoning_content"].as_str().unwrap_or_default();
        if let Some(index) = delta["tool_calls"][0]["index"].as_u64() {
            let text = &delta["tool_calls"][0]["function"]["arguments"];
            arguments[usize::try_from(index).unwrap()] += text.as_str().unwrap();
        }
    }
    assert_eq!(
        (thought.as_str(), arguments),
        (THOUGHT, [CITY.to_owned(), "{}".to_owned()])
    );
    assert_eq!(chunks.last().unwrap().json()["usage"]["total_tokens"], 150);
}

#[tokio::test]
async fn messages_wants_its_thoughts_back() {
    let thinking = json!({"thinking": {"type": "enabled", "budget_tokens": 2048}});
    let body = with(messages(), thinking.clone());
    let first = answer(script(), MESSAGES, &body).await;
    let content = first["content"].clone();
    assert_eq!(content[0]["thinking"], THOUGHT);
    assert_eq!(content[2]["input"], json!({"city": "Zürich"}));
    let result = |index: usize, text| json!({"type": "tool_result", "tool_use_id": content[index]["id"], "content": text});
    let results = json!([result(2, "21 C"), result(3, "noon")]);
    let turns = |said: &Value| {
        let turns = json!([{"role": "user", "content": "Hi"},
                           {"role": "assistant", "content": said},
                           {"role": "user", "content": results}]);
        with(body.clone(), json!({ "messages": turns }))
    };
    let last = answer(script(), MESSAGES, &turns(&content)).await;
    assert_eq!(last["content"][1]["text"], "The tools say: 21 C; noon.");
    let forgetful = json!([content[2], content[3]]);
    refused(
        MESSAGES,
        &turns(&forgetful),
        "messages[1]: must start with a thinking block",
    )
    .await;
    let mut forged = content.clone();
    forged[0]["signature"] = "c2ln".into();
    refused(
        MESSAGES,
        &turns(&forged),
        "content[0].signature: is no signature",
    )
    .await;
}

#[tokio::test]
async fn a_message_stream_has_its_blocks_in_order() {
    let body = with(
        messages(),
        json!({"stream": true, "thinking": {"type": "adaptive", "display": "omitted"}}),
    );
    let events = ask(script(), MESSAGES, &body).await.events();
    let mut kinds = Vec::new();
    for event in &events {
        let event = event.json();
        if event["type"] == "content_block_start" {
            assert_eq!(event["index"], kinds.len());
            kinds.push(event["content_block"]["type"].as_str().unwrap().to_owned());
        }
    }
    assert_eq!(kinds, ["thinking", "text", "tool_use", "tool_use"]);
    assert_eq!(events.last().unwrap().json()["type"], "message_stop");
}

#[tokio::test]
async fn responses_wants_each_thought_with_its_item() {
    let body = with(
        responses(),
        json!({"reasoning": {"summary": "auto"}, "include": ["reasoning.encrypted_content"]}),
    );
    let first = answer(script(), RESPONSES, &body).await;
    let mut input = vec![json!({"role": "user", "content": "Hi"})];
    input.extend(first["output"].as_array().unwrap().iter().cloned());
    assert_eq!(input[1]["summary"][0]["text"], THOUGHT);
    for (index, text) in [(3, "21 C"), (4, "noon")] {
        let id = input[index]["call_id"].clone();
        input.push(json!({"type": "function_call_output", "call_id": id, "output": text}));
    }
    let last = answer(
        script(),
        RESPONSES,
        &with(body.clone(), json!({ "input": input })),
    )
    .await;
    let text = &last["output"][1]["content"][0]["text"];
    assert_eq!(text, "The tools say: 21 C; noon.");
    let alone = with(
        body,
        json!({"input": [input[1], {"role": "user", "content": "Hi"}]}),
    );
    refused(RESPONSES, &alone, "input[0]: is without the item").await;
}

#[tokio::test]
async fn a_response_stream_ends_with_all_that_it_told() {
    let body = with(
        responses(),
        json!({"stream": true, "reasoning": {"summary": "auto"},
               "include": ["reasoning.encrypted_content"]}),
    );
    let events = ask(script(), RESPONSES, &body).await.events();
    let mut done = Vec::new();
    for (number, event) in events.iter().enumerate() {
        let json = event.json();
        assert_eq!(json["sequence_number"], number);
        assert_eq!(event.name.as_deref(), json["type"].as_str());
        if json["type"] == "response.output_item.done" {
            assert_eq!(json["output_index"], done.len());
            done.push(json["item"].clone());
        }
    }
    let last = events.last().unwrap().json();
    assert_eq!(last["type"], "response.completed");
    assert_eq!(last["response"]["output"], json!(done));
}

#[tokio::test]
async fn gemini_wants_the_first_calls_signature_back() {
    let first = answer(script(), GEMINI, &gemini()).await;
    let said = first["candidates"][0]["content"].clone();
    assert_eq!(
        said["parts"][1]["functionCall"]["args"],
        json!({"city": "Zürich"})
    );
    let result =
        |name, text| json!({"functionResponse": {"name": name, "response": {"result": text}}});
    let turns = |said: &Value| {
        let turns = json!([{"role": "user", "parts": [{"text": "Hi"}]}, said,
            {"role": "user", "parts": [result("weather", "21 C"), result("time", "noon")]}]);
        with(gemini(), json!({ "contents": turns }))
    };
    let last = answer(script(), GEMINI, &turns(&said)).await;
    let text = &last["candidates"][0]["content"]["parts"][0]["text"];
    assert_eq!(text, "The tools say: 21 C; noon.");
    let mut unsigned = said.clone();
    unsigned["parts"][1]
        .as_object_mut()
        .unwrap()
        .remove("thoughtSignature");
    refused(
        GEMINI,
        &turns(&unsigned),
        "contents[1].parts[1]: a function call is missing",
    )
    .await;
}

#[tokio::test]
async fn a_gemini_stream_is_one_of_events_if_asked_for() {
    let path = GEMINI.replace("generate", "streamGenerate");
    let events = ask(script(), &format!("{path}?alt=sse"), &gemini())
        .await
        .events();
    let last = events.last().unwrap().json();
    assert_eq!(last["candidates"][0]["finishReason"], "STOP");
    let array = answer(script(), &path, &gemini()).await;
    assert_eq!(array[0]["candidates"][0]["finishReason"], "STOP");
}

#[tokio::test]
async fn a_schema_is_answered_with_json_that_fits() {
    let schema = json!({"type": "object", "properties": {"city": {"type": "string"}},
                        "required": ["city"], "additionalProperties": false});
    let format = json!({"type": "json_schema", "json_schema": {"name": "c", "strict": true, "schema": schema}});
    let body = json!({"model": "m", "messages": [{"role": "user", "content": "Hi"}],
                      "response_format": format});
    let said = answer(script(), CHAT, &body).await;
    let text = &said["choices"][0]["message"]["content"];
    assert_eq!(text, r#"{"city":"Paris"}"#);
    let config = json!({"format": {"type": "json_schema", "schema": schema}});
    let body = with(
        messages(),
        json!({"output_config": config, "tool_choice": {"type": "none"}}),
    );
    let said = answer(script(), MESSAGES, &body).await;
    assert_eq!(said["content"][0]["text"], r#"{"city":"Paris"}"#);
}

#[tokio::test]
async fn a_schema_in_words_is_found() {
    let words = r#"Answer in JSON by {"type": "object", "properties": {"a": {"type": "object", "properties": {"b": {"type": "integer"}}, "required": ["b"]}}, "required": ["a"]}."#;
    let ask = |words: &str| {
        json!({"model": "m", "messages": [{"role": "user", "content": words}],
               "response_format": {"type": "json_object"}})
    };
    let said = answer(script(), CHAT, &ask(words)).await;
    let text = &said["choices"][0]["message"]["content"];
    assert_eq!(text, r#"{"a":{"b":1}}"#);
    refused(CHAT, &ask("Hi"), "response_format: the messages must").await;
}

#[tokio::test]
async fn images_are_named() {
    let image = json!({"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}});
    let body = json!({"model": "m", "messages": [{"role": "user", "content": [image]}]});
    let said = answer(script(), CHAT, &body).await;
    assert_eq!(said["choices"][0]["message"]["content"], "I see image/png.");
}

async fn refused(path: &str, body: &Value, expected: &str) {
    let reply = ask(script(), path, body).await;
    let text = reply.text();
    assert_eq!(reply.status, 400, "{body} was answered: {text}");
    assert!(text.contains(expected), "{expected:?} is not in {text}");
}

#[tokio::test]
async fn chat_refuses_what_openai_refuses() {
    let turns = |turns: Value| with(chat(), json!({ "messages": turns }));
    let call = json!({"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}});
    let calling = json!({"role": "assistant", "tool_calls": [call]});
    let tool = json!({"role": "tool", "tool_call_id": "c", "content": "x"});
    let user = json!({"role": "user", "content": "x"});
    for (body, expected) in [
        (with(chat(), json!({"top_k": 1})), "unknown field top_k"),
        (
            with(chat(), json!({"tools": []})),
            "tools: must not be empty",
        ),
        (
            with(chat(), json!({"tools": null, "tool_choice": "auto"})),
            "tool_choice is only allowed",
        ),
        (
            with(chat(), json!({"stream_options": {}})),
            "only allowed when stream",
        ),
        (
            turns(json!([user, tool])),
            "messages[1]: a result must follow its call",
        ),
        (
            turns(json!([user, calling, user, tool])),
            "messages[2]: the call c has no result",
        ),
        (
            turns(json!([user, calling])),
            "messages[1]: the call c has no result",
        ),
        (
            turns(json!([{"role": "user", "content": "x", "cache_control": {}}])),
            "unknown field cache_control",
        ),
        (
            turns(json!([{"role": "assistant", "content": "x", "reasoning_content": "y"}])),
            "unknown field reasoning_content",
        ),
    ] {
        refused(CHAT, &body, expected).await;
    }
}

#[tokio::test]
async fn a_call_that_comes_back_altered_is_refused() {
    let call = json!({"id": "call_scripted_0_0", "type": "function",
                      "function": {"name": "weather", "arguments": "{\"city\": \"Bern\"}"}});
    let turns = json!([{"role": "user", "content": "x"}, {"role": "assistant", "tool_calls": [call]},
                       {"role": "tool", "tool_call_id": "call_scripted_0_0", "content": "x"}]);
    let body = with(chat(), json!({ "messages": turns }));
    refused(
        CHAT,
        &body,
        "messages[1].tool_calls[0]: the call was weather",
    )
    .await;
}

#[tokio::test]
async fn messages_refuses_what_anthropic_refuses() {
    let turns = |turns: Value| with(messages(), json!({ "messages": turns }));
    let user = json!({"role": "user", "content": "x"});
    let call = json!({"type": "tool_use", "id": "t", "name": "f", "input": {}});
    let calling = json!({"role": "assistant", "content": [call]});
    let result = json!({"type": "tool_result", "tool_use_id": "t", "content": "x"});
    let text = json!({"type": "text", "text": "x"});
    let open = json!({"type": "object", "properties": {}});
    for (body, expected) in [
        (
            with(messages(), json!({"max_tokens": null})),
            "missing field max_tokens",
        ),
        (with(messages(), json!({"seed": 1})), "unknown field seed"),
        (
            with(messages(), json!({"temperature": 1.5})),
            "temperature: must be from 0 to 1",
        ),
        (
            turns(json!([user, user])),
            "messages[1]: roles must alternate",
        ),
        (
            turns(json!([{"role": "assistant", "content": "x"}])),
            "messages[0]: roles must alternate",
        ),
        (
            turns(json!([user, calling, user])),
            "messages[2]: the call t has no result",
        ),
        (
            turns(json!([{"role": "user", "content": [result]}])),
            "no call t precedes",
        ),
        (
            turns(json!([user, calling, {"role": "user", "content": [text, result]}])),
            "results must come first",
        ),
        (
            turns(json!([{"role": "user", "content": " "}])),
            "must not be empty or blank",
        ),
        (
            with(
                messages(),
                json!({"output_config": {"format": {"type": "json_schema", "schema": open}}}),
            ),
            "additionalProperties must be false",
        ),
        (
            with(
                messages(),
                json!({"thinking": {"type": "enabled", "budget_tokens": 4096}}),
            ),
            "less than max_tokens",
        ),
        (
            with(
                messages(),
                json!({"tools": null, "tool_choice": {"type": "auto"}}),
            ),
            "tool_choice: needs tools",
        ),
    ] {
        refused(MESSAGES, &body, expected).await;
    }
}

#[tokio::test]
async fn responses_refuses_what_openai_refuses() {
    let input = |items: Value| with(responses(), json!({ "input": items }));
    let call = json!({"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"});
    let output = json!({"type": "function_call_output", "call_id": "d", "output": "x"});
    let misnamed = with(call.clone(), json!({"id": "call_1"}));
    for (body, expected) in [
        (
            with(responses(), json!({"stop": ["x"]})),
            "unknown field stop",
        ),
        (
            with(responses(), json!({"max_output_tokens": 5})),
            "must be a number from 16",
        ),
        (input(json!([call])), "the call c has no result"),
        (input(json!([call, output])), "no call d precedes"),
        (input(json!([misnamed])), "must begin with"),
        (
            input(json!([{"role": "assistant", "content": [{"type": "input_text", "text": "x"}]}])),
            "is none of",
        ),
    ] {
        refused(RESPONSES, &body, expected).await;
    }
}

#[tokio::test]
async fn gemini_refuses_what_google_refuses() {
    let turns = |turns: Value| with(gemini(), json!({ "contents": turns }));
    let user = json!({"role": "user", "parts": [{"text": "x"}]});
    let calling = json!({"role": "model", "parts": [{"functionCall": {"name": "f", "args": {}},
                                                     "thoughtSignature": "skip_thought_signature_validator"}]});
    let typed = json!({"functionDeclarations": [{"name": "f", "parameters": {"type": "OBJECT", "$ref": "x"}}]});
    for (body, expected) in [
        (
            with(gemini(), json!({"messages": []})),
            "unknown field messages",
        ),
        (
            turns(json!([user, user])),
            "contents[1]: roles must alternate",
        ),
        (turns(json!([user, calling])), "calls must be answered"),
        (
            turns(json!([user, calling, user])),
            "contents[2]: the call f has no result",
        ),
        (
            with(gemini(), json!({"tools": [typed]})),
            "unknown field $ref",
        ),
        (
            with(
                gemini(),
                json!({"generationConfig": {"responseSchema": {"type": "OBJECT"}}}),
            ),
            "needs responseMimeType",
        ),
    ] {
        refused(GEMINI, &body, expected).await;
    }
}
