//! The wire formats that the upstream speaks, written from the vendors' type files alone.
//!
//! No code is shared with the gateway's own codecs: two readings of a format that agree are
//! better evidence than one that agrees with itself.

mod ask;
mod chat;
mod completions;
mod content;
mod echo;
mod embeddings;
mod error;
mod events;
mod gemini;
mod messages;
mod models;
mod recording;
mod responses;

pub(crate) use ask::{Ask, InvalidAsk};
pub(crate) use chat::ChatStream;
pub(crate) use completions::CompletionStream;
pub(crate) use content::{Content, DEFAULT_TEXT, example, word_ends};
pub(crate) use error::error_body;
pub(crate) use events::{Events, Narrator};
pub(crate) use gemini::GeminiStream;
pub(crate) use messages::MessageStream;
pub(crate) use recording::Recording;
pub(crate) use responses::ResponseStream;

use serde::Serialize;

use crate::behaviour::TokenCounts;

/// When everything here was created, in seconds since 1970: answers are the same every time.
pub(crate) const CREATED: u64 = 1_790_000_000;

/// What a path stands for, whatever precedes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Endpoint {
    Chat,
    Completions,
    Responses,
    Messages,
    CountTokens,
    Embeddings,
    Models,
    Model,
    /// Gemini's methods of a model, which stand behind a colon
    Gemini(Generate),
    /// Everything else is answered with a description of the request.
    Echo,
}

/// What is asked of a Gemini model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Generate {
    Whole,
    Stream,
    Count,
}

impl Generate {
    fn of(path: &str) -> Option<Self> {
        let (_, method) = path.rsplit_once(':')?;
        match method {
            "generateContent" => Some(Self::Whole),
            "streamGenerateContent" => Some(Self::Stream),
            "countTokens" => Some(Self::Count),
            _ => None,
        }
    }
}

impl Endpoint {
    /// Whether a turn of a conversation is asked for.
    pub(crate) fn converses(self) -> bool {
        matches!(
            self,
            Self::Chat
                | Self::Responses
                | Self::Messages
                | Self::Gemini(Generate::Whole | Generate::Stream)
        )
    }

    pub(crate) fn of(method: &str, path: &str) -> Self {
        let calls = [
            ("/chat/completions", Self::Chat),
            ("/completions", Self::Completions),
            ("/responses", Self::Responses),
            ("/messages", Self::Messages),
            ("/messages/count_tokens", Self::CountTokens),
            ("/embeddings", Self::Embeddings),
        ];
        let call = || calls.into_iter().find(|(suffix, _)| path.ends_with(suffix));
        match method {
            "POST" => match (Generate::of(path), call()) {
                (Some(generate), _) => Self::Gemini(generate),
                (None, call) => call.map_or(Self::Echo, |(_, endpoint)| endpoint),
            },
            "GET" if path.ends_with("/models") => Self::Models,
            "GET" => match path.rsplit_once('/') {
                Some((parent, id)) if parent.ends_with("/models") && !id.is_empty() => Self::Model,
                _ => Self::Echo,
            },
            _ => Self::Echo,
        }
    }
}

/// Whose conventions (error bodies, model lists, header names) an answer follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Family {
    OpenAi,
    Anthropic,
    Google,
}

/// All that an answer is made of.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Turn<'a> {
    /// The number of the request, from which identities are made.
    pub(crate) number: u64,
    pub(crate) model: &'a str,
    pub(crate) content: &'a Content,
    pub(crate) usage: TokenCounts,
    /// Whether a chat stream is to end with its token counts.
    pub(crate) include_usage: bool,
}

impl Turn<'_> {
    fn id(&self, prefix: &str) -> String {
        id(prefix, self.number)
    }
}

/// The complete answer in the format of an endpoint that generates.
pub(crate) fn whole(endpoint: Endpoint, turn: &Turn<'_>) -> Vec<u8> {
    match endpoint {
        Endpoint::Completions => completions::whole(turn),
        Endpoint::Responses => responses::whole(turn),
        Endpoint::Messages => messages::whole(turn),
        // Without `alt=sse` a stream is a JSON array.
        Endpoint::Gemini(Generate::Stream) => [b"[", &gemini::whole(turn)[..], b"]"].concat(),
        Endpoint::Gemini(_) => gemini::whole(turn),
        _ => chat::whole(turn),
    }
}

pub(crate) use echo::echo;
pub(crate) use embeddings::embeddings;
pub(crate) use gemini::gemini_token_count;
pub(crate) use messages::token_count;
pub(crate) use models::{model, models};

pub(crate) fn id(prefix: &str, number: u64) -> String {
    format!("{prefix}{number:024x}")
}

fn json<T: Serialize>(value: &T) -> Vec<u8> {
    serde_json::to_vec(value).expect("structs of strings and numbers always serialise")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_known_by_their_ends() {
        let check =
            |method, path, expected| assert_eq!(Endpoint::of(method, path), expected, "{path}");
        check("POST", "/v1/chat/completions", Endpoint::Chat);
        check("POST", "/openai/v1/completions", Endpoint::Completions);
        check("POST", "/anthropic/v1/messages", Endpoint::Messages);
        check("POST", "/v1/messages/count_tokens", Endpoint::CountTokens);
        check("POST", "/v1/responses", Endpoint::Responses);
        check("GET", "/v1/responses", Endpoint::Echo);
        check("GET", "/v1/models", Endpoint::Models);
        check("GET", "/v1/models/gpt-5", Endpoint::Model);
        check("GET", "/v1/models/", Endpoint::Echo);
        let gemini = "/v1beta/models/gemini-3-pro:streamGenerateContent";
        check("POST", gemini, Endpoint::Gemini(Generate::Stream));
        check("POST", "/v1beta/openai/chat/completions", Endpoint::Chat);
        check("POST", "/v1/audio/transcriptions", Endpoint::Echo);
    }
}
