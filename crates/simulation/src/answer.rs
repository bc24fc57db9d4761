//! The bytes that go over the wire: Chat Completions, with tokens that say whose they are.

use bytes::Bytes;

/// Leads to every upstream in its order.
pub(crate) const ALIAS: &str = "everyone";
/// The model that every upstream serves.
pub(crate) const MODEL: &str = "m";

/// The body of a call. Its number stands where upstreams find it again.
pub(crate) fn request(call: u32, streamed: bool) -> Bytes {
    let text = format!(
        r#"{{"model":"{ALIAS}","user":"c{call}","stream":{streamed},"messages":[{{"role":"user","content":"count"}}]}}"#
    );
    text.into()
}

/// The number of the call whose body this is.
pub(crate) fn call_of(body: &[u8]) -> Option<u32> {
    let text = std::str::from_utf8(body).ok()?;
    let (_, behind) = text.split_once(r#""user":"c"#)?;
    behind.split_once('"')?.0.parse().ok()
}

/// A token says of which exchange it is and which one of it.
pub(crate) fn token(exchange: u32, number: u32) -> String {
    format!("x{exchange}.{number} ")
}

/// What [`token`] said.
pub(crate) fn read_token(word: &str) -> Option<(u32, u32)> {
    let (exchange, number) = word.strip_prefix('x')?.split_once('.')?;
    Some((exchange.parse().ok()?, number.parse().ok()?))
}

/// The first event of a stream, before its content.
pub(crate) fn opening(exchange: u32) -> Bytes {
    chunk(exchange, r#"{"role":"assistant","content":""}"#, "null")
}

/// The event with one token.
pub(crate) fn piece(exchange: u32, number: u32) -> Bytes {
    let delta = format!(r#"{{"content":"{}"}}"#, token(exchange, number));
    chunk(exchange, &delta, "null")
}

/// The events that end a stream properly.
pub(crate) fn end(exchange: u32, tokens: u32) -> Bytes {
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
pub(crate) fn whole(exchange: u32, tokens: u32) -> Bytes {
    let words: String = (0..tokens).map(|number| token(exchange, number)).collect();
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
pub(crate) fn error(status: u16) -> Bytes {
    let text =
        format!(r#"{{"error":{{"message":"status {status}","type":"scripted","code":null}}}}"#);
    text.into()
}
