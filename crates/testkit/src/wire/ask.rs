//! What a model call asks for, read as a provider would: strict where providers are.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use super::Endpoint;

/// What a model call asks for.
#[derive(Debug, Deserialize)]
pub(crate) struct Ask<'a> {
    /// Gemini names it in the path instead.
    #[serde(borrow, default)]
    model: Option<Cow<'a, str>>,
    #[serde(default)]
    stream: Option<bool>,
    #[serde(default)]
    stream_options: Option<StreamOptions>,
    #[serde(borrow, default)]
    messages: Option<Vec<&'a RawValue>>,
    #[serde(borrow, default)]
    input: Option<&'a RawValue>,
    #[serde(borrow, default)]
    prompt: Option<&'a RawValue>,
    #[serde(borrow, default)]
    contents: Option<Vec<&'a RawValue>>,
    #[serde(borrow, default, alias = "systemInstruction")]
    system: Option<&'a RawValue>,
    #[serde(borrow, default)]
    instructions: Option<&'a RawValue>,
    #[serde(borrow, default)]
    tools: Option<&'a RawValue>,
    #[serde(borrow, default, alias = "toolConfig")]
    tool_choice: Option<&'a RawValue>,
    #[serde(borrow, default)]
    max_tokens: Option<&'a RawValue>,
    #[serde(borrow, default)]
    reasoning: Option<&'a RawValue>,
    #[serde(borrow, default)]
    reasoning_effort: Option<&'a RawValue>,
    #[serde(borrow, default)]
    thinking: Option<&'a RawValue>,
    #[serde(borrow, default, rename = "generationConfig")]
    generation: Option<&'a RawValue>,
    #[serde(default)]
    n: Option<u64>,
    #[serde(default)]
    dimensions: Option<u64>,
    #[serde(borrow, default)]
    encoding_format: Option<Cow<'a, str>>,
}

#[derive(Debug, Deserialize)]
struct StreamOptions {
    #[serde(default)]
    include_usage: Option<bool>,
}

/// Why a call would be refused with status 400.
#[derive(Debug, thiserror::Error)]
pub(crate) enum InvalidAsk {
    #[error("the body cannot be read: {0}")]
    Unreadable(serde_json::Error),
    #[error("missing required parameter: {0}")]
    Missing(&'static str),
    #[error("the scripted provider generates one choice; n is {0}")]
    SeveralChoices(u64),
    #[error("dimensions must be from 1 to 4096, not {0}")]
    Dimensions(u64),
    #[error("input must be a string, strings, tokens or lists of tokens, and not empty")]
    Input,
}

/// Who spoke last.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Last {
    User(String),
    ToolResult(String),
    Assistant(String),
    Other,
}

impl<'a> Ask<'a> {
    pub(crate) fn read(body: &'a [u8], endpoint: Endpoint) -> Result<Self, InvalidAsk> {
        let ask: Self = serde_json::from_slice(body).map_err(InvalidAsk::Unreadable)?;
        if let Some(name) = ask.missing(endpoint) {
            return Err(InvalidAsk::Missing(name));
        }
        match ask.n {
            Some(n) if n != 1 => Err(InvalidAsk::SeveralChoices(n)),
            _ => Ok(ask),
        }
    }

