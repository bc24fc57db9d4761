//! Calls that the model made, new and old.

use super::super::super::inner;
use super::super::super::tool_calls::{EXTRA_CONTENT, read_signature};
use super::content;
use crate::canonical::{Extras, Part, PartBody, Place, Reasoning, ToolInput, ToolUse};
use crate::envelope::ENVELOPE_MARK;
use crate::json::{Invalid, Locate as _, Raw};

/// Reads `tool_calls`; a Google signature becomes thoughts before its call.
pub(super) fn read_all(value: Raw<'_>, parts: &mut Vec<Part>) -> Result<(), Invalid> {
    for (index, item) in value.want_items()? {
        let at = Place::item("tool_calls", index);
        let first = parts.len();
        read(item, parts).at_index(index)?;
        for part in parts.iter_mut().skip(first) {
            part.at = at;
        }
    }
    Ok(())
}

fn read(value: Raw<'_>, parts: &mut Vec<Part>) -> Result<(), Invalid> {
    let value = value.want_object()?;
    let kind = match value.member("type") {
        Some(kind) => kind.want_text().at("type")?,
        // Some clients leave out what has long been the only kind.
        None => "function".into(),
    };
    let mut extras = Extras::new();
    let (name, input) = match &*kind {
        "function" => read_function(value.want_member(&kind)?, &mut extras).at(&kind)?,
        "custom" => read_custom(value.want_member(&kind)?, &mut extras).at(&kind)?,
        _ => {
            parts.push(content::opaque(&kind, value));
            return Ok(());
        }
    };
    let mut id = None;
    for (name, value) in value.want_members()? {
        match &*name {
            "type" => {}
            "id" => id = Some(value.want_string().at(&name)?),
            EXTRA_CONTENT => {
                let signature = read_signature(value, &mut extras);
                parts.extend(signature.map(|thoughts| signature_part(thoughts, value)));
            }
            _ if name == kind => {}
            _ => extras.push((name.into_owned(), value.into())),
        }
    }
    let id =
        id.ok_or_else(|| Invalid::here("has no `id`; give it the one that its result names"))?;
    parts.push(call(id, name, input, extras));
    Ok(())
}

/// A signature in an envelope was the gateway's doing; of any other is noted that the client wrote it.
fn signature_part(thoughts: Reasoning, value: Raw<'_>) -> Part {
    let mut part = Part::from(PartBody::Reasoning(thoughts));
    if !value.json().contains(ENVELOPE_MARK) {
        inner::note(&mut part.extras, EXTRA_CONTENT, value);
    }
    part
}

fn call(id: String, name: String, input: ToolInput, extras: Extras) -> Part {
    let mut part = Part::from(PartBody::ToolUse(ToolUse {
        id,
        name,
        input,
        item_id: None,
    }));
    part.extras = extras;
    part
}

fn read_function(value: Raw<'_>, extras: &mut Extras) -> Result<(String, ToolInput), Invalid> {
    let mut arguments = None;
    for (name, value) in value.want_members()? {
        match &*name {
            "name" => {}
            "arguments" => arguments = Some(value.want_string().at(&name)?),
            _ => inner::keep(extras, "function", &name, value),
        }
    }
    let name = value.want_member("name")?.want_string().at("name")?;
    Ok((name, ToolInput::Json(arguments.unwrap_or_default())))
}

fn read_custom(value: Raw<'_>, extras: &mut Extras) -> Result<(String, ToolInput), Invalid> {
    let mut input = None;
    for (name, value) in value.want_members()? {
        match &*name {
            "name" => {}
            "input" => input = Some(value.want_string().at(&name)?),
            _ => inner::keep(extras, "custom", &name, value),
        }
    }
    let name = value.want_member("name")?.want_string().at("name")?;
    Ok((name, ToolInput::Text(input.unwrap_or_default())))
}

/// Calls of old functions have no ids: results name the function. They get ids here.
#[derive(Debug, Default)]
pub(super) struct OldCalls {
    open: Vec<(String, String)>,
}

impl OldCalls {
    /// Reads `function_call` of the message at `index`.
    pub(super) fn read(&mut self, value: Raw<'_>, index: usize) -> Result<Part, Invalid> {
        let mut extras = Extras::new();
        let (name, input) = read_function(value, &mut extras)?;
        let id = format!("function_call_{index}");
        self.open.push((name.clone(), id.clone()));
        Ok(call(id, name, input, extras).at(Place::member("function_call")))
    }

    /// The id of the last call of the function that has no result yet.
    pub(super) fn answer(&mut self, name: &str) -> Result<String, Invalid> {
        let at = self.open.iter().rposition(|(called, _)| called == name);
        let at = at.ok_or_else(|| {
            Invalid::here(format!(
                "is `{name}`, a function that no message before calls; add the assistant's message with that `function_call`"
            ))
        })?;
        Ok(self.open.remove(at).1)
    }
}
