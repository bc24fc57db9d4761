//! What requests of other dialects become.

use serde_json::{Value, json};

use super::encode;
use crate::canonical::{
    Effort, Media, MediaSource, OutputFormat, Part, PartBody, Place, Reasoning, ReasoningMode,
    Request, Role, Tool, ToolBody, ToolChoice, ToolInput, ToolResult, ToolUse, Turn,
};
use crate::{Dialect, Losses, Profile, RawJson, ReasoningControl, Target};

/// A request of a Chat client, with a limit of tokens.
fn asked(turns: Vec<Turn>) -> Request {
    let mut request = Request::new(Dialect::OpenAiChat, "m");
    request.sampling.max_output_tokens = Some(4096);
    let turns = turns.into_iter().enumerate();
    request.turns = turns
        .map(|(index, turn)| turn.at(Place::item("messages", index)))
        .collect();
    request
}

fn says(role: Role, text: &str) -> Turn {
    Turn::new(role, vec![Part::text(text).at(Place::member("content"))])
}

fn hello() -> Request {
    asked(vec![says(Role::User, "Hi")])
}

fn call(id: &str) -> Part {
    let input = ToolInput::Json("{}".into());
    call_of(id, "look", input)
}

fn call_of(id: &str, name: &str, input: ToolInput) -> Part {
    PartBody::ToolUse(ToolUse {
        id: id.into(),
        name: name.into(),
        input,
        item_id: None,
    })
    .into()
}

fn result(id: &str) -> Part {
    PartBody::ToolResult(ToolResult {
        id: id.into(),
        parts: vec![Part::text(format!("result of {id}"))],
        is_error: false,
        custom: false,
        object: None,
    })
    .into()
}

fn function(name: &str) -> Tool {
    let body = ToolBody::Function {
        name: name.into(),
        description: None,
        schema: None,
        strict: None,
    };
    Tool::new(body, Place::item("tools", 0))
}

fn sent_to(request: &Request, profile: &Profile) -> (Value, Vec<String>) {
    let mut losses = Losses::new(request.origin, Dialect::AnthropicMessages);
    let target = Target {
        model: "m",
        profile,
    };
    let body = encode(request, &target, &mut losses).expect("can be asked");
    let losses = losses.list().iter().map(ToString::to_string).collect();
    (serde_json::from_str(&body).expect("JSON"), losses)
}

fn sent(request: &Request) -> (Value, Vec<String>) {
    sent_to(request, &Profile::default())
}

fn check_messages(turns: Vec<Turn>, expected: Value, lost: &[&str]) {
    let mut request = asked(turns);
    request.tools = vec![function("look")];
    let (body, losses) = sent(&request);
    assert_eq!(body["messages"], expected);
    assert_eq!(losses, lost);
}

#[test]
fn turns_of_one_side_are_one_message_with_the_results_first() {
    check_messages(
        vec![
            says(Role::User, "Go"),
            Turn::new(Role::Assistant, vec![Part::text("I look.")]),
            Turn::new(Role::Assistant, vec![call("a"), call("b")]),
            Turn::new(Role::User, vec![result("a")]),
            says(Role::User, "Hurry"),
            Turn::new(Role::User, vec![result("b")]),
        ],
        json!([
            {"role": "user", "content": "Go"},
            {"role": "assistant", "content": [
                {"type": "text", "text": "I look."},
                {"type": "tool_use", "id": "a", "name": "look", "input": {}},
                {"type": "tool_use", "id": "b", "name": "look", "input": {}},
            ]},
            {"role": "user", "content": [
                {"type": "tool_result", "tool_use_id": "a", "content": "result of a"},
                {"type": "tool_result", "tool_use_id": "b", "content": "result of b"},
                {"type": "text", "text": "Hurry"},
            ]},
        ]),
        &[],
    );
}