    /// The first required field that is not there.
    fn missing(&self, endpoint: Endpoint) -> Option<&'static str> {
        let model = ("model", self.model.is_some());
        let messages = ("messages", self.messages.is_some());
        let required = match endpoint {
            Endpoint::Chat | Endpoint::CountTokens => vec![model, messages],
            Endpoint::Messages => {
                vec![model, messages, ("max_tokens", self.max_tokens.is_some())]
            }
            Endpoint::Responses | Endpoint::Embeddings => {
                vec![model, ("input", self.input.is_some())]
            }
            Endpoint::Completions => vec![model, ("prompt", self.prompt.is_some())],
            Endpoint::Gemini(_) => vec![("contents", self.contents.is_some())],
            Endpoint::Models | Endpoint::Model | Endpoint::Echo => Vec::new(),
        };
        let missing = required.into_iter().find(|(_, there)| !there)?;
        Some(missing.0)
    }

    /// The model, unless the path names it.
    pub(crate) fn model(&self) -> &str {
        self.model.as_deref().unwrap_or_default()
    }

    pub(crate) fn stream(&self) -> bool {
        self.stream == Some(true)
    }

    pub(crate) fn include_usage(&self) -> bool {
        self.stream_options
            .as_ref()
            .is_some_and(|options| options.include_usage == Some(true))
    }

    /// About four bytes a token, over what a model would read; never none.
    pub(crate) fn input_tokens(&self) -> u64 {
        let single = [
            self.input,
            self.prompt,
            self.system,
            self.instructions,
            self.tools,
        ];
        let all = single
            .into_iter()
            .flatten()
            .chain(self.messages.iter().flatten().copied())
            .chain(self.contents.iter().flatten().copied());
        let bytes: usize = all.map(|part| part.get().len()).sum();
        (bytes as u64).div_ceil(4).max(1)
    }

    /// Whether the model is asked to think.
    pub(crate) fn reasons(&self) -> bool {
        let off = [r#""none""#, "null"];
        let disabled = |raw: &RawValue| raw.get().contains("disabled");
        self.reasoning.is_some_and(|raw| raw.get() != "null")
            || self
                .reasoning_effort
                .is_some_and(|raw| !off.contains(&raw.get()))
            || self
                .thinking
                .is_some_and(|raw| raw.get() != "null" && !disabled(raw))
            || self
                .generation
                .is_some_and(|raw| raw.get().contains("includeThoughts"))
    }

    /// The vectors' length, and whether they are wanted in base64.
    pub(crate) fn embedding_format(&self) -> Result<(usize, bool), InvalidAsk> {
        const DEFAULT: u64 = 256;
        const LARGEST: u64 = 4096;
        let dimensions = self.dimensions.unwrap_or(DEFAULT);
        let length = usize::try_from(dimensions).map_err(|_| InvalidAsk::Dimensions(dimensions))?;
        if !(1..=LARGEST).contains(&dimensions) {
            return Err(InvalidAsk::Dimensions(dimensions));
        }
        Ok((length, self.encoding_format.as_deref() == Some("base64")))
    }

    /// The texts (as JSON) to embed: one for each string or list of tokens.
    pub(crate) fn inputs(&self) -> Result<Vec<&'a RawValue>, InvalidAsk> {
        let input = self.input.ok_or(InvalidAsk::Missing("input"))?;
        if input.get().starts_with('"') {
            return Ok(vec![input]);
        }
        let list: Vec<&RawValue> =
            serde_json::from_str(input.get()).map_err(|_| InvalidAsk::Input)?;
        match list.first().map(|first| first.get().as_bytes()[0]) {
            Some(b'"' | b'[') => Ok(list),
            Some(b'0'..=b'9') => Ok(vec![input]),
            _ => Err(InvalidAsk::Input),
        }
    }

    /// The tools, unless the caller wants none called.
    pub(crate) fn callable_tools(&self) -> Vec<Value> {
        let choice = self.tool_choice.map_or("", RawValue::get);
        if choice.contains(r#""none""#) || choice.contains(r#""NONE""#) {
            return Vec::new();
        }
        let tools: Vec<Value> = self
            .tools
            .and_then(|tools| serde_json::from_str(tools.get()).ok())
            .unwrap_or_default();
        // Gemini declares several functions in one tool.
        let declared = |tool: Value| match tool["functionDeclarations"].as_array() {
            Some(several) => several.clone(),
            None => vec![tool],
        };
        tools.into_iter().flat_map(declared).collect()
    }

    /// Who spoke last, and what.
    pub(crate) fn last(&self) -> Last {
        let parsed = |raw: &RawValue| serde_json::from_str::<Value>(raw.get()).ok();
        let items = || serde_json::from_str::<Vec<&RawValue>>(self.input?.get()).ok();
        let turns = self.messages.as_ref().or(self.contents.as_ref());
        let last = match (turns, self.input, self.prompt) {
            (Some(messages), ..) => messages.last().and_then(|last| parsed(last)),
            (None, Some(input), _) => items().map_or_else(
                || parsed(input),
                |items| items.last().and_then(|last| parsed(last)),
            ),
            (None, None, Some(prompt)) => parsed(prompt),
            (None, None, None) => None,
        };
        last.map_or(Last::Other, |last| classify(&last))
    }
}

