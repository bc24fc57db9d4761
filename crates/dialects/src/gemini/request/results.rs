//! Writes what functions returned.

use crate::canonical::{Part, PartBody, Place, ToolResult};
use crate::json::{ObjectWriter, Writer, json_string};
use crate::{Inexpressible, ReasoningControl};

use super::super::carry::{NAME, noted, write};
use super::super::written::{id_of, is_object, tool_name};
use super::content::Content;

/// What a result consists of.
#[derive(Default)]
struct Pieces {
    texts: Vec<String>,
    media: Vec<String>,
}

/// Adds a result: the text as an object, pictures and documents within it, or beside it for models
/// before Gemini 3, which take no media in results (ai.google.dev/gemini-api/docs/function-calling, multimodal
/// function responses).
pub(super) fn encode(
    content: &mut Content<'_, '_>,
    places: &[Place; 2],
    part: &Part,
    result: &ToolResult,
) -> Result<(), Inexpressible> {
    let mut pieces = Pieces::default();
    for inner in &result.parts {
        take(content, &mut pieces, places, inner)?;
    }
    let within = content.own || content.target.profile.reasoning == ReasoningControl::Effort;
    if !within && !pieces.media.is_empty() {
        content.losses.approximated(places);
        content.parts.append(&mut pieces.media);
    }
    let written = function_response(content, part, result, &pieces);
    if content.own {
        content.parts.push(written);
    } else {
        content.results.push(written);
    }
    Ok(())
}

fn take(
    content: &mut Content<'_, '_>,
    pieces: &mut Pieces,
    places: &[Place; 2],
    inner: &Part,
) -> Result<(), Inexpressible> {
    let places = [places[0], places[1], inner.at];
    content.lose_what_is_beside(&places, inner);
    match &inner.body {
        PartBody::Text { text, .. } => pieces.texts.push(text.clone()),
        PartBody::Refusal { text } => pieces.texts.push(text.clone()),
        PartBody::Image(media) | PartBody::Audio(media) | PartBody::Document(media) => {
            let media = content.media(&places, inner, media)?;
            pieces.media.push(media);
        }
        PartBody::Opaque { origin, raw, .. } if *origin == crate::Dialect::Gemini => {
            pieces.media.push(raw.as_str().to_owned());
        }
        PartBody::ToolUse(_)
        | PartBody::ToolResult(_)
        | PartBody::Reasoning(_)
        | PartBody::Opaque { .. } => content.losses.dropped(&places),
    }
    Ok(())
}

fn function_response(
    content: &Content<'_, '_>,
    part: &Part,
    result: &ToolResult,
    pieces: &Pieces,
) -> String {
    let name = match noted(&part.extras, NAME).and_then(|name| name.raw().text()) {
        Some(name) => name.into_owned(),
        // `Request::check` lets no result without its call through.
        None => {
            let name = content.names.get(&*result.id).copied();
            tool_name(content.own, name.unwrap_or(&result.id)).into_owned()
        }
    };
    let fill = |object: &mut ObjectWriter<'_>| {
        object.text_if("id", id_of(part, &result.id).as_deref());
        object.text("name", &name);
        if let Some(response) = response(content.own, result, &pieces.texts) {
            object.raw("response", &response);
        }
        if !pieces.media.is_empty() {
            object.list("parts", |parts| {
                pieces.media.iter().for_each(|media| parts.raw(media));
            });
        }
        if content.own {
            write(object, "functionResponse", &part.extras);
        }
    };
    Writer::object(|object| {
        object.object("functionResponse", fill);
        if content.own {
            write(object, "", &part.extras);
        }
    })
}

/// The object that a function returned. Text that is no object is its `output`, or its `error`
/// (google-genai, `types.FunctionResponse`).
fn response(own: bool, result: &ToolResult, texts: &[String]) -> Option<String> {
    if let Some(object) = &result.object {
        return Some(object.as_str().to_owned());
    }
    if own && texts.is_empty() {
        return None;
    }
    let text = texts.join("\n");
    let wrapped = |name: &str| format!("{{\"{name}\":{}}}", json_string(&text));
    Some(if result.is_error {
        wrapped("error")
    } else if is_object(&text) {
        text
    } else {
        wrapped("output")
    })
}
