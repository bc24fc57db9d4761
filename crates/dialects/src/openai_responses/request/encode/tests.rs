//! What requests of other dialects become.

use super::request as encode;
use crate::canonical::{
    CacheMark, Effort, Media, MediaSource, OutputFormat, Part, PartBody, Place, Reasoning,
    ReasoningMode, Request, Role, Tool, ToolBody, ToolChoice, ToolInput, ToolResult, ToolUse, Turn,
};
use crate::codec::{Inexpressible, Target};
use crate::{Dialect, Losses, Profile, RawJson, ReasoningControl};

/// The body and the losses, or the refusal.
fn send(request: &Request, profile: &Profile) -> Result<(String, Vec<String>), Inexpressible> {
    let target = Target {
        model: "m",
        profile,
    };
    let mut losses = Losses::new(request.origin, Dialect::OpenAiResponses);
    let body = encode(request, &target, &mut losses)?;
    let lost = losses.list().iter().map(ToString::to_string).collect();
    Ok((body, lost))
}

fn sent(request: &Request) -> (String, Vec<String>) {
    send(request, &Profile::default()).expect("a request that can be asked")
}

fn from(origin: Dialect, parts: Vec<(Role, Part)>) -> Request {
    let mut request = Request::new(origin, "x");
    request.turns = parts
        .into_iter()
        .enumerate()
        .map(|(index, (role, part))| {
            let part = part.at(Place::item("content", 0));
            Turn::new(role, vec![part]).at(Place::item("messages", index))
        })
        .collect();
    request
}

fn asked(origin: Dialect) -> Request {
    from(origin, vec![(Role::User, Part::text("Hi"))])
}

fn call(id: &str, input: ToolInput) -> Part {
    PartBody::ToolUse(ToolUse {
        id: id.into(),
        name: "f".into(),
        input,
        item_id: None,
    })
    .into()
}

fn result(id: &str, parts: Vec<Part>, is_error: bool) -> Part {
    PartBody::ToolResult(ToolResult {
        id: id.into(),
        parts,
        is_error,
        custom: false,
        object: None,
    })
    .into()
}

#[test]
fn a_foreign_conversation_is_asked_for_statelessly() {
    let (body, lost) = sent(&asked(Dialect::AnthropicMessages));
    let expected = r#"{"model":"m","input":[{"role":"user","content":"Hi"}],"include":["reasoning.encrypted_content"],"store":false}"#;
    assert_eq!((&*body, lost.len()), (expected, 0));
    // A model that does not think refuses the question for encrypted thoughts.
    let profile = Profile {
        reasoning: ReasoningControl::None,
        ..Profile::default()
    };
    let mut request = asked(Dialect::AnthropicMessages);
    request.reasoning.effort = Some(Effort::High);
    let (body, lost) = send(&request, &profile).expect("a request");
    assert!(!body.contains("include"), "{body}");
    assert_eq!(lost, ["output_config.effort=dropped"]);
}

#[test]
fn thoughts_return_to_the_vendor_that_can_read_them_alone() {
    let thoughts = |origin| {
        PartBody::Reasoning(Reasoning {
            texts: vec!["Hm.".into()],
            encrypted: Some("gAAA".into()),
            id: Some("rs_1".into()),
            origin,
            ..Reasoning::default()
        })
        .into()
    };
    let history = |origin| {
        from(
            Dialect::AnthropicMessages,
            vec![
                (Role::User, Part::text("Hi")),
                (Role::Assistant, thoughts(origin)),
            ],
        )
    };
    let (body, lost) = sent(&history(Some(Dialect::OpenAiResponses)));
    let item = r#"{"type":"reasoning","id":"rs_1","summary":[{"type":"summary_text","text":"Hm."}],"encrypted_content":"gAAA"}"#;
    assert!(body.contains(item) && lost.is_empty(), "{body} {lost:?}");
    for origin in [None, Some(Dialect::AnthropicMessages)] {
        let (body, lost) = sent(&history(origin));
        assert!(!body.contains("gAAA"), "{body}");
        assert_eq!(lost, ["messages[1].content[0]=dropped"]);
    }
}

