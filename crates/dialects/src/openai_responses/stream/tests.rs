//! What streams of other dialects become.

use super::Encoder;
use crate::canonical::{Finish, Part, PartBody, Reasoning, ToolUse};
use crate::codec::{AnswerContext, StreamEncode};
use crate::event::{Delta, StreamEvent};
use crate::openai_responses::request;
use crate::{Dialect, ErrorKind, ErrorView, Losses, RawJson};

/// The events that a client sees, and what is lost.
fn told(body: &str, events: &[StreamEvent]) -> (Vec<serde_json::Value>, Vec<String>) {
    let request = request::decode(body).expect("a sound request");
    let context = AnswerContext {
        id: "ab12",
        created: 1,
        request: &request,
        body,
    };
    let mut encoder = Encoder::new(&context);
    let mut losses = Losses::new(Dialect::AnthropicMessages, Dialect::OpenAiResponses);
    let mut out = String::new();
    for event in events {
        encoder.event(event, &mut out, &mut losses);
    }
    let error = ErrorView {
        status: 500,
        kind: ErrorKind::Server,
        message: "broke",
        param: None,
        code: None,
        request_id: None,
    };
    encoder.fault(&error, &mut out);
    let lost = losses.list().iter().map(ToString::to_string).collect();
    (read(&out), lost)
}

/// Reads events of two lines each, and checks what holds of all.
fn read(out: &str) -> Vec<serde_json::Value> {
    let frames = out.split_terminator("\n\n");
    frames
        .enumerate()
        .map(|(number, frame)| {
            let (name, data) = frame.split_once('\n').expect("two lines");
            let data = data.strip_prefix("data: ").expect("data");
            let event: serde_json::Value = serde_json::from_str(data).expect("JSON on one line");
            assert_eq!(name.strip_prefix("event: "), event["type"].as_str());
            assert_eq!(event["sequence_number"], number);
            event
        })
        .collect()
}

fn kinds(events: &[serde_json::Value]) -> Vec<&str> {
    events
        .iter()
        .map(|event| {
            let kind = event["type"].as_str().expect("a type");
            kind.strip_prefix("response.").unwrap_or(kind)
        })
        .collect()
}

fn begin() -> StreamEvent {
    StreamEvent::Start {
        id: "x".into(),
        model: "claude".into(),
        created: None,
    }
}

fn start(part: u32, content: impl Into<Part>) -> StreamEvent {
    StreamEvent::PartStart {
        choice: 0,
        part,
        content: Box::new(content.into()),
    }
}

fn delta(part: u32, delta: Delta) -> StreamEvent {
    StreamEvent::PartDelta {
        choice: 0,
        part,
        delta,
    }
}

fn text(part: u32, text: &str) -> StreamEvent {
    delta(part, Delta::Text(text.into()))
}

fn stop(part: u32) -> StreamEvent {
    StreamEvent::PartStop { choice: 0, part }
}

fn finish(reason: Finish) -> StreamEvent {
    StreamEvent::Finish { choice: 0, reason }
}

fn call(name: &str) -> PartBody {
    PartBody::ToolUse(ToolUse {
        id: format!("call_{name}"),
        name: name.into(),
        ..ToolUse::default()
    })
}

const PLAIN: &str = r#"{"model":"m","input":"x"}"#;

#[test]
fn a_text_is_told_in_the_order_that_clients_expect() {
    let events = [
        begin(),
        start(0, Part::text("")),
        text(0, "Hi"),
        stop(0),
        finish(Finish::Stop),
        StreamEvent::End,
    ];
    let (events, _) = told(PLAIN, &events);
    assert_eq!(
        kinds(&events),
        [
            "created",
            "in_progress",
            "output_item.added",
            "content_part.added",
            "output_text.delta",
            "output_text.done",
            "content_part.done",
            "output_item.done",
            "completed",
            "error",
        ]
    );
    assert_eq!(events[0]["response"]["status"], "in_progress");
    assert_eq!(
        events[8]["response"]["output"][0]["content"][0]["text"],
        "Hi"
    );
    assert_eq!(
        events[8]["response"]["output"][0]["id"],
        events[2]["item"]["id"]
    );
}

