//! Requests for targets that know less than the whole dialect, and requests that nobody can serve.

use serde_json::{Value, json};

use crate::{Dialect, LossKind, Profile, Target, decode_request, encode_request};

/// What is sent for a request of another dialect, and what is lost.
fn sent(from: Dialect, body: &Value, profile: &Profile) -> (Value, Vec<(String, LossKind)>) {
    let request = decode_request(from, &body.to_string()).expect("a sound request");
    let model = "m";
    let target = Target { model, profile };
    let (body, losses) =
        encode_request(&request, Dialect::OpenAiChat, &target).expect("expressible");
    let losses = losses.into_iter().map(|loss| (loss.path, loss.kind));
    (serde_json::from_str(&body).expect("JSON"), losses.collect())
}

fn refused(from: Dialect, body: &Value, profile: &Profile) -> String {
    let request = decode_request(from, &body.to_string()).expect("a sound request");
    let model = "m";
    let target = Target { model, profile };
    encode_request(&request, Dialect::OpenAiChat, &target)
        .expect_err("nothing to be sent")
        .to_string()
}

/// The error for a Chat request with this message.
fn error_of(message: Value) -> String {
    let body = json!({"model": "m", "messages": [{"role": "user", "content": "Hi"}, message]});
    decode_request(Dialect::OpenAiChat, &body.to_string())
        .expect_err("an unsound request")
        .to_string()
}

#[test]
fn errors_name_the_place() {
    for (message, expected) in [
        (json!({"content": "x"}), "`messages[1].role` is missing"),
        (
            json!({"role": "robot", "content": "x"}),
            "`messages[1].role` is `robot`",
        ),
        (json!({"role": "user"}), "`messages[1].content` is missing"),
        (
            json!({"role": "user", "content": 7}),
            "`messages[1].content` is neither",
        ),
        (
            json!({"role": "user", "content": [{"type": "text"}]}),
            "`messages[1].content[0].text` is missing",
        ),
        (
            json!({"role": "user", "content": [{"type": "image_url", "image_url": {"url": "data:image/png;base64,@"}}]}),
            "`messages[1].content[0].image_url.url` is not valid base64",
        ),
        (
            json!({"role": "user", "content": [{"type": "input_audio", "input_audio": {"data": "@", "format": "wav"}}]}),
            "`messages[1].content[0].input_audio.data` is not valid base64",
        ),
        (
            json!({"role": "user", "content": [{"type": "file", "file": {}}]}),
            "`messages[1].content[0].file` holds no file",
        ),
        (
            json!({"role": "assistant", "tool_calls": [{"type": "function", "function": {"name": "f", "arguments": "{}"}}]}),
            "`messages[1].tool_calls[0]` has no `id`",
        ),
        (
            json!({"role": "assistant", "tool_calls": [{"id": "a", "type": "function", "function": {"name": "f", "arguments": {}}}]}),
            "`messages[1].tool_calls[0].function.arguments` is an object; make it a string",
        ),
        (
            json!({"role": "tool", "content": "x"}),
            "`messages[1].tool_call_id` is missing",
        ),
        (
            json!({"role": "tool", "tool_call_id": "a", "content": "x"}),
            "`messages[1]` answers the call `a`, which no message before it makes",
        ),
        (
            json!({"role": "function", "name": "f", "content": "x"}),
            "`messages[1].name` is `f`, a function that no message before calls",
        ),
    ] {
        let error = error_of(message);
        assert!(error.starts_with(expected), "{error}");
    }
}