#[test]
fn a_late_result_moves_behind_its_call() {
    check_messages(
        vec![
            says(Role::User, "Go"),
            Turn::new(Role::Assistant, vec![call("a"), call("b")]),
            Turn::new(Role::User, vec![result("a")]),
            says(Role::Assistant, "One is there."),
            Turn::new(Role::User, vec![result("b")]),
        ],
        json!([
            {"role": "user", "content": "Go"},
            {"role": "assistant", "content": [
                {"type": "tool_use", "id": "a", "name": "look", "input": {}},
                {"type": "tool_use", "id": "b", "name": "look", "input": {}},
            ]},
            {"role": "user", "content": [
                {"type": "tool_result", "tool_use_id": "a", "content": "result of a"},
                {"type": "tool_result", "tool_use_id": "b", "content": "result of b"},
            ]},
            {"role": "assistant", "content": "One is there."},
            {"role": "user", "content": "."},
        ]),
        &["messages[4]=approximated"],
    );
}

#[test]
fn instructions_lead_or_say_what_they_are() {
    let request = asked(vec![
        says(Role::System, "Be kind."),
        says(Role::Developer, "Be terse."),
        says(Role::User, "Hi"),
        says(Role::Assistant, "Hi!"),
        says(Role::System, "Be loud."),
    ]);
    let (body, losses) = sent(&request);
    let expected =
        json!([{"type": "text", "text": "Be kind."}, {"type": "text", "text": "Be terse."}]);
    assert_eq!(body["system"], expected);
    let expected =
        json!({"role": "user", "content": [{"type": "text", "text": "<system>Be loud.</system>"}]});
    assert_eq!(body["messages"][2], expected);
    assert_eq!(losses, ["messages[4].content=approximated"]);
}

#[test]
fn what_anthropic_refuses_as_empty_is_left_out() {
    check_messages(
        vec![
            says(Role::User, "Hi"),
            says(Role::Assistant, ""),
            says(Role::User, " \n"),
            says(Role::User, "Well?"),
            Turn::new(
                Role::Assistant,
                vec![Part::text("").at(Place::item("content", 0)), call("a")],
            ),
            Turn::new(Role::User, vec![result("a")]),
        ],
        json!([
            {"role": "user", "content": [{"type": "text", "text": "Hi"}, {"type": "text", "text": "Well?"}]},
            {"role": "assistant", "content": [{"type": "tool_use", "id": "a", "name": "look", "input": {}}]},
            {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "a", "content": "result of a"}]},
        ]),
        &[
            "messages[1]=approximated",
            "messages[2].content=approximated",
        ],
    );
}

#[test]
fn the_user_begins_and_a_prefill_ends_in_no_space() {
    check_messages(
        vec![
            says(Role::Assistant, "Welcome."),
            says(Role::User, "A?"),
            says(Role::Assistant, "It is "),
        ],
        json!([
            {"role": "user", "content": "."},
            {"role": "assistant", "content": "Welcome."},
            {"role": "user", "content": "A?"},
            {"role": "assistant", "content": "It is"},
        ]),
        &["messages[0]=approximated", "messages[2]=approximated"],
    );
    let (body, losses) = sent(&asked(vec![says(Role::System, "Greet.")]));
    assert_eq!(body["system"], json!([{"type": "text", "text": "Greet."}]));
    assert_eq!(body["messages"], json!([{"role": "user", "content": "."}]));
    assert_eq!(losses, ["messages=defaulted"]);
}

#[test]
fn arguments_become_an_object() {
    for (input, expected, exact) in [
        (ToolInput::Json(String::new()), json!({}), true),
        (ToolInput::Json("{\"a\": 1}".into()), json!({"a": 1}), true),
        (
            ToolInput::Json("{\"a\": ".into()),
            json!({"arguments": "{\"a\": "}),
            false,
        ),
        (
            ToolInput::Json("[1]".into()),
            json!({"arguments": "[1]"}),
            false,
        ),
        (
            ToolInput::Text("free".into()),
            json!({"input": "free"}),
            false,
        ),
    ] {
        let mut request = asked(vec![
            says(Role::User, "Hi"),
            Turn::new(Role::Assistant, vec![call_of("a", "look", input)]),
        ]);
        request.tools = vec![function("look")];
        let (body, losses) = sent(&request);
        assert_eq!(body["messages"][1]["content"][0]["input"], expected);
        assert_eq!(losses.is_empty(), exact, "{losses:?}");
    }
}

