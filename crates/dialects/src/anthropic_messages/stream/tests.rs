//! Streams of other dialects as Messages clients see them, and streams of Anthropic that stand for something else.

use serde_json::{Value, json};

use super::{Decoder, Encoder};
use crate::canonical::{Finish, Part, PartBody, Reasoning, Request, ToolInput, ToolUse};
use crate::codec::{AnswerContext, StreamDecode, StreamEncode};
use crate::event::{Delta, StreamEvent};
use crate::{Dialect, EndRule, Fold, Frame, Losses, StreamEnd};

/// What a Messages client gets of these events of a Chat provider: name and data of each.
fn told(events: &[StreamEvent]) -> (Vec<(String, Value)>, Vec<String>) {
    let request = Request::new(Dialect::AnthropicMessages, "m");
    let context = AnswerContext {
        id: "call1",
        created: 0,
        request: &request,
        body: "{}",
    };
    let mut encoder = Encoder::new(&context);
    let mut losses = Losses::new(Dialect::OpenAiChat, Dialect::AnthropicMessages);
    let mut out = String::new();
    for event in events {
        encoder.event(event, &mut out, &mut losses);
    }
    let frames = out.split_terminator("\n\n").map(|frame| {
        let (name, data) = frame.split_once('\n').expect("two lines");
        let data = data.strip_prefix("data: ").expect("data");
        let data: Value = serde_json::from_str(data).expect("JSON");
        let name = name.strip_prefix("event: ").expect("a name");
        assert_eq!(data["type"], name);
        (name.to_owned(), data)
    });
    let losses = losses.list().iter().map(ToString::to_string).collect();
    (frames.collect(), losses)
}

/// The blocks that a client puts together, each of which must stop before the next begins.
fn blocks(events: &[StreamEvent]) -> Vec<Value> {
    let mut blocks: Vec<Value> = Vec::new();
    let mut open = None;
    for (name, data) in told(events).0 {
        match &*name {
            "content_block_start" => {
                assert_eq!((open, &data["index"]), (None, &json!(blocks.len())));
                open = Some(blocks.len());
                blocks.push(json!([data["content_block"]]));
            }
            "content_block_delta" => {
                assert_eq!(Some(data["index"].clone()), open.map(|index| json!(index)));
                let block = blocks.last_mut().and_then(Value::as_array_mut);
                block.expect("a block").push(data["delta"].clone());
            }
            "content_block_stop" => assert!(open.take().is_some()),
            _ => {}
        }
    }
    blocks
}

fn start() -> StreamEvent {
    StreamEvent::Start {
        id: "chatcmpl-1".into(),
        model: "gpt-5".into(),
        created: None,
    }
}

fn begin(part: u32, body: PartBody) -> StreamEvent {
    StreamEvent::PartStart {
        choice: 0,
        part,
        content: Box::new(body.into()),
    }
}

fn add(part: u32, delta: Delta) -> StreamEvent {
    StreamEvent::PartDelta {
        choice: 0,
        part,
        delta,
    }
}

fn stop(part: u32) -> StreamEvent {
    StreamEvent::PartStop { choice: 0, part }
}

fn finish(reason: Finish) -> StreamEvent {
    StreamEvent::Finish { choice: 0, reason }
}

fn call(id: &str, input: ToolInput) -> PartBody {
    PartBody::ToolUse(ToolUse {
        id: id.into(),
        name: "look".into(),
        input,
        item_id: None,
    })
}

fn piece(text: &str) -> Delta {
    Delta::Input(text.into())
}

#[test]
fn parallel_calls_come_one_behind_the_other() {
    let no_input = || ToolInput::Json(String::new());
    let found = blocks(&[
        start(),
        begin(0, call("a", no_input())),
        begin(1, call("b", no_input())),
        add(1, piece("{\"b\":")),
        add(0, piece("{\"a\":")),
        add(1, piece("2}")),
        stop(1),
        add(0, piece("1}")),
        stop(0),
        begin(2, Part::text("").body),
        stop(2),
        begin(3, call("", no_input())),
        stop(3),
        finish(Finish::ToolUse),
        StreamEvent::End,
    ]);
    let begins = |id: &str| json!({"type": "tool_use", "id": id, "name": "look", "input": {}});
    let delta = |piece: &str| json!({"type": "input_json_delta", "partial_json": piece});
    let expected = [
        json!([begins("a"), delta("{\"a\":"), delta("1}")]),
        json!([begins("b"), delta("{\"b\":"), delta("2}")]),
        json!([begins("toolu_call1_3")]),
    ];
    assert_eq!(found, expected);
}