#[test]
fn errors_name_the_option() {
    for (name, value, expected) in [
        ("messages", json!([]), "`messages` is missing"),
        (
            "temperature",
            json!("hot"),
            "`temperature` is a string; make it a number",
        ),
        (
            "stop",
            json!([1]),
            "`stop[0]` is a number; make it a string",
        ),
        (
            "tools",
            json!([{"type": "function", "function": {}}]),
            "`tools[0].function` has no `name`",
        ),
        ("tools", json!([{}]), "`tools[0].type` is missing"),
        (
            "tool_choice",
            json!({"type": "function", "function": {}}),
            "`tool_choice.function.name` is missing",
        ),
        (
            "response_format",
            json!({"type": "json_schema", "json_schema": {"schema": []}}),
            "`response_format.json_schema.schema` is a list; make it an object",
        ),
        (
            "stream_options",
            json!({"include_usage": 1}),
            "`stream_options.include_usage` is a number; make it true or false",
        ),
        (
            "max_tokens",
            json!(-1),
            "`max_tokens` is a number; make it a whole number from 0",
        ),
    ] {
        let mut body = json!({"model": "m", "messages": [{"role": "user", "content": "Hi"}]});
        body[name] = value;
        let error = decode_request(Dialect::OpenAiChat, &body.to_string())
            .expect_err("an unsound request")
            .to_string();
        assert!(error.starts_with(expected), "{error}");
    }
}

