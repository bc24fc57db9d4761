//! Streams that break their own rules, and parts that overlap.

use crate::canonical::{Finish, Part, PartBody, Request, ToolUse};
use crate::codec::{StreamDecode, StreamEncode};
use crate::event::{Delta, StreamEvent};
use crate::sse::Frame;
use crate::{AnswerContext, Dialect, EndRule, Losses, MALFORMED_EVENT, StreamEnd};

use super::{Decoder, Encoder};

fn read(frames: &[&str]) -> (Vec<StreamEvent>, StreamEnd) {
    let (mut decoder, mut events) = (Decoder::default(), Vec::new());
    for data in frames {
        let data = data.as_bytes();
        decoder.frame(Frame { event: None, data }, &mut events);
    }
    let end = decoder.end(EndRule::Marker, &mut events);
    (events, end)
}

fn fault(frames: &[&str]) -> (Option<String>, String) {
    let (mut events, end) = read(frames);
    assert_eq!(end, StreamEnd::Failed);
    match events.pop() {
        Some(StreamEvent::Fault(error)) => (error.code.or(error.kind), error.message),
        other => panic!("{other:?}"),
    }
}

const BEGUN: &str = r#"{"candidates":[{"content":{"parts":[{"text":"a"}]}}]}"#;

#[test]
fn errors_end_a_stream_in_every_form() {
    let error = r#"{"error":{"code":503,"message":"Overloaded","status":"UNAVAILABLE"}}"#;
    let expected = (Some("503".into()), "Overloaded".into());
    assert_eq!(fault(&[BEGUN, error, BEGUN]), expected);
    assert_eq!(fault(&[&format!("[{error}]")]), expected);
    let malformed = |what: &str| {
        let message = format!("event 2 of the stream is {what}");
        (Some(MALFORMED_EVENT.into()), message)
    };
    assert_eq!(fault(&[BEGUN, "7"]), malformed("not a JSON object"));
    assert_eq!(fault(&[BEGUN, "[]"]), malformed("not a JSON object"));
    assert_eq!(
        fault(&[BEGUN, "{"]),
        malformed("not valid JSON at byte 1: the text ends in the middle of a value")
    );
}

#[test]
fn a_stream_is_whole_when_every_candidate_has_said_why_it_stopped() {
    let both = r#"{"candidates":[{"finishReason":"STOP"},{"index":1,"content":{"parts":[{"text":"b"}]}}]}"#;
    let second = r#"{"candidates":[{"index":1,"finishReason":"MAX_TOKENS"}]}"#;
    let ended = |frames: &[&str]| read(frames).1;
    assert_eq!(ended(&[]), StreamEnd::Truncated);
    assert_eq!(ended(&[BEGUN]), StreamEnd::Truncated);
    assert_eq!(ended(&[BEGUN, "[DONE]"]), StreamEnd::Truncated);
    assert_eq!(ended(&[BEGUN, both]), StreamEnd::Truncated);
    assert_eq!(ended(&[BEGUN, both, second]), StreamEnd::Complete);
    let unspecified = r#"{"candidates":[{"finishReason":"FINISH_REASON_UNSPECIFIED"}]}"#;
    assert_eq!(ended(&[unspecified]), StreamEnd::Truncated);
    let usage = r#"{"usageMetadata":{"promptTokenCount":1}}"#;
    assert_eq!(ended(&[usage]), StreamEnd::Truncated);
}

#[test]
fn a_refused_prompt_is_an_end_unless_an_answer_follows() {
    let refused = r#"{"promptFeedback":{"blockReason":"SAFETY"}}"#;
    let finish = |frames: &[&str]| {
        let (events, end) = read(frames);
        let mut reasons = events.into_iter().filter_map(|event| match event {
            StreamEvent::Finish { reason, .. } => Some(reason),
            _ => None,
        });
        (end, reasons.next())
    };
    let filtered = Some(Finish::ContentFilter);
    assert_eq!(finish(&[refused]), (StreamEnd::Complete, filtered));
    assert_eq!(finish(&[refused, BEGUN]), (StreamEnd::Truncated, None));
    let told = written(&read(&[refused]).0[..2]);
    assert_eq!(
        told, "",
        "a client must not take it for the end before it is"
    );
}

#[test]
fn a_reason_with_every_piece_finishes_once() {
    let piece = r#"{"candidates":[{"content":{"parts":[{"text":"a"}]},"finishReason":"STOP"}]}"#;
    let (events, end) = read(&[piece, piece]);
    assert_eq!(end, StreamEnd::Complete);
    let finishes = events
        .iter()
        .filter(|event| matches!(event, StreamEvent::Finish { .. }));
    assert_eq!(finishes.count(), 1);
    let starts = events
        .iter()
        .filter(|event| matches!(event, StreamEvent::PartStart { .. }));
    assert_eq!(starts.count(), 1);
}

#[test]
fn parts_of_the_wrong_kind_are_kept_as_they_are() {
    let (events, _) = read(&[
        r#"{"candidates":[{"content":{"parts":[{"functionCall":{"name":7}}]},"finishReason":"STOP"}]}"#,
    ]);
    let kept = events.iter().any(|event| match event {
        StreamEvent::PartStart { content, .. } => {
            matches!(&content.body, PartBody::Opaque { raw, .. } if raw.as_str().contains("7"))
        }
        _ => false,
    });
    assert!(kept, "{events:?}");
}

/// What a client of Gemini gets to see of these events.
fn written(events: &[StreamEvent]) -> String {
    let request = Request::new(Dialect::Gemini, "m");
    let context = AnswerContext {
        id: "r",
        created: 0,
        request: &request,
        body: "{}",
    };
    let mut losses = Losses::new(Dialect::OpenAiChat, Dialect::Gemini);
    let (mut encoder, mut out) = (Encoder::new(&context), String::new());
    for event in events {
        encoder.event(event, &mut out, &mut losses);
    }
    out
}

#[test]
fn parts_that_overlap_are_written_in_their_order() {
    let start = |part: u32, content: Part| StreamEvent::PartStart {
        choice: 0,
        part,
        content: Box::new(content),
    };
    let add = |part, delta| StreamEvent::PartDelta {
        choice: 0,
        part,
        delta,
    };
    let stop = |part| StreamEvent::PartStop { choice: 0, part };
    let call = |name: &str| {
        Part::from(PartBody::ToolUse(ToolUse {
            id: name.into(),
            name: name.into(),
            ..ToolUse::default()
        }))
    };
    let input = |text: &str| Delta::Input(text.into());
    let out = written(&[
        start(0, call("a")),
        start(1, call("b")),
        start(2, Part::text("")),
        add(2, Delta::Text("later".into())),
        add(1, input("{}")),
        stop(1),
        add(0, input(r#"{"x":"#)),
        add(0, input("1}")),
        stop(0),
        stop(2),
    ]);
    assert_eq!(
        out,
        concat!(
            r#"data: {"candidates":[{"content":{"parts":[{"functionCall":{"id":"a","name":"a","args":{"x":1}}},"#,
            r#"{"functionCall":{"id":"b","name":"b","args":{}}},{"text":"later"}],"role":"model"},"index":0}],"#,
            r#""modelVersion":"m","responseId":"r"}"#,
            "\n\n"
        )
    );
}