#[test]
fn input_that_is_no_object_is_kept_until_it_can_be_wrapped() {
    for (input, pieces, expected) in [
        (
            ToolInput::Json(String::new()),
            vec![" ", "\"a", " b\""],
            json!({"arguments": "\"a b\""}),
        ),
        (
            ToolInput::Text("fr".into()),
            vec!["ee \"x\""],
            json!({"input": "free \"x\""}),
        ),
    ] {
        let mut events = vec![start(), begin(0, call("a", input))];
        events.extend(pieces.into_iter().map(|text| add(0, piece(text))));
        events.extend([stop(0), finish(Finish::ToolUse), StreamEvent::End]);
        let block = blocks(&events).remove(0);
        let text = block[1]["partial_json"].as_str().expect("one piece");
        let found: Value = serde_json::from_str(text).expect("JSON");
        assert_eq!((found, block.get(2)), (expected, None));
    }
}

fn thoughts(encrypted: Option<&str>) -> PartBody {
    PartBody::Reasoning(Reasoning {
        encrypted: encrypted.map(Into::into),
        origin: Some(Dialect::OpenAiResponses),
        ..Reasoning::default()
    })
}

#[test]
fn thoughts_end_with_their_envelope() {
    let shown = blocks(&[
        start(),
        begin(0, thoughts(None)),
        add(0, Delta::Section),
        add(0, Delta::Text("One.".into())),
        add(0, Delta::Section),
        add(0, Delta::Text("Two.".into())),
        add(0, Delta::Encrypted("gAAA".into())),
        stop(0),
        begin(1, thoughts(Some("gBBB"))),
        stop(1),
        begin(2, thoughts(None)),
        add(2, Delta::Text("Three.".into())),
        stop(2),
        StreamEvent::End,
    ]);
    let begins = json!({"type": "thinking", "thinking": "", "signature": ""});
    let delta = |text: &str| json!({"type": "thinking_delta", "thinking": text});
    let [first, hidden, bare] = &*shown else {
        panic!("{shown:?}");
    };
    let visible = [&begins, &delta("One."), &delta("\n\n"), &delta("Two.")];
    assert_eq!(
        first
            .as_array()
            .map(|all| all[..4].iter().collect::<Vec<_>>()),
        Some(visible.to_vec())
    );
    assert_eq!(first[4]["type"], "signature_delta");
    let envelope = first[4]["signature"].as_str().expect("a signature");
    assert!(envelope.starts_with(crate::ENVELOPE_MARK));
    assert_eq!(hidden[0]["type"], "redacted_thinking");
    // Without proof they bear the mark of whose they are.
    let mark = json!({"type": "signature_delta", "signature": "orchestra-v1.openai_responses.e30"});
    assert_eq!(*bare, json!([begins, delta("Three."), mark]));
}

#[test]
fn the_cost_is_told_when_it_is_known() {
    let usage = orchestra_types::Usage {
        input: 10,
        cache_read: 5,
        output: 3,
        ..orchestra_types::Usage::default()
    };
    let (events, losses) = told(&[
        start(),
        StreamEvent::Ping,
        finish(Finish::Other("odd".into())),
        StreamEvent::Usage(usage),
        StreamEvent::End,
    ]);
    let names: Vec<&str> = events.iter().map(|(name, _)| &**name).collect();
    assert_eq!(
        names,
        ["message_start", "ping", "message_delta", "message_stop"]
    );
    let message = &events[0].1["message"];
    assert_eq!(
        (&message["id"], &message["model"]),
        (&json!("msg_call1"), &json!("gpt-5"))
    );
    assert_eq!(message["usage"]["input_tokens"], 0);
    let delta = &events[2].1;
    assert_eq!(
        delta["delta"],
        json!({"stop_reason": "end_turn", "stop_sequence": null})
    );
    let counted = ["input_tokens", "cache_read_input_tokens", "output_tokens"];
    assert_eq!(
        counted.map(|name| delta["usage"][name].as_u64()),
        [Some(10), Some(5), Some(3)]
    );
    assert_eq!(losses, ["answer.choices[0].finish_reason=approximated"]);
}