#[test]
fn thoughts_are_told_as_a_summary_in_sections() {
    let thoughts = PartBody::Reasoning(Reasoning {
        origin: Some(Dialect::AnthropicMessages),
        ..Reasoning::default()
    });
    let events = [
        begin(),
        start(0, thoughts),
        text(0, "One."),
        delta(0, Delta::Section),
        text(0, "Two."),
        delta(0, Delta::Signature("s".into())),
        stop(0),
    ];
    let (events, _) = told(PLAIN, &events);
    let section = [
        "reasoning_summary_part.added",
        "reasoning_summary_text.delta",
        "reasoning_summary_text.done",
        "reasoning_summary_part.done",
    ];
    let expected: Vec<&str> = ["created", "in_progress", "output_item.added"]
        .into_iter()
        .chain(section)
        .chain(section)
        .chain(["output_item.done", "error"])
        .collect();
    assert_eq!(kinds(&events), expected);
    assert_eq!(events[7]["summary_index"], 1);
    let item = &events[11]["item"];
    assert_eq!(item["summary"][1]["text"], "Two.");
    assert!(item["encrypted_content"].is_string());
}

#[test]
fn a_message_goes_on_until_something_else_begins() {
    let events = [
        begin(),
        start(0, Part::text("")),
        text(0, "a"),
        start(1, call("f")),
        text(0, "b"),
        stop(0),
        stop(1),
        start(2, Part::text("c")),
        stop(2),
        finish(Finish::Length),
        StreamEvent::End,
    ];
    let (events, _) = told(PLAIN, &events);
    let done: Vec<u64> = events
        .iter()
        .filter(|event| event["type"] == "response.output_item.done")
        .filter_map(|event| event["output_index"].as_u64())
        .collect();
    assert_eq!(done, [0, 1, 2]);
    let last = &events[events.len() - 2];
    assert_eq!(last["type"], "response.incomplete");
    let output = last["response"]["output"].as_array().expect("a list");
    assert_eq!(output[0]["content"][0]["text"], "ab");
    assert_eq!(output[0]["status"], "completed");
    assert_eq!(output[2]["status"], "incomplete");
}

#[test]
fn free_text_within_a_function_waits_until_it_is_whole() {
    let body = r#"{"model":"m","input":"x","tools":[{"type":"custom","name":"patch"}]}"#;
    let events = [
        begin(),
        start(0, call("patch")),
        delta(0, Delta::Input("{\"input\":\"+".into())),
        delta(0, Delta::Input("a\"}".into())),
        stop(0),
    ];
    let (events, _) = told(body, &events);
    assert_eq!(
        kinds(&events)[2..],
        [
            "output_item.added",
            "custom_tool_call_input.delta",
            "custom_tool_call_input.done",
            "output_item.done",
            "error",
        ]
    );
    assert_eq!(events[3]["delta"], "+a");
}

#[test]
fn probabilities_stand_in_the_event_of_their_text() {
    let body = r#"{"model":"m","input":"x","include":["message.output_text.logprobs"]}"#;
    let tokens = RawJson::parse(r#"[{"token":"é","logprob":-0.5,"bytes":null}]"#).expect("sound");
    let events = [
        begin(),
        start(0, Part::text("")),
        text(0, "é"),
        StreamEvent::Logprobs { choice: 0, tokens },
        text(0, "!"),
        stop(0),
    ];
    let (events, _) = told(body, &events);
    assert_eq!(events[4]["delta"], "é");
    assert_eq!(
        events[4]["logprobs"][0]["bytes"],
        serde_json::json!([195, 169])
    );
    assert_eq!(events[5]["delta"], "!");
    assert_eq!(events[5]["logprobs"], serde_json::json!([]));
    assert_eq!(events[6]["logprobs"][0]["token"], "é");
}

#[test]
fn a_second_answer_and_foreign_events_are_lost_aloud() {
    let raw = RawJson::parse("{}").expect("sound");
    let opaque = |origin| StreamEvent::Opaque {
        origin,
        kind: "response.telemetry".into(),
        raw: raw.clone(),
    };
    let second = StreamEvent::Finish {
        choice: 1,
        reason: Finish::Stop,
    };
    let events = [
        begin(),
        second,
        opaque(Dialect::AnthropicMessages),
        opaque(Dialect::OpenAiResponses),
        StreamEvent::Ping,
    ];
    let (events, lost) = told(PLAIN, &events);
    assert_eq!(
        kinds(&events),
        ["created", "in_progress", "telemetry", "error"]
    );
    assert_eq!(lost.len(), 2, "{lost:?}");
}