#[test]
fn odd_ids_and_names_are_the_same_wherever_they_stand() {
    let id = "functions.look:0";
    let name = "files.look";
    let mut request = asked(vec![
        says(Role::User, "Hi"),
        Turn::new(
            Role::Assistant,
            vec![call_of(id, name, ToolInput::Json("{}".into()))],
        ),
        Turn::new(Role::User, vec![result(id)]),
    ]);
    request.tools = vec![function(name)];
    request.tool_choice = Some(ToolChoice::Function(name.into()));
    let (body, _) = sent(&request);
    let call = &body["messages"][1]["content"][0];
    assert_eq!(call["id"], body["messages"][2]["content"][0]["tool_use_id"]);
    assert_eq!(call["name"], body["tools"][0]["name"]);
    assert_eq!(call["name"], body["tool_choice"]["name"]);
    assert_ne!(call["name"], name);
    let back = super::super::decode(&body.to_string()).expect("sound");
    let call = back.turns[1].parts[0].as_tool_use().expect("a call");
    assert_eq!(call.id, id);
}

#[test]
fn calls_in_the_history_need_tools() {
    let request = asked(vec![
        says(Role::User, "Hi"),
        Turn::new(Role::Assistant, vec![call("a"), call("b")]),
        Turn::new(Role::User, vec![result("a"), result("b")]),
    ]);
    let (body, losses) = sent(&request);
    let expected = json!([{"name": "look", "input_schema": {"type": "object"}}]);
    assert_eq!(body["tools"], expected);
    assert_eq!(body["tool_choice"], json!({"type": "none"}));
    assert_eq!(losses, ["tools=defaulted"]);
}

#[test]
fn one_call_at_a_time_needs_a_choice() {
    let mut request = hello();
    request.parallel_tool_calls = Some(false);
    let (body, losses) = sent(&request);
    assert_eq!(body.get("tool_choice"), None);
    assert_eq!(losses, ["parallel_tool_calls=dropped"]);
    request.tools = vec![function("look")];
    let (body, losses) = sent(&request);
    let expected = json!({"type": "auto", "disable_parallel_tool_use": true});
    assert_eq!((&body["tool_choice"], losses.len()), (&expected, 0));
    request.tool_choice = Some(ToolChoice::None);
    assert_eq!(sent(&request).0["tool_choice"], json!({"type": "none"}));
}

fn thinking(request: &Request, control: ReasoningControl) -> (Value, Vec<String>) {
    let profile = Profile {
        reasoning: control,
        ..Profile::default()
    };
    let (mut body, losses) = sent_to(request, &profile);
    (body["thinking"].take(), losses)
}

#[test]
fn an_effort_is_an_effort_or_a_budget_within_the_limit() {
    let check = |effort, max_tokens, expected: Value, lost: &[&str]| {
        let mut request = hello();
        request.sampling.max_output_tokens = Some(max_tokens);
        request.reasoning.effort = Some(effort);
        let (thinking, losses) = thinking(&request, ReasoningControl::Budget);
        assert_eq!(thinking, expected, "{effort:?} within {max_tokens}");
        assert_eq!(losses, lost);
    };
    let enabled = |budget: u64| json!({"type": "enabled", "budget_tokens": budget});
    let near = ["reasoning_effort=approximated"];
    check(Effort::Minimal, 4096, enabled(1024), &near);
    check(Effort::Medium, 32_000, enabled(8192), &near);
    check(Effort::High, 8000, enabled(6000), &near);
    check(Effort::High, 1025, enabled(1024), &near);
    check(
        Effort::High,
        1024,
        Value::Null,
        &["reasoning_effort=dropped"],
    );
    check(Effort::None, 4096, json!({"type": "disabled"}), &[]);

    let mut request = hello();
    request.reasoning.effort = Some(Effort::Minimal);
    let (body, losses) = sent(&request);
    assert_eq!(body["thinking"], json!({"type": "adaptive"}));
    assert_eq!(body["output_config"], json!({"effort": "low"}));
    assert_eq!(losses, near);
}

