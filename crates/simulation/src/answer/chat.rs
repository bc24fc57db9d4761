//! Chat Completions.

use bytes::Bytes;

use super::{MODEL, words};

/// The first event of a stream, before its content.
pub(super) fn opening(exchange: u32) -> Bytes {
    chunk(exchange, r#"{"role":"assistant","content":""}"#, "null")
}

/// The event with a piece of the answer.
pub(super) fn piece(exchange: u32, text: &str) -> Bytes {
    let delta = format!(r#"{{"content":"{text}"}}"#);
    chunk(exchange, &delta, "null")
}

/// The events that end a stream properly.
pub(super) fn end(exchange: u32, tokens: u32) -> Bytes {
    let finish = chunk(exchange, "{}", r#""stop""#);
    let usage = format!(
        "data: {{\"id\":\"x{exchange}\",\"object\":\"chat.completion.chunk\",\"created\":0,\"model\":\"{MODEL}\",\"choices\":[],\"usage\":{}}}\n\ndata: [DONE]\n\n",
        usage(tokens)
    );
    [finish, usage.into()].concat().into()
}

fn chunk(exchange: u32, delta: &str, finish: &str) -> Bytes {
    let text = format!(
        "data: {{\"id\":\"x{exchange}\",\"object\":\"chat.completion.chunk\",\"created\":0,\"model\":\"{MODEL}\",\"choices\":[{{\"index\":0,\"delta\":{delta},\"finish_reason\":{finish}}}]}}\n\n"
    );
    text.into()
}

/// An answer in one piece.
pub(super) fn whole(exchange: u32, tokens: u32) -> Bytes {
    let words = words(exchange, tokens);
    let text = format!(
        r#"{{"id":"x{exchange}","object":"chat.completion","created":0,"model":"{MODEL}","choices":[{{"index":0,"message":{{"role":"assistant","content":"{words}"}},"finish_reason":"stop"}}],"usage":{}}}"#,
        usage(tokens)
    );
    text.into()
}

fn usage(tokens: u32) -> String {
    format!(
        r#"{{"prompt_tokens":5,"completion_tokens":{tokens},"total_tokens":{}}}"#,
        tokens + 5
    )
}

/// An error as an upstream words it.
pub(super) fn error(status: u16) -> Bytes {
    let text =
        format!(r#"{{"error":{{"message":"status {status}","type":"scripted","code":null}}}}"#);
    text.into()
}
