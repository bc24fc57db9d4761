//! Messages.

use bytes::Bytes;

use super::{MODEL, words};

pub(super) fn opening(exchange: u32) -> Bytes {
    let start = format!(
        r#"{{"type":"message_start","message":{{"id":"msg_x{exchange}","type":"message","role":"assistant","model":"{MODEL}","content":[],"stop_reason":null,"stop_sequence":null,"usage":{{"input_tokens":5,"output_tokens":1}}}}}}"#
    );
    let block =
        r#"{"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}"#;
    [
        event("message_start", &start),
        event("content_block_start", block),
    ]
    .concat()
    .into()
}

pub(super) fn piece(text: &str) -> Bytes {
    let delta = format!(
        r#"{{"type":"content_block_delta","index":0,"delta":{{"type":"text_delta","text":"{text}"}}}}"#
    );
    event("content_block_delta", &delta).into()
}

pub(super) fn end(_: u32, tokens: u32) -> Bytes {
    let delta = format!(
        r#"{{"type":"message_delta","delta":{{"stop_reason":"end_turn","stop_sequence":null}},"usage":{{"output_tokens":{tokens}}}}}"#
    );
    let events = [
        event(
            "content_block_stop",
            r#"{"type":"content_block_stop","index":0}"#,
        ),
        event("message_delta", &delta),
        event("message_stop", r#"{"type":"message_stop"}"#),
    ];
    events.concat().into()
}

pub(super) fn whole(exchange: u32, tokens: u32) -> Bytes {
    let words = words(exchange, tokens);
    let text = format!(
        r#"{{"id":"msg_x{exchange}","type":"message","role":"assistant","model":"{MODEL}","content":[{{"type":"text","text":"{words}"}}],"stop_reason":"end_turn","stop_sequence":null,"usage":{{"input_tokens":5,"output_tokens":{tokens}}}}}"#
    );
    text.into()
}

pub(super) fn error(status: u16) -> Bytes {
    let text =
        format!(r#"{{"type":"error","error":{{"type":"api_error","message":"status {status}"}}}}"#);
    text.into()
}

fn event(name: &str, data: &str) -> String {
    format!("event: {name}\ndata: {data}\n\n")
}