#[test]
fn a_budget_is_an_effort_where_there_are_no_budgets() {
    let mut request = hello();
    request.reasoning.mode = Some(ReasoningMode::Enabled);
    request.reasoning.budget_tokens = Some(8000);
    let (body, losses) = sent(&request);
    assert_eq!(body["thinking"], json!({"type": "adaptive"}));
    assert_eq!(body["output_config"], json!({"effort": "medium"}));
    assert_eq!(losses, ["thinking.budget_tokens=approximated"]);
}

#[test]
fn thinking_yields_to_a_forced_tool() {
    let mut request = hello();
    request.tools = vec![function("look")];
    request.tool_choice = Some(ToolChoice::Required);
    request.reasoning.effort = Some(Effort::High);
    let (budget, losses) = thinking(&request, ReasoningControl::Budget);
    assert_eq!(
        (budget, &*losses[0]),
        (Value::Null, "reasoning_effort=dropped")
    );
    let (body, losses) = sent(&request);
    assert_eq!(body.get("thinking"), None);
    assert_eq!(body["output_config"], json!({"effort": "high"}));
    assert_eq!(losses, ["reasoning_effort=approximated"]);
}

#[test]
fn a_loop_that_began_without_thoughts_goes_on_without() {
    let tried = |first: Part| {
        let mut request = asked(vec![
            says(Role::User, "Hi"),
            Turn::new(Role::Assistant, vec![first, call("a")]),
            Turn::new(Role::User, vec![result("a")]),
        ]);
        request.tools = vec![function("look")];
        request.reasoning.effort = Some(Effort::Low);
        thinking(&request, ReasoningControl::Budget).0
    };
    let thoughts = |origin| {
        PartBody::Reasoning(Reasoning {
            signature: Some("s".into()),
            origin: Some(origin),
            ..Reasoning::default()
        })
        .into()
    };
    assert_eq!(tried(Part::text("I look.")), Value::Null);
    assert_eq!(tried(thoughts(Dialect::Gemini)), Value::Null);
    assert_eq!(
        tried(thoughts(Dialect::AnthropicMessages))["type"],
        "enabled"
    );
}

#[test]
fn sampling_is_clamped_or_left_out() {
    let mut request = hello();
    request.sampling.temperature = Some(1.7);
    request.sampling.top_p = Some(0.5);
    request.sampling.seed = Some(7);
    request.sampling.frequency_penalty = Some(0.0);
    request.sampling.stop = vec!["\n".into(), "end".into()];
    let (body, losses) = sent(&request);
    assert_eq!(body["temperature"], 1);
    assert_eq!(body["stop_sequences"], json!(["end"]));
    let expected = [
        "seed=dropped",
        "temperature=approximated",
        "top_p=dropped",
        "stop[0]=dropped",
    ];
    assert_eq!(losses, expected);
    let profile = Profile {
        sampling: false,
        ..Profile::default()
    };
    let (body, _) = sent_to(&request, &profile);
    assert!(body.get("temperature").is_none() && body.get("top_p").is_none());
    request.sampling.max_output_tokens = None;
    let (body, losses) = sent(&request);
    assert_eq!(body["max_tokens"], 32_000);
    assert!(losses.contains(&"max_tokens=defaulted".to_owned()));
}

