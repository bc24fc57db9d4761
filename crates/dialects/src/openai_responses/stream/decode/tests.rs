//! Streams of servers that leave things out, or say them twice.

use super::Decoder;
use crate::canonical::{Answer, Finish, PartBody, ReasoningForm};
use crate::codec::StreamDecode;
use crate::event::StreamEvent;
use crate::fold::{Fold, LawKeeper};
use crate::sse::Frame;
use crate::{EndRule, MALFORMED_EVENT, StreamEnd};

/// The events of these data, which keep the laws.
fn read(data: &[&str]) -> (Vec<StreamEvent>, StreamEnd) {
    let mut decoder = Decoder::default();
    let mut events = Vec::new();
    for data in data {
        let data = data.as_bytes();
        decoder.frame(Frame { event: None, data }, &mut events);
    }
    let end = decoder.end(EndRule::FinishReason, &mut events);
    let mut laws = LawKeeper::default();
    for event in &events {
        laws.check(event)
            .unwrap_or_else(|law| panic!("{law}: {event:?}"));
    }
    (events, end)
}

fn folded(data: &[&str]) -> Answer {
    let (events, end) = read(data);
    assert_eq!(end, StreamEnd::Complete, "{events:?}");
    let mut fold = Fold::default();
    events.iter().for_each(|event| fold.add(event));
    fold.finish()
}

fn texts(answer: &Answer) -> Vec<&str> {
    let parts = answer.choices.iter().flat_map(|choice| &choice.parts);
    parts
        .map(|part| match &part.body {
            PartBody::Text { text, .. } => &**text,
            PartBody::ToolUse(call) => call.input.as_str(),
            PartBody::Reasoning(thoughts) => thoughts.texts.first().map_or("", |text| text),
            _ => "?",
        })
        .collect()
}

const CREATED: &str = r#"{"type":"response.created","response":{"id":"resp_1","model":"m"}}"#;
const COMPLETED: &str =
    r#"{"type":"response.completed","response":{"id":"resp_1","status":"completed"}}"#;

#[test]
fn errors_end_a_stream() {
    for (data, code, message) in [
        (
            r#"{"type":"error","code":"rate_limit_exceeded","message":"slow down","param":null}"#,
            Some("rate_limit_exceeded"),
            "slow down",
        ),
        (
            r#"{"type":"response.failed","response":{"status":"failed","error":{"code":"server_error","message":"broke"}}}"#,
            Some("server_error"),
            "broke",
        ),
        (
            r#"{"type":"response.completed","response":{"status":"failed"}}"#,
            None,
            "the provider reported that the answer failed, and not why",
        ),
        (
            "{",
            Some(MALFORMED_EVENT),
            "event 2 of the stream is not valid JSON at byte 1: the text ends in the middle of a value",
        ),
        (
            "[]",
            Some(MALFORMED_EVENT),
            "event 2 of the stream is not a JSON object",
        ),
    ] {
        let (events, end) = read(&[CREATED, data, COMPLETED]);
        let Some(StreamEvent::Fault(error)) = events.last() else {
            panic!("{data}: {events:?}");
        };
        assert_eq!((error.code.as_deref(), &*error.message), (code, message));
        assert_eq!(end, StreamEnd::Failed);
    }
}

#[test]
fn a_stream_without_its_last_event_is_cut() {
    let delta = r#"{"type":"response.output_text.delta","output_index":0,"delta":"a"}"#;
    let (events, end) = read(&[CREATED, delta]);
    assert_eq!(end, StreamEnd::Truncated);
    assert!(!events.contains(&StreamEvent::End));
}

#[test]
fn what_only_the_last_event_says_is_told() {
    let last = r#"{"type":"response.completed","response":{"status":"completed","output":[
        {"type":"message","id":"msg_1","content":[{"type":"output_text","text":"whole","annotations":[]}]},
        {"type":"function_call","id":"fc_1","call_id":"c","name":"f","arguments":"{}"}]}}"#;
    let answer = folded(&[last]);
    assert_eq!(texts(&answer), ["whole", "{}"]);
    assert_eq!(answer.choices[0].finish, Some(Finish::ToolUse));
}

#[test]
fn an_item_under_another_id_is_not_told_twice() {
    let added = r#"{"type":"response.output_item.added","output_index":1,"item":{"type":"message","id":"tmp_1"}}"#;
    let delta =
        r#"{"type":"response.output_text.delta","output_index":1,"content_index":0,"delta":"who"}"#;
    let last = r#"{"type":"response.completed","response":{"output":[
        {"type":"message","id":"msg_1","content":[{"type":"output_text","text":"whole"}]}]}}"#;
    assert_eq!(texts(&folded(&[CREATED, added, delta, last])), ["whole"]);
}

#[test]
fn a_second_item_at_the_place_of_another_kind_is_another() {
    let added = r#"{"type":"response.output_item.added","output_index":0,"item":{"type":"reasoning","id":"rs_1"}}"#;
    let delta = r#"{"type":"response.reasoning_text.delta","output_index":0,"delta":"hm"}"#;
    let last = r#"{"type":"response.completed","response":{"output":[
        {"type":"message","id":"msg_1","content":[{"type":"output_text","text":"whole"}]}]}}"#;
    let answer = folded(&[CREATED, added, delta, last]);
    assert_eq!(texts(&answer), ["hm", "whole"]);
    let thoughts = answer.choices[0].parts[0].as_reasoning().expect("thoughts");
    assert_eq!(thoughts.form, ReasoningForm::Full);
}

#[test]
fn an_answer_that_is_over_stays_over() {
    let delta = r#"{"type":"response.output_text.delta","output_index":0,"delta":"late"}"#;
    let answer = folded(&[CREATED, COMPLETED, delta, COMPLETED, "{"]);
    assert_eq!(texts(&answer), [""; 0]);
}

#[test]
fn pieces_behind_a_part_that_is_done_say_nothing() {
    let events = [
        CREATED,
        r#"{"type":"response.content_part.added","output_index":0,"content_index":0,"part":{"type":"output_text"}}"#,
        r#"{"type":"response.content_part.done","output_index":0,"content_index":0,"part":{"type":"output_text","text":"a"}}"#,
        r#"{"type":"response.output_text.delta","output_index":0,"content_index":0,"delta":"b"}"#,
        r#"{"type":"response.output_text.annotation.added","output_index":0,"content_index":0,"annotation":{}}"#,
        r#"{"type":"response.function_call_arguments.delta","output_index":3,"delta":"{"}"#,
        r#"{"type":"response.output_item.done","output_index":0}"#,
        COMPLETED,
    ];
    assert_eq!(texts(&folded(&events)), ["a"]);
}
