//! Reads a request, top level first.

use crate::canonical::{Part, PartBody, Place, Request};
use crate::json::{Invalid, Locate, Raw, request_object};
use crate::{BodyError, Dialect, RawJson};

use super::super::carry::{ROLE, keep, note};
use super::super::name::{Field, fields, items};
use super::super::part;
use super::{choice, config, conversation, tools};

/// Reads a request. The model and whether a stream is wanted stand in the path.
pub(in crate::gemini) fn decode(body: &str) -> Result<Request, BodyError> {
    let object = request_object(body)?;
    let mut request = Request::new(Dialect::Gemini, "");
    for field in fields(object)? {
        take(&mut request, &field)?;
    }
    config::settle(&mut request);
    Ok(request)
}

fn take(request: &mut Request, field: &Field<'_>) -> Result<(), Invalid> {
    let (written, value) = (&field.written, field.value);
    match &*field.name {
        "contents" => request.turns = conversation::read(value).at(written)?,
        "systemInstruction" => system(request, value).at(written)?,
        "generationConfig" => config::read(request, value).at(written)?,
        "tools" => request.tools = tools::read(value).at(written)?,
        "toolConfig" => choice::read(request, value).at(written)?,
        "labels" => request.metadata = Some(labels(value).at(written)?),
        "serviceTier" => request.service_tier = Some(value.want_string().at(written)?),
        "store" => request.state.store = Some(value.want_flag().at(written)?),
        // Some clients repeat it here; the path decides.
        "model" => request.model = value.want_string().at(written)?,
        _ => keep(&mut request.extras, "", field),
    }
    Ok(())
}

/// A content of text parts, or bare text as the SDKs take it.
fn system(request: &mut Request, value: Raw<'_>) -> Result<(), Invalid> {
    if let Some(text) = value.text() {
        request.system = vec![Part::text(text).at(Place::member("systemInstruction"))];
        return Ok(());
    }
    for field in fields(value)? {
        match &*field.name {
            "parts" => request.system = system_parts(field.value).at("parts")?,
            // The API ignores it.
            "role" => note(&mut request.extras, ROLE, field.value.into()),
            _ => keep(&mut request.extras, "systemInstruction", &field),
        }
    }
    Ok(())
}

fn system_parts(list: Raw<'_>) -> Result<Vec<Part>, Invalid> {
    let part = |(index, item)| {
        let at = Place::item("systemInstruction.parts", index);
        let read = part::read(item, at).at_index(index)?;
        let text = read
            .part
            .filter(|part| matches!(part.body, PartBody::Text { .. }));
        let refusal = || Invalid::here("is no text; an instruction consists of `text` parts");
        text.ok_or_else(refusal).at_index(index)
    };
    items(list).map(part).collect()
}

/// An object of strings.
fn labels(value: Raw<'_>) -> Result<RawJson, Invalid> {
    for (name, label) in value.want_members()? {
        label.want_text().at(&name)?;
    }
    Ok(value.into())
}
