//! Reads the few fields of a request that the gateway acts on. `null` counts as absent.

use std::ops::Range;

use super::table::Table;
use crate::json::{Cursor, JsonKind, Raw, Rules, decode};
use crate::{BodyError, Dialect, Endpoint};

/// The fields of one body.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fields<'a> {
    text: &'a str,
    table: &'a Table,
}

impl<'a> Fields<'a> {
    pub(super) const fn new(text: &'a str, table: &'a Table) -> Self {
        Self { text, table }
    }

    pub(super) fn model(&self) -> Result<String, BodyError> {
        let name = "model";
        let value = self.get(name).ok_or(BodyError::Missing {
            name,
            expected: "a string with the name of the model to call",
        })?;
        let model = text(name, value)?;
        if model.is_empty() {
            return Err(BodyError::Blank { name });
        }
        Ok(model)
    }

    /// Checks that the field which holds the conversation is there, where the endpoint has one.
    pub(super) fn require_conversation(&self, endpoint: Endpoint) -> Result<(), BodyError> {
        match endpoint {
            Endpoint::ChatCompletions | Endpoint::Messages | Endpoint::CountTokens => {
                self.require("messages", &[JsonKind::List], "a list of messages")
            }
            Endpoint::Embeddings => self.require(
                "input",
                &[JsonKind::Text, JsonKind::List],
                "a string or a list",
            ),
            Endpoint::GenerateContent => {
                self.require("contents", &[JsonKind::List], "a list of contents")
            }
            // Both can go on from something stored: a prompt or an earlier answer.
            Endpoint::Completions | Endpoint::Responses => Ok(()),
        }
    }

    pub(super) fn flag(&self, name: &'static str) -> Result<Option<bool>, BodyError> {
        self.get(name).map(|value| flag(name, value)).transpose()
    }

    /// `stream_options.include_usage`, in the formats that have it.
    pub(super) fn include_usage(&self, endpoint: Endpoint) -> Result<Option<bool>, BodyError> {
        if !matches!(endpoint, Endpoint::ChatCompletions | Endpoint::Completions) {
            return Ok(None);
        }
        let Some(options) = self.object("stream_options")? else {
            return Ok(None);
        };
        let name = "stream_options.include_usage";
        let value = only(options, "include_usage", name)?;
        value.map(|value| flag(name, value)).transpose()
    }

    pub(super) fn max_output_tokens(&self, endpoint: Endpoint) -> Result<Option<u64>, BodyError> {
        let names: &[&'static str] = match endpoint {
            Endpoint::ChatCompletions => &["max_completion_tokens", "max_tokens"],
            Endpoint::Completions | Endpoint::Messages | Endpoint::CountTokens => &["max_tokens"],
            Endpoint::Responses => &["max_output_tokens"],
            // Gemini's stands deeper; whoever calls its endpoint knows it.
            Endpoint::Embeddings | Endpoint::GenerateContent => &[],
        };
        for name in names {
            if let Some(value) = self.get(name) {
                expect(name, value, &[JsonKind::Number], "a number")?;
                return Ok(value.count());
            }
        }
        Ok(None)
    }

    pub(super) fn metadata(&self) -> Result<Option<Range<usize>>, BodyError> {
        let name = "metadata";
        let present = self.object(name)?.is_some();
        let member = self.table.member(name).filter(|_| present);
        Ok(member.map(|member| member.value.clone()))
    }

    pub(super) fn user(&self, endpoint: Endpoint) -> Result<Option<String>, BodyError> {
        let (name, value) = if endpoint.dialect() == Dialect::AnthropicMessages {
            let name = "metadata.user_id";
            let metadata = self.object("metadata")?;
            let value = metadata.map(|metadata| only(metadata, "user_id", name));
            (name, value.transpose()?.flatten())
        } else {
            ("user", self.get("user"))
        };
        value.map(|value| text(name, value)).transpose()
    }

    fn get(&self, name: &str) -> Option<Raw<'a>> {
        let span = self.table.member(name)?.value.clone();
        Raw::of_validated(self.text.get(span)?).unless_null()
    }

    fn object(&self, name: &'static str) -> Result<Option<Raw<'a>>, BodyError> {
        let Some(value) = self.get(name) else {
            return Ok(None);
        };
        expect(name, value, &[JsonKind::Object], "an object")?;
        Ok(Some(value))
    }

    fn require(
        &self,
        name: &'static str,
        kinds: &[JsonKind],
        expected: &'static str,
    ) -> Result<(), BodyError> {
        let value = self
            .get(name)
            .ok_or(BodyError::Missing { name, expected })?;
        expect(name, value, kinds, expected)
    }
}

fn expect(
    name: &'static str,
    value: Raw<'_>,
    kinds: &[JsonKind],
    expected: &'static str,
) -> Result<(), BodyError> {
    match value.kind() {
        Some(found) if !kinds.contains(&found) => Err(BodyError::WrongType {
            name,
            expected,
            found,
        }),
        _ => Ok(()),
    }
}

fn text(name: &'static str, value: Raw<'_>) -> Result<String, BodyError> {
    expect(name, value, &[JsonKind::Text], "a string")?;
    Ok(decode(value.json()).into_owned())
}

fn flag(name: &'static str, value: Raw<'_>) -> Result<bool, BodyError> {
    expect(name, value, &[JsonKind::Flag], "true or false")?;
    Ok(value.flag().unwrap_or_default())
}

/// The member `name` of a validated object, which must not stand there twice: what the gateway
/// decides on has one reading only.
fn only<'a>(object: Raw<'a>, name: &str, path: &'static str) -> Result<Option<Raw<'a>>, BodyError> {
    let mut json = Cursor::new(object.json(), Rules::ANSWER);
    let mut found = None;
    // Validated before, so that the walk fails only where it should end.
    json.enter_object().ok();
    while let Ok(Some(key)) = json.next_member() {
        let Ok(value) = Raw::pass(&mut json) else {
            break;
        };
        if key == name && found.replace(value).is_some() {
            return Err(BodyError::Duplicate { name: path.into() });
        }
    }
    Ok(found.and_then(Raw::unless_null))
}