fn with_schema(schema: &str) -> Request {
    let mut request = hello();
    request.output = OutputFormat::JsonSchema {
        name: Some("answer".into()),
        description: None,
        schema: RawJson::parse(schema).expect("sound"),
        strict: Some(true),
    };
    request
}

#[test]
fn a_schema_without_structured_output_is_a_tool_that_must_be_called() {
    let profile = Profile {
        json_schema: false,
        ..Profile::default()
    };
    let mut request = with_schema(r#"{"type":"object"}"#);
    let (body, losses) = sent_to(&request, &profile);
    assert_eq!(body["tools"][0]["name"], "orchestra_structured_output");
    assert_eq!(body["tool_choice"]["type"], "tool");
    assert_eq!(body.get("output_config"), None);
    assert_eq!(losses, ["response_format=approximated"]);
    request.tools = vec![function("look")];
    let (body, _) = sent_to(&request, &profile);
    assert_eq!(body["tools"][1]["name"], "orchestra_structured_output");
    assert_eq!(body["tool_choice"], json!({"type": "any"}));
    request = with_schema(r#"{"type":"array"}"#);
    let (body, _) = sent_to(&request, &profile);
    assert!(
        body["system"][0]["text"]
            .as_str()
            .is_some_and(|text| text.contains(r#"{"type":"array"}"#))
    );
}

#[test]
fn what_cannot_be_asked_is_refused_with_its_path() {
    let refusal = |request: &Request| {
        let mut losses = Losses::new(request.origin, Dialect::AnthropicMessages);
        let profile = Profile::default();
        let target = Target {
            model: "m",
            profile: &profile,
        };
        encode(request, &target, &mut losses)
            .expect_err("refused")
            .path
    };
    let mut request = hello();
    request.sampling.n = Some(2);
    assert_eq!(refusal(&request), "n");
    for source in [
        MediaSource::File("file-1".into()),
        MediaSource::Url("gs://bucket/a.png".into()),
    ] {
        let image = PartBody::Image(media(source, None));
        let image = Part::from(image).at(Place::item("content", 0));
        let request = asked(vec![Turn::new(Role::User, vec![image])]);
        assert_eq!(refusal(&request), "messages[0].content[0]");
    }
}

fn media(source: MediaSource, media_type: Option<&str>) -> Media {
    Media {
        source,
        media_type: media_type.map(Into::into),
        name: None,
        detail: None,
    }
}

#[test]
fn pictures_and_documents_get_the_types_that_anthropic_knows() {
    let source = |body: PartBody| {
        let request = asked(vec![Turn::new(
            Role::User,
            vec![Part::text("x"), body.into()],
        )]);
        let (mut body, losses) = sent(&request);
        let source = body.pointer_mut("/messages/0/content/1/source");
        (source.map(Value::take).unwrap_or_default(), losses.len())
    };
    let base64 = |data: &str| MediaSource::Base64(data.into());
    for (media_type, data, expected) in [
        (None, "iVBORw0KGgo=", "image/png"),
        (Some("image/jpg"), "/9j/4AAQ", "image/jpeg"),
        (Some("application/octet-stream"), "UklGRg==", "image/webp"),
        (Some("image/bmp"), "Qk0=", "image/bmp"),
    ] {
        let image = PartBody::Image(media(base64(data), media_type));
        assert_eq!(source(image).0["media_type"], expected);
    }
    let pdf = PartBody::Document(media(base64("JVBERi0="), None));
    assert_eq!(source(pdf).0["media_type"], "application/pdf");
    let text = PartBody::Document(media(base64("aGk="), Some("text/csv")));
    let expected = json!({"type": "text", "media_type": "text/plain", "data": "hi"});
    assert_eq!(source(text), (expected, 0));
    let sheet = PartBody::Document(media(base64("UEsDBA=="), Some("application/vnd.ms-excel")));
    assert_eq!(source(sheet), (Value::Null, 1));
}