#[test]
fn what_an_assistant_said_elsewhere_needs_no_ids() {
    let mut request = asked(Dialect::OpenAiChat);
    let said = ["One.", "", "Two."].map(|text| Part::text(text).at(Place::item("content", 0)));
    request
        .turns
        .push(Turn::new(Role::Assistant, said.to_vec()));
    let (body, _) = sent(&request);
    let expected = r#"{"role":"user","content":"Hi"},{"role":"assistant","content":"One."},{"role":"assistant","content":"Two."}]"#;
    assert!(body.contains(expected), "{body}");
}

#[test]
fn calls_keep_their_text_and_results_their_parts() {
    let picture = PartBody::Image(Media {
        source: MediaSource::Base64("AAAA".into()),
        media_type: Some("image/png".into()),
        name: None,
        detail: None,
    });
    let request = from(
        Dialect::AnthropicMessages,
        vec![
            (
                Role::Assistant,
                call("a", ToolInput::Json("{ \"x\": 1.0 }".into())),
            ),
            (
                Role::User,
                result("a", vec![Part::text("1"), picture.into()], false),
            ),
            (Role::Assistant, call("b", ToolInput::Json("broken".into()))),
            (Role::User, result("b", Vec::new(), true)),
        ],
    );
    let (body, lost) = sent(&request);
    for item in [
        r#"{"type":"function_call","call_id":"a","name":"f","arguments":"{ \"x\": 1.0 }"}"#,
        r#"{"type":"function_call_output","call_id":"a","output":[{"type":"input_text","text":"1"},{"type":"input_image","image_url":"data:image/png;base64,AAAA","detail":"auto"}]}"#,
        r#"{"type":"function_call","call_id":"b","name":"f","arguments":"broken"}"#,
        r#"{"type":"function_call_output","call_id":"b","output":"The tool failed."}"#,
    ] {
        assert!(body.contains(item), "{item}\n{body}");
    }
    assert_eq!(lost, ["messages[3].content[0].is_error=approximated"]);
}

#[test]
fn free_text_goes_as_a_function_where_it_is_unknown() {
    let mut request = from(
        Dialect::OpenAiChat,
        vec![
            (
                Role::Assistant,
                call("a", ToolInput::Text("ls \"x\"".into())),
            ),
            (Role::User, result("a", vec![Part::text("1")], false)),
        ],
    );
    let body = ToolBody::Custom {
        name: "f".into(),
        description: None,
        format: None,
    };
    request.tools.push(Tool::new(body, Place::item("tools", 0)));
    request.tool_choice = Some(ToolChoice::Custom("f".into()));
    let (body, lost) = sent(&request);
    for part in [
        r#""type":"custom_tool_call","#,
        r#""type":"custom_tool_call_output","#,
        r#""tools":[{"type":"custom","name":"f"}],"tool_choice":{"type":"custom","name":"f"}"#,
    ] {
        assert!(body.contains(part), "{part}\n{body}");
    }
    assert!(lost.is_empty());
    let lesser = Profile {
        custom_tools: false,
        ..Profile::default()
    };
    let (body, lost) = send(&request, &lesser).expect("a request");
    for part in [
        r#""type":"function_call","call_id":"a","name":"f","arguments":"{\"input\":\"ls \\\"x\\\"\"}""#,
        r#""type":"function_call_output","#,
        r#""tool_choice":{"type":"function","name":"f"}"#,
    ] {
        assert!(body.contains(part), "{part}\n{body}");
    }
    assert_eq!(
        lost,
        [
            "messages[0].content[0]=approximated",
            "tools[0]=approximated"
        ]
    );
}

