//! Gemini's `generateContent`.

use bytes::Bytes;

use super::{MODEL, words};

pub(super) fn opening(exchange: u32) -> Bytes {
    event(&content(exchange, "", ""))
}

pub(super) fn piece(exchange: u32, text: &str) -> Bytes {
    event(&content(exchange, text, ""))
}

pub(super) fn end(exchange: u32, tokens: u32) -> Bytes {
    event(&content(exchange, "", &finish(tokens)))
}

pub(super) fn whole(exchange: u32, tokens: u32) -> Bytes {
    content(exchange, &words(exchange, tokens), &finish(tokens)).into()
}

pub(super) fn error(status: u16) -> Bytes {
    let text = format!(
        r#"{{"error":{{"code":{status},"message":"status {status}","status":"UNAVAILABLE"}}}}"#
    );
    text.into()
}

fn finish(tokens: u32) -> String {
    let all = tokens + 5;
    format!(
        r#","finishReason":"STOP"}}],"usageMetadata":{{"promptTokenCount":5,"candidatesTokenCount":{tokens},"totalTokenCount":{all}}}"#
    )
}

/// An answer, or a part of one; `finish` closes what it is in the middle of.
fn content(exchange: u32, text: &str, finish: &str) -> String {
    let close = if finish.is_empty() { "}]" } else { finish };
    format!(
        r#"{{"candidates":[{{"content":{{"parts":[{{"text":"{text}"}}],"role":"model"}},"index":0{close},"modelVersion":"{MODEL}","responseId":"x{exchange}"}}"#
    )
}

fn event(data: &str) -> Bytes {
    format!("data: {data}\n\n").into()
}
