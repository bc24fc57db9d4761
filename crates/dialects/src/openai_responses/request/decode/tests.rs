//! What is wrong with a request is told with its path; what is odd but sound is read.

use crate::canonical::{PartBody, Reasoning, Request, Role, ToolChoice};
use crate::openai_responses::request::decode;
use crate::{Dialect, envelope};

fn with_input(input: &str) -> String {
    format!(r#"{{"model":"m","input":{input}}}"#)
}

fn error(body: &str) -> String {
    let error = decode(body).expect_err("a request that is wrong");
    error.to_string()
}

fn sound(body: &str) -> Request {
    decode(body).unwrap_or_else(|error| panic!("{body}: {error}"))
}

#[test]
fn what_is_wrong_is_told_with_its_path() {
    for (body, expected) in [
        ("", "the request body is empty; send a JSON object"),
        ("[]", "the request body is a list; send a JSON object"),
        (r#"{"input":"x"}"#, "`model` is missing; add it as a string"),
        (
            &with_input("3"),
            "`input` is a number; make it a string or a list of items",
        ),
        (
            &with_input("[3]"),
            "`input[0]` is a number; make it an object",
        ),
        (
            &with_input("[{}]"),
            "`input[0]` has neither `type` nor `role`; a message needs a role, everything else a type",
        ),
        (
            &with_input(r#"[{"role":"robot","content":"x"}]"#),
            "`input[0].role` is `robot`; make it user, assistant, system or developer",
        ),
        (
            &with_input(r#"[{"role":"user","content":{}}]"#),
            "`input[0].content` is an object; make it a string or a list of parts",
        ),
        (
            &with_input(r#"[{"role":"user","content":[{"type":"input_image"}]}]"#),
            "`input[0].content[0]` has neither `image_url` nor `file_id`; add one of them",
        ),
        (
            &with_input(
                r#"["x",{"role":"user","content":[{"type":"input_image","image_url":{"url":"https://a.example"}}]}]"#,
            ),
            "`input[0]` is a string; make it an object",
        ),
        (
            &with_input(
                r#"[{"role":"user","content":[{"type":"input_image","image_url":{"url":"https://a.example"}}]}]"#,
            ),
            "`input[0].content[0].image_url` is an object; make it a string",
        ),
        (
            &with_input(
                r#"[{"role":"user","content":[{"type":"input_file","file_data":"data:application/pdf;base64,@@"}]}]"#,
            ),
            "`input[0].content[0].file_data` is not valid base64; encode the bytes with the standard alphabet and no line breaks",
        ),
        (
            &with_input(r#"[{"type":"function_call","name":"f","arguments":"{}"}]"#),
            "`input[0].call_id` is missing; add it as a string",
        ),
        (
            &with_input(r#"[{"type":"function_call","call_id":"c","name":"f","arguments":{}}]"#),
            "`input[0].arguments` is an object; make it a string",
        ),
        (
            &with_input(r#"[{"type":"function_call_output","call_id":"c"}]"#),
            "`input[0].output` is missing; add it as a string",
        ),
        (
            &with_input(r#"[{"type":"reasoning","summary":"x"}]"#),
            "`input[0].summary` is a string; make it a list",
        ),
        (
            r#"{"model":"m","tools":[{"type":"function","function":{"name":"f"}}]}"#,
            "`tools[0].name` is missing; add it as a string",
        ),
        (
            r#"{"model":"m","text":{"format":{"type":"json_schema","name":"a"}}}"#,
            "`text.format.schema` is missing; add it as an object",
        ),
        (
            r#"{"model":"m","include":["x",1]}"#,
            "`include[1]` is a number; make it a string",
        ),
        (
            r#"{"model":"m","temperature":"hot"}"#,
            "`temperature` is a string; make it a number",
        ),
    ] {
        assert_eq!(error(body), expected, "{body}");
    }
}

#[test]
fn an_envelope_is_opened_and_its_owner_restored() {
    let thoughts = Reasoning {
        signature: Some("sig".into()),
        origin: Some(Dialect::AnthropicMessages),
        ..Reasoning::default()
    };
    let sealed = envelope::seal(&thoughts).expect("something to carry");
    let request = sound(&with_input(&format!(
        r#"[{{"type":"reasoning","id":"rs_a_0","summary":[{{"type":"summary_text","text":"I think."}}],"encrypted_content":"{sealed}"}}]"#
    )));
    let found = request.turns[0].parts[0].as_reasoning().expect("thoughts");
    assert_eq!(found.texts, ["I think."]);
    assert_eq!(found.signature.as_deref(), Some("sig"));
    assert_eq!(found.origin, Some(Dialect::AnthropicMessages));
    assert_eq!((&found.encrypted, &found.id), (&None, &None));
}

#[test]
fn what_nobody_knows_stays_as_it_is() {
    let request = sound(&with_input(
        r#"[{"type":"teleport_call","id":"t"},{"type":"teleport_call_output","call_id":"t"},{"id":"msg_1"}]"#,
    ));
    let kinds: Vec<_> = request
        .turns
        .iter()
        .map(|turn| match &turn.parts[0].body {
            PartBody::Opaque { kind, .. } => (turn.role, kind.as_str()),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(
        kinds,
        [
            (Role::Assistant, "teleport_call"),
            (Role::User, "teleport_call_output"),
            (Role::Assistant, "item_reference"),
        ]
    );
}

#[test]
fn a_choice_with_more_in_it_stays_as_it_is() {
    for (choice, known) in [
        (r#""required""#, true),
        (r#"{"type":"function","name":"f"}"#, true),
        (r#"{"type":"allowed_tools","mode":"auto","tools":[]}"#, true),
        (r#""sometimes""#, false),
        (r#"{"type":"function","name":"f","namespace":"n"}"#, false),
        (
            r#"{"type":"allowed_tools","mode":"auto","tools":[{"type":"mcp","server_label":"l"}]}"#,
            false,
        ),
        (
            r#"{"type":"allowed_tools","mode":"never","tools":[]}"#,
            false,
        ),
    ] {
        let request = sound(&format!(r#"{{"model":"m","tool_choice":{choice}}}"#));
        let found = request.tool_choice.expect("a choice");
        let opaque = matches!(found, ToolChoice::Opaque { .. });
        assert_eq!(opaque, !known, "{choice}");
    }
}

#[test]
fn what_can_be_included_is_split() {
    let request = sound(
        r#"{"model":"m","include":["web_search_call.results","reasoning.encrypted_content","message.output_text.logprobs"]}"#,
    );
    assert!(request.reasoning.encrypted);
    assert_eq!(request.sampling.logprobs, Some(true));
    let [(name, rest)] = &request.extras[..] else {
        panic!("{:?}", request.extras);
    };
    assert_eq!(
        (&**name, rest.as_str()),
        ("include", r#"["web_search_call.results"]"#)
    );
}