#[test]
fn deepseek_gets_what_it_knows() {
    let schema = json!({"type": "object", "properties": {"a": {"type": "string"}}});
    let (body, losses) = sent(
        Dialect::AnthropicMessages,
        &json!({
            "model": "claude", "max_tokens": 100, "top_k": 5, "temperature": 0.5,
            "system": [{"type": "text", "text": "One."}, {"type": "text", "text": "Two."}],
            "thinking": {"type": "adaptive"},
            "output_config": {"effort": "medium", "format": {"type": "json_schema", "schema": schema}},
            "tools": [{"name": "look", "input_schema": {"type": "object"}}],
            "messages": [
                {"role": "user", "content": [{"type": "text", "text": "A"}, {"type": "text", "text": "B"}]},
                {"role": "assistant", "content": [{"type": "tool_use", "id": "t1", "name": "look", "input": {}}]},
                {"role": "user", "content": [
                    {"type": "tool_result", "tool_use_id": "t1", "content": [
                        {"type": "image", "source": {"type": "url", "url": "https://a.example/x.png"}}
                    ]}
                ]},
            ],
        }),
        &Profile::deepseek(),
    );
    let system = body["messages"][0]["content"].as_str().expect("a text");
    assert!(system.starts_with("One.\n\nTwo.\n\nAnswer with exactly one JSON value"));
    assert!(system.ends_with(r#"{"properties":{"a":{"type":"string"}},"type":"object"}"#));
    assert_eq!(body["messages"][1]["content"], "A\n\nB");
    assert_eq!(body["messages"][2]["reasoning_content"], "");
    assert_eq!(
        body["messages"][3],
        json!({"role": "tool", "tool_call_id": "t1", "content": "[The tool returned what this model cannot take.]"})
    );
    assert_eq!(body["max_tokens"], 100);
    assert_eq!(body.get("top_k"), None);
    assert_eq!(body["thinking"], json!({"type": "enabled"}));
    assert_eq!(body["reasoning_effort"], "high");
    assert_eq!(body["response_format"], json!({"type": "json_object"}));
    let approximated = |path: &str| (path.to_owned(), LossKind::Approximated);
    let dropped = |path: &str| (path.to_owned(), LossKind::Dropped);
    for loss in [
        approximated("output_config.format"),
        approximated("thinking.type"),
        approximated("output_config.effort"),
        dropped("messages[2].content[0].content[0]"),
        dropped("top_k"),
    ] {
        assert!(losses.contains(&loss), "{loss:?} in {losses:?}");
    }
}

#[test]
fn compatible_servers_get_tools_they_know() {
    let (body, losses) = sent(
        Dialect::OpenAiResponses,
        &json!({
            "model": "m", "store": false, "prompt_cache_key": "k", "user": "ann",
            "tools": [
                {"type": "function", "name": "a", "parameters": {"type": "object"}},
                {"type": "function", "name": "b", "parameters": {"type": "object"}},
                {"type": "custom", "name": "patch", "description": "Edits.",
                 "format": {"type": "grammar", "syntax": "lark", "definition": "start: X"}},
            ],
            "tool_choice": {"type": "allowed_tools", "mode": "required", "tools": [
                {"type": "function", "name": "a"}, {"type": "custom", "name": "patch"},
            ]},
            "input": [
                {"role": "developer", "content": "Be brief."},
                {"role": "user", "content": "Go."},
                {"type": "custom_tool_call", "call_id": "c1", "name": "patch", "input": "x\n"},
                {"type": "custom_tool_call_output", "call_id": "c1", "output": "ok"},
            ],
        }),
        &Profile::compatible(),
    );
    assert_eq!(body["messages"][0]["role"], "system");
    assert_eq!(
        body["messages"][2]["tool_calls"][0]["function"],
        json!({"name": "patch", "arguments": "{\"input\":\"x\\n\"}"})
    );
    let names: Vec<_> = body["tools"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|tool| tool["function"]["name"].clone())
        .collect();
    assert_eq!(names, ["a", "patch"]);
    let description = &body["tools"][1]["function"]["description"];
    assert_eq!(
        *description,
        "Edits.\n\n`input` must follow this lark grammar:\nstart: X"
    );
    assert_eq!(body["tool_choice"], "required");
    assert_eq!(body["user"], "ann");
    let paths: Vec<_> = losses.iter().map(|(path, _)| path.as_str()).collect();
    for path in [
        "input[0].role",
        "tool_choice",
        "prompt_cache_key",
        "tools[2]",
    ] {
        assert!(paths.contains(&path), "{path} in {paths:?}");
    }
    assert!(!paths.contains(&"store"), "{paths:?}");
}

#[test]
fn results_directly_follow_their_calls() {
    let (body, _) = sent(
        Dialect::OpenAiResponses,
        &json!({
            "model": "m",
            "input": [
                {"role": "user", "content": "Go."},
                {"role": "assistant", "content": "Both."},
                {"type": "function_call", "call_id": "a", "name": "f", "arguments": "{}"},
                {"type": "function_call", "call_id": "b", "name": "f", "arguments": "{}"},
                {"type": "function_call_output", "call_id": "b", "output": "2"},
                {"role": "user", "content": "Hurry!"},
                {"type": "function_call_output", "call_id": "a", "output": "1"},
            ],
        }),
        &Profile::default(),
    );
    let told: Vec<_> = body["messages"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|message| (message["role"].clone(), message["tool_call_id"].clone()))
        .collect();
    let roles: Vec<_> = told.iter().map(|(role, _)| role.clone()).collect();
    assert_eq!(roles, ["user", "assistant", "tool", "tool", "user"]);
    assert_eq!(body["messages"][1]["content"], "Both.");
    assert_eq!((&told[2].1, &told[3].1), (&json!("b"), &json!("a")));
    assert_eq!(body["messages"][4]["content"], "Hurry!");
}

/// What a Chat client hands back of thoughts that Anthropic signed.
fn signed_history() -> Value {
    let answer = json!({
        "id": "msg_1", "type": "message", "role": "assistant", "model": "claude",
        "content": [
            {"type": "thinking", "thinking": "Let me see.", "signature": "c2ln"},
            {"type": "text", "text": "Hello."},
        ],
        "stop_reason": "end_turn", "usage": {"input_tokens": 1, "output_tokens": 1},
    });
    let question = json!({"model": "m", "messages": [{"role": "user", "content": "Hi"}]});
    let request =
        decode_request(Dialect::OpenAiChat, &question.to_string()).expect("a sound request");
    let codec = Dialect::AnthropicMessages.codec().expect("a codec");
    let answer = codec.decode_answer(&answer.to_string()).expect("an answer");
    let context = crate::AnswerContext {
        id: "1",
        created: 1,
        request: &request,
        body: "{}",
    };
    let (answer, _) = crate::encode_answer(&answer, Dialect::AnthropicMessages, &context);
    let answer: Value = serde_json::from_str(&answer).expect("JSON");
    let message = answer["choices"][0]["message"].clone();
    json!({"model": "m", "messages": [{"role": "user", "content": "Hi"}, message, {"role": "user", "content": "And?"}]})
}

#[test]
fn signed_thoughts_return_to_their_origin_alone() {
    let history = signed_history();
    let request = decode_request(Dialect::OpenAiChat, &history.to_string()).expect("sound");
    let profile = Profile::default();
    let model = "m";
    let target = Target {
        model,
        profile: &profile,
    };
    let (body, _) =
        encode_request(&request, Dialect::AnthropicMessages, &target).expect("expressible");
    let body: Value = serde_json::from_str(&body).expect("JSON");
    assert_eq!(
        body["messages"][1]["content"][0],
        json!({"type": "thinking", "thinking": "Let me see.", "signature": "c2ln"})
    );

    let (body, losses) = sent(Dialect::OpenAiChat, &history, &profile);
    let message = &body["messages"][1];
    assert!(message["reasoning_content"].is_null() && message["reasoning_details"].is_null());
    let lost = (
        "messages[1].reasoning_content".to_owned(),
        LossKind::Dropped,
    );
    assert_eq!(losses, [lost]);

    let (body, losses) = sent(Dialect::OpenAiChat, &history, &Profile::deepseek());
    let message = &body["messages"][1];
    assert_eq!(message["reasoning_content"], "Let me see.");
    assert!(message["reasoning_details"].is_null());
    assert_eq!(losses[0].1, LossKind::Approximated);
}

#[test]
fn googles_signatures_return_to_its_openai_endpoint() {
    let body = json!({
        "contents": [
            {"role": "user", "parts": [{"text": "Go."}]},
            {"role": "model", "parts": [
                {"functionCall": {"id": "a", "name": "f", "args": {}}, "thoughtSignature": "c2ln"},
            ]},
            {"role": "user", "parts": [
                {"functionResponse": {"id": "a", "name": "f", "response": {"output": "1"}}},
            ]},
        ],
    });
    let (sent_there, losses) = sent(Dialect::Gemini, &body, &Profile::compatible());
    assert_eq!(
        sent_there["messages"][1]["tool_calls"][0]["extra_content"],
        json!({"google": {"thought_signature": "c2ln"}})
    );
    assert_eq!(losses, []);
    let (elsewhere, losses) = sent(Dialect::Gemini, &body, &Profile::default());
    assert!(elsewhere["messages"][1]["tool_calls"][0]["extra_content"].is_null());
    assert_eq!(losses[0].0, "contents[1].parts[0].thoughtSignature");
}

#[test]
fn what_openai_finds_too_long_is_shortened_alike_everywhere() {
    let id = "toolu_".repeat(8);
    let user = "user_".repeat(40);
    let (body, losses) = sent(
        Dialect::AnthropicMessages,
        &json!({
            "model": "m", "max_tokens": 10, "metadata": {"user_id": user},
            "messages": [
                {"role": "user", "content": "Go."},
                {"role": "assistant", "content": [{"type": "tool_use", "id": id, "name": "f", "input": {}}]},
                {"role": "user", "content": [{"type": "tool_result", "tool_use_id": id, "content": "1"}]},
            ],
        }),
        &Profile::default(),
    );
    let called = body["messages"][1]["tool_calls"][0]["id"]
        .as_str()
        .expect("an id");
    assert_eq!(
        (called.len(), &body["messages"][2]["tool_call_id"]),
        (40, &json!(called))
    );
    assert_eq!(
        body["safety_identifier"].as_str().expect("a user").len(),
        128
    );
    let paths: Vec<_> = losses.iter().map(|(path, _)| path.as_str()).collect();
    assert_eq!(paths, ["messages[1].content[0].id", "metadata.user_id"]);
}

#[test]
fn what_would_change_the_meaning_is_refused() {
    let hi = json!([{"role": "user", "content": "Hi"}]);
    let gemini = json!({
        "contents": [{"role": "user", "parts": [{"text": "Hi"}]}],
        "generationConfig": {"candidateCount": 2},
    });
    let error = refused(Dialect::Gemini, &gemini, &Profile::deepseek());
    assert!(
        error.starts_with("`generationConfig.candidateCount` asks for several"),
        "{error}"
    );
    let stops = json!({
        "model": "m", "max_tokens": 9, "messages": hi, "stop_sequences": ["a", "b", "c", "d", "e"],
    });
    let error = refused(Dialect::AnthropicMessages, &stops, &Profile::default());
    assert!(
        error.starts_with("`stop_sequences` holds more than the 4"),
        "{error}"
    );
    let (body, _) = sent(Dialect::AnthropicMessages, &stops, &Profile::compatible());
    assert_eq!(body["stop"].as_array().map(Vec::len), Some(5));
    let warm = json!({"model": "m", "max_tokens": 0, "messages": hi});
    let error = refused(Dialect::AnthropicMessages, &warm, &Profile::default());
    assert!(error.starts_with("`max_tokens` asks to warm"), "{error}");
}

#[test]
fn the_other_ways_to_ask_for_thoughts() {
    let ask = |profile: &Profile| {
        sent(
            Dialect::AnthropicMessages,
            &json!({
                "model": "m", "max_tokens": 9000, "messages": [{"role": "user", "content": "Hi"}],
                "thinking": {"type": "enabled", "budget_tokens": 2000},
            }),
            profile,
        )
    };
    let by = |reasoning| Profile {
        reasoning,
        ..Profile::compatible()
    };
    let (body, losses) = ask(&by(crate::ReasoningControl::Budget));
    assert_eq!(
        body["thinking"],
        json!({"type": "enabled", "budget_tokens": 2000})
    );
    assert_eq!(losses, []);
    let (body, losses) = ask(&by(crate::ReasoningControl::None));
    assert!(body["thinking"].is_null() && body["reasoning_effort"].is_null());
    assert_eq!(losses.len(), 2);
    let (body, losses) = ask(&by(crate::ReasoningControl::Effort));
    assert_eq!(body["reasoning_effort"], "medium");
    assert_eq!(losses[0].0, "thinking.budget_tokens");
}

#[test]
fn a_schema_that_is_no_object_is_told_in_words() {
    let body = json!({
        "contents": [{"role": "user", "parts": [{"text": "Go."}]}],
        "generationConfig": {"responseMimeType": "application/json", "responseJsonSchema": {"type": "array"}},
    });
    let (sent, losses) = sent(Dialect::Gemini, &body, &Profile::default());
    assert!(sent["response_format"].is_null());
    let system = sent["messages"][0]["content"].as_str().expect("a text");
    assert!(system.ends_with(r#"{"type":"array"}"#), "{system}");
    assert_eq!(losses[0].1, LossKind::Approximated);
}

#[test]
fn files_have_names_and_texts_are_read_to_those_who_see_none() {
    let document = |media_type: &str, title: Option<&str>| {
        json!({"type": "document", "title": title,
            "source": {"type": "base64", "media_type": media_type, "data": "SGk="}})
    };
    let body = json!({
        "model": "m", "max_tokens": 9,
        "messages": [{"role": "user", "content": [
            document("application/pdf", Some("Report")), document("application/pdf", None),
        ]}],
    });
    let (body, losses) = sent(Dialect::AnthropicMessages, &body, &Profile::default());
    let names: Vec<_> = (0..2)
        .map(|at| body["messages"][0]["content"][at]["file"]["filename"].clone())
        .collect();
    assert_eq!(names, ["Report.pdf", "document.pdf"]);
    assert_eq!(losses, [("file.filename".to_owned(), LossKind::Defaulted)]);

    let body = json!({
        "contents": [{"role": "user", "parts": [
            {"inlineData": {"mimeType": "text/plain", "data": "SGk="}},
            {"inlineData": {"mimeType": "application/pdf", "data": "SGk="}},
        ]}],
    });
    let (body, losses) = sent(Dialect::Gemini, &body, &Profile::deepseek());
    assert_eq!(
        body["messages"][0]["content"],
        "<document>\nHi\n</document>"
    );
    let kinds: Vec<_> = losses.iter().map(|(_, kind)| *kind).collect();
    assert_eq!(kinds, [LossKind::Approximated, LossKind::Dropped]);
}
