//! The bytes that go over the wire: answers of whatever dialect is asked for, with tokens that say whose they are.

mod chat;
mod gemini;
mod messages;
mod responses;

use bytes::Bytes;
use orchestra_types::Usage;
use serde_json::Value;

/// Leads to every upstream in its order.
pub(crate) const ALIAS: &str = "everyone";
/// The model that every upstream serves.
pub(crate) const MODEL: &str = "m";

/// What every prompt comes to, as all upstreams count.
const PROMPT_TOKENS: u64 = 5;

/// What an upstream that has written so much tells at the end.
pub(crate) fn counted(tokens: u32) -> Usage {
    Usage {
        input: PROMPT_TOKENS,
        output: u64::from(tokens),
        ..Usage::default()
    }
}

/// What an upstream is spoken to in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wire {
    Chat,
    Responses,
    Messages,
    Gemini,
}

impl Wire {
    /// By the end of the path that is called.
    pub(crate) fn of(path: &str) -> Self {
        if path.ends_with("/messages") {
            Self::Messages
        } else if path.ends_with("/responses") {
            Self::Responses
        } else if path.ends_with(":generateContent") || path.ends_with(":streamGenerateContent") {
            Self::Gemini
        } else {
            Self::Chat
        }
    }

    /// What the beginning of a stream tells of the tokens that are counted: in Messages the prompt, and one of the answer.
    pub(crate) fn counted_at_first(self) -> Option<Usage> {
        (self == Self::Messages).then(|| counted(1))
    }

    /// The first event of a stream, before its content.
    pub(crate) fn opening(self, exchange: u32) -> Bytes {
        match self {
            Self::Chat => chat::opening(exchange),
            Self::Responses => responses::opening(exchange),
            Self::Messages => messages::opening(exchange),
            Self::Gemini => gemini::opening(exchange),
        }
    }

    /// The event with a piece of the answer.
    pub(crate) fn piece(self, exchange: u32, number: u32, text: &str) -> Bytes {
        match self {
            Self::Chat => chat::piece(exchange, text),
            Self::Responses => responses::piece(exchange, number, text),
            Self::Messages => messages::piece(text),
            Self::Gemini => gemini::piece(exchange, text),
        }
    }

    /// The events that end a stream properly.
    pub(crate) fn end(self, exchange: u32, tokens: u32) -> Bytes {
        match self {
            Self::Chat => chat::end(exchange, tokens),
            Self::Responses => responses::end(exchange, tokens),
            Self::Messages => messages::end(exchange, tokens),
            Self::Gemini => gemini::end(exchange, tokens),
        }
    }

    /// An answer in one piece.
    pub(crate) fn whole(self, exchange: u32, tokens: u32) -> Bytes {
        match self {
            Self::Chat => chat::whole(exchange, tokens),
            Self::Responses => responses::whole(exchange, tokens),
            Self::Messages => messages::whole(exchange, tokens),
            Self::Gemini => gemini::whole(exchange, tokens),
        }
    }

    /// An error as an upstream words it.
    pub(crate) fn error(self, status: u16) -> Bytes {
        match self {
            Self::Chat | Self::Responses => chat::error(status),
            Self::Messages => messages::error(status),
            Self::Gemini => gemini::error(status),
        }
    }
}

/// What is said in a call. Its number stands where upstreams find it again, whatever the dialect.
pub(crate) fn prompt(call: u32) -> String {
    format!("call c{call};")
}

/// The body of a call.
pub(crate) fn request(call: u32, streamed: bool) -> Bytes {
    let prompt = prompt(call);
    let text = format!(
        r#"{{"model":"{ALIAS}","user":"c{call}","stream":{streamed},"messages":[{{"role":"user","content":"{prompt}"}}]}}"#
    );
    text.into()
}

/// The beginning of an answer that is to be gone on from, if there is one: the last message, of the assistant's.
pub(crate) fn begun(body: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(body).ok()?;
    // Few are, and only these are read.
    if !text.contains("assistant") {
        return None;
    }
    let value: Value = serde_json::from_str(text).ok()?;
    let last = value["messages"].as_array()?.last()?;
    let content = &last["content"];
    let content = content.as_str().or_else(|| content[0]["text"].as_str())?;
    (last["role"] == "assistant").then(|| content.to_owned())
}

/// The number of the call whose body this is.
pub(crate) fn call_of(body: &[u8]) -> Option<u32> {
    let text = std::str::from_utf8(body).ok()?;
    let (_, behind) = text.split_once("call c")?;
    behind.split_once(';')?.0.parse().ok()
}

/// The model that is asked for: in the body, or in the path where Gemini has it.
pub(crate) fn model_of<'r>(path: &'r str, body: &'r [u8]) -> Option<&'r str> {
    if let Some((_, behind)) = path.rsplit_once("/models/")
        && let Some((model, _)) = behind.rsplit_once(':')
    {
        return Some(model);
    }
    let text = std::str::from_utf8(body).ok()?;
    let (_, behind) = text.split_once(r#""model":"#)?;
    behind.trim_start().strip_prefix('"')?.split('"').next()
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

/// All tokens of an answer.
fn words(exchange: u32, tokens: u32) -> String {
    (0..tokens).map(|number| token(exchange, number)).collect()
}