#[test]
fn calls_and_refusals_have_their_stop_reasons() {
    let reason = |body: PartBody| {
        let (events, _) = told(&[
            start(),
            begin(0, body),
            stop(0),
            finish(Finish::Stop),
            StreamEvent::End,
        ]);
        let delta = events.into_iter().find(|(name, _)| name == "message_delta");
        delta.map(|(_, data)| data["delta"]["stop_reason"].clone())
    };
    let input = ToolInput::default();
    assert_eq!(reason(call("a", input)), Some(json!("tool_use")));
    let text = "No.".into();
    assert_eq!(reason(PartBody::Refusal { text }), Some(json!("refusal")));
    assert_eq!(reason(Part::text("Yes.").body), Some(json!("end_turn")));
}

fn read(frames: &[&str]) -> (Vec<StreamEvent>, StreamEnd) {
    let mut decoder = Decoder::default();
    let mut events = Vec::new();
    for data in frames {
        let data = data.as_bytes();
        decoder.frame(Frame { event: None, data }, &mut events);
    }
    let end = decoder.end(EndRule::FinishReason, &mut events);
    (events, end)
}

#[test]
fn a_call_that_stands_for_the_answer_is_its_text() {
    let (events, end) = read(&[
        r#"{"type":"message_start","message":{"id":"msg_1","model":"m"}}"#,
        r#"{"type":"content_block_start","index":0,"content_block":{"type":"tool_use","id":"a","name":"orchestra_structured_output","input":{}}}"#,
        r#"{"type":"content_block_delta","index":0,"delta":{"type":"input_json_delta","partial_json":"{\"a\":"}}"#,
        r#"{"type":"content_block_delta","index":0,"delta":{"type":"input_json_delta","partial_json":"1}"}}"#,
        r#"{"type":"content_block_stop","index":0}"#,
        r#"{"type":"message_delta","delta":{"stop_reason":"tool_use"}}"#,
    ]);
    assert_eq!(end, StreamEnd::Complete);
    let mut fold = Fold::default();
    events.iter().for_each(|event| fold.add(event));
    let choice = fold.finish().choices.remove(0);
    assert_eq!(choice.parts, [Part::text(r#"{"a":1}"#)]);
    assert_eq!(choice.finish, Some(Finish::Stop));
}

#[test]
fn a_stream_that_breaks_its_rules_is_read_as_far_as_it_goes() {
    let (events, end) = read(&[
        r#"{"type":"content_block_delta","index":3,"delta":{"type":"text_delta","text":"Hi"}}"#,
        r#"{"type":"content_block_delta","index":4,"delta":{"type":"input_json_delta","partial_json":"{}"}}"#,
        r#"{"type":"content_block_start","index":3,"content_block":{"type":"text","text":"!"}}"#,
        r#"{"type":"content_block_stop","index":9}"#,
        r#"{"type":"message_start","message":{"id":"late"}}"#,
        r#"{"type":"message_delta","delta":{"stop_reason":"end_turn"}}"#,
        r#"{"type":"message_delta","delta":{"stop_reason":"max_tokens"}}"#,
        r#"{"type":"message_stop"}"#,
        r#"{"type":"content_block_start","index":0,"content_block":{"type":"text","text":"late"}}"#,
    ]);
    assert_eq!(end, StreamEnd::Complete);
    let mut laws = crate::LawKeeper::default();
    for event in &events {
        assert_eq!(laws.check(event), Ok(()), "{event:?}");
    }
    let mut fold = Fold::default();
    events.iter().for_each(|event| fold.add(event));
    let choice = fold.finish().choices.remove(0);
    assert_eq!(choice.parts, [Part::text("Hi"), Part::text("!")]);
    assert_eq!(choice.finish, Some(Finish::Stop));
}

#[test]
fn what_is_no_event_is_a_fault_and_nothing_follows() {
    for (frame, code) in [
        ("{\"type\":", Some("malformed_event")),
        ("[]", Some("malformed_event")),
        (
            r#"{"type":"error","error":{"type":"overloaded_error","message":"busy"}}"#,
            None,
        ),
        (r#"{"error":{"message":"busy"}}"#, None),
    ] {
        let (events, end) = read(&[frame, r#"{"type":"message_stop"}"#]);
        assert_eq!(end, StreamEnd::Failed);
        let [StreamEvent::Fault(error)] = &*events else {
            panic!("{events:?}");
        };
        assert_eq!(error.code.as_deref(), code);
    }
}
