//! What an answer repeats of its request.

use crate::RawJson;
use crate::json::{ObjectWriter, Raw, Rules, Writer};

/// The members that an answer repeats, each with what it says where the request says nothing. Strict clients require
/// most of them (`openai/types/responses/response.py`; OpenAI's document of the API).
const REPEATED: [(&str, &str); 21] = [
    ("background", "false"),
    ("instructions", "null"),
    ("max_output_tokens", "null"),
    ("max_tool_calls", "null"),
    ("metadata", "{}"),
    ("parallel_tool_calls", "true"),
    ("previous_response_id", "null"),
    ("prompt", "null"),
    ("prompt_cache_key", "null"),
    ("prompt_cache_retention", "null"),
    ("reasoning", r#"{"effort":null,"summary":null}"#),
    ("safety_identifier", "null"),
    ("store", "true"),
    ("temperature", "null"),
    ("text", r#"{"format":{"type":"text"}}"#),
    ("tool_choice", r#""auto""#),
    ("tools", "[]"),
    ("top_logprobs", "0"),
    ("top_p", "null"),
    ("truncation", r#""disabled""#),
    ("user", "null"),
];

/// Members of a request, kept for its answer.
#[derive(Debug)]
pub(in crate::openai_responses) struct Echo {
    /// In the order of [`REPEATED`].
    values: Vec<Option<RawJson>>,
    conversation: Option<RawJson>,
}

impl Echo {
    /// Reads a request that is valid JSON; of anything else it repeats nothing.
    pub(in crate::openai_responses) fn of(body: &str) -> Self {
        let body = Raw::parse(body, Rules::ANSWER).ok();
        let names = REPEATED.map(|(name, _)| name);
        let values = body.map_or([None; REPEATED.len()], |body| body.pick(names));
        let conversation = body.and_then(|body| body.member("conversation"));
        Self {
            values: values
                .into_iter()
                .map(|value| value.map(Into::into))
                .collect(),
            conversation: conversation.map(conversation_object),
        }
    }

    /// Writes them.
    pub(in crate::openai_responses) fn write(&self, object: &mut ObjectWriter<'_>) {
        for ((name, default), value) in REPEATED.iter().zip(&self.values) {
            let value = value.as_ref().map_or(*default, RawJson::as_str);
            object.raw(name, value);
        }
        object.raw_if("conversation", self.conversation.as_ref());
    }

    /// Whether a member of an answer only repeats the request.
    pub(in crate::openai_responses) fn repeats(name: &str) -> bool {
        REPEATED.iter().any(|(repeated, _)| *repeated == name) || name == "conversation"
    }
}

/// A request may name the conversation by its id alone.
fn conversation_object(value: Raw<'_>) -> RawJson {
    match value.text() {
        Some(id) => RawJson::of_written(Writer::object(|object| object.text("id", &id))),
        None => value.into(),
    }
}