#[test]
fn a_long_id_is_cut_alike_in_call_and_result() {
    let long = "x".repeat(70);
    let request = from(
        Dialect::Gemini,
        vec![
            (Role::Assistant, call(&long, ToolInput::Json("{}".into()))),
            (Role::User, result(&long, vec![Part::text("1")], false)),
        ],
    );
    let (body, _) = sent(&request);
    let ids: Vec<&str> = body
        .split("\"call_id\":\"")
        .skip(1)
        .filter_map(|rest| rest.split('"').next())
        .collect();
    assert_eq!(ids.len(), 2);
    assert_eq!(ids[0], ids[1]);
    assert_eq!(ids[0].len(), 64);
}

#[test]
fn what_would_be_another_call_is_refused() {
    let mut stop = asked(Dialect::AnthropicMessages);
    stop.sampling.stop.push("END".into());
    let mut several = asked(Dialect::Gemini);
    several.sampling.n = Some(2);
    let mut nothing = asked(Dialect::Gemini);
    let recording = PartBody::Audio(Media {
        source: MediaSource::Base64("AAAA".into()),
        media_type: None,
        name: None,
        detail: None,
    });
    nothing.turns[0].parts = vec![recording.into()];
    for (request, path) in [
        (stop, "stop_sequences"),
        (several, "generationConfig.candidateCount"),
        (nothing, "messages[0]"),
    ] {
        let refusal = send(&request, &Profile::default()).expect_err("a refusal");
        assert_eq!(refusal.path, path);
    }
    let mut one = asked(Dialect::OpenAiChat);
    one.sampling.n = Some(1);
    assert!(send(&one, &Profile::default()).is_ok());
}

#[test]
fn tools_that_are_gone_cannot_be_forced() {
    let mut request = asked(Dialect::AnthropicMessages);
    let hosted = ToolBody::Opaque {
        origin: Dialect::AnthropicMessages,
        kind: "web_search".into(),
        raw: RawJson::parse("{}").expect("sound"),
    };
    request
        .tools
        .push(Tool::new(hosted, Place::item("tools", 0)));
    request.tool_choice = Some(ToolChoice::Required);
    let (body, lost) = sent(&request);
    assert!(!body.contains("tool"), "{body}");
    assert_eq!(lost, ["tools[0]=dropped", "tool_choice=dropped"]);
}

#[test]
fn options_become_the_nearest_there_is() {
    let mut request = asked(Dialect::AnthropicMessages);
    request.sampling.max_output_tokens = Some(1);
    request.sampling.top_k = Some(3);
    request.reasoning.mode = Some(ReasoningMode::Enabled);
    request.reasoning.budget_tokens = Some(9_000);
    request.service_tier = Some("standard_only".into());
    request.turns[0].parts[0].cache = Some(CacheMark::default());
    request.user = Some("u".repeat(200));
    let (body, lost) = sent(&request);
    for part in [
        r#""max_output_tokens":16"#,
        r#""reasoning":{"effort":"high","summary":"auto"}"#,
        r#""service_tier":"default""#,
    ] {
        assert!(body.contains(part), "{part}\n{body}");
    }
    assert_eq!(
        lost,
        [
            "messages[0].content[0].cache_control=dropped",
            "max_tokens=approximated",
            "top_k=dropped",
            "thinking.budget_tokens=approximated",
            "metadata.user_id=approximated",
        ]
    );
}

#[test]
fn what_is_no_object_is_asked_for_in_words() {
    let mut request = asked(Dialect::Gemini);
    let schema = |text| OutputFormat::JsonSchema {
        name: None,
        description: None,
        schema: RawJson::parse(text).expect("sound"),
        strict: None,
    };
    request.output = schema(r#"{"type":"array"}"#);
    let (body, lost) = sent(&request);
    let first = r#""input":[{"role":"system","content":"Answer with exactly one JSON value"#;
    assert!(body.contains(first), "{body}");
    assert!(
        body.contains(r#""text":{"format":{"type":"text"}}"#),
        "{body}"
    );
    assert_eq!(lost, ["generationConfig.responseMimeType=approximated"]);
    request.output = schema(r#"{"type":"object"}"#);
    let (body, _) = sent(&request);
    assert!(
        body.contains(r#""type":"json_schema","name":"answer""#),
        "{body}"
    );
}