/// Tells a user's words from a tool's result, in all dialects.
fn classify(last: &Value) -> Last {
    if last.is_string() {
        return Last::User(words(last));
    }
    if last["type"] == "function_call_output" {
        return Last::ToolResult(words(&last["output"]));
    }
    if last["role"] == "tool" {
        return Last::ToolResult(words(&last["content"]));
    }
    let blocks = last["content"].as_array().into_iter().flatten();
    let results = blocks.filter(|block| block["type"] == "tool_result");
    let results: Vec<String> = results.map(|result| words(&result["content"])).collect();
    if !results.is_empty() {
        return Last::ToolResult(results.join(" "));
    }
    let parts = last["parts"].as_array().into_iter().flatten();
    let results = parts.filter_map(|part| part.get("functionResponse"));
    let results: Vec<String> = results
        .map(|result| result["response"].to_string())
        .collect();
    if !results.is_empty() {
        return Last::ToolResult(results.join(" "));
    }
    let said = || words(last.get("parts").unwrap_or_else(|| &last["content"]));
    match last["role"].as_str() {
        Some("user") => Last::User(said()),
        Some("assistant" | "model") => Last::Assistant(said()),
        _ => Last::Other,
    }
}

/// The text of a string or of a list of parts.
fn words(content: &Value) -> String {
    match content {
        Value::String(text) => text.clone(),
        Value::Array(parts) => {
            let texts = parts
                .iter()
                .filter_map(|part| part.as_str().or_else(|| part["text"].as_str()));
            texts.collect::<Vec<_>>().join(" ")
        }
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::Generate;

    #[test]
    fn tells_who_spoke_last() {
        let check = |body: &str, endpoint, expected| {
            assert_eq!(
                Ask::read(body.as_bytes(), endpoint).unwrap().last(),
                expected,
                "{body}"
            );
        };
        let user = |text: &str| Last::User(text.to_owned());
        let result = |text: &str| Last::ToolResult(text.to_owned());
        let chat = Endpoint::Chat;
        check(
            r#"{"model":"m","messages":[{"role":"user","content":"hi"}]}"#,
            chat,
            user("hi"),
        );
        check(
            r#"{"model":"m","messages":[{"role":"user","content":[{"type":"text","text":"a"},{"type":"text","text":"b"}]}]}"#,
            chat,
            user("a b"),
        );
        check(
            r#"{"model":"m","messages":[{"role":"tool","tool_call_id":"1","content":"21 C"}]}"#,
            chat,
            result("21 C"),
        );
        check(
            r#"{"model":"m","max_tokens":1,"messages":[{"role":"user","content":[{"type":"tool_result","tool_use_id":"1","content":[{"type":"text","text":"21 C"}]}]}]}"#,
            Endpoint::Messages,
            result("21 C"),
        );
        check(
            r#"{"model":"m","input":"hi"}"#,
            Endpoint::Responses,
            user("hi"),
        );
        check(
            r#"{"model":"m","input":[{"role":"user","content":"hi"},{"type":"function_call_output","call_id":"1","output":"21 C"}]}"#,
            Endpoint::Responses,
            result("21 C"),
        );
        check(
            r#"{"contents":[{"role":"user","parts":[{"text":"a"},{"text":"b"}]}]}"#,
            Endpoint::Gemini(Generate::Whole),
            user("a b"),
        );
        check(
            r#"{"contents":[{"role":"user","parts":[{"functionResponse":{"name":"f","response":{"celsius":21}}}]}]}"#,
            Endpoint::Gemini(Generate::Whole),
            result(r#"{"celsius":21}"#),
        );
        check(
            r#"{"model":"m","messages":[{"role":"assistant","content":"x"}]}"#,
            chat,
            Last::Assistant("x".to_owned()),
        );
        check(
            r#"{"contents":[{"role":"model","parts":[{"text":"x"}]}]}"#,
            Endpoint::Gemini(Generate::Whole),
            Last::Assistant("x".to_owned()),
        );
        check(
            r#"{"model":"m","messages":[{"role":"system","content":"x"}]}"#,
            chat,
            Last::Other,
        );
    }

    #[test]
    fn refuses_what_a_provider_refuses() {
        let check = |body: &str, endpoint, expected: &str| {
            let error = Ask::read(body.as_bytes(), endpoint)
                .unwrap_err()
                .to_string();
            assert!(error.contains(expected), "{error}");
        };
        check("{", Endpoint::Chat, "cannot be read");
        check(
            r#"{"messages":[]}"#,
            Endpoint::Chat,
            "missing required parameter: model",
        );
        check(r#"{"model":"m"}"#, Endpoint::Chat, "messages");
        check(
            r#"{"model":"m","messages":[]}"#,
            Endpoint::Messages,
            "max_tokens",
        );
        check(
            r#"{"model":"m","messages":[],"n":2}"#,
            Endpoint::Chat,
            "n is 2",
        );
    }
}
