//! Reads one part of a content, in requests and in answers.

use crate::canonical::{
    Extras, Media, MediaSource, Part, PartBody, Place, Reasoning, ReasoningForm, ToolInput,
    ToolResult, ToolUse,
};
use crate::json::{Invalid, Locate, Raw};
use crate::media::check_base64;
use crate::{Dialect, JsonKind, RawJson};

use super::carry::{NAME, keep, note};
use super::name::{Field, fields, items};
use super::signature::{self, Signs};
use super::written::without_blanks;

/// What a part says.
#[derive(Debug, Default)]
pub(super) struct Read {
    /// The thoughts whose proof stands on the part: they precede what it says.
    pub(super) proof: Option<Reasoning>,
    /// What it says; nothing if it only bears a proof. Calls and results without an id have an empty one.
    pub(super) part: Option<Part>,
}

/// The members of a part.
#[derive(Default)]
struct Pieces<'a> {
    data: Option<Data<'a>>,
    thought: bool,
    signature: Option<String>,
    extras: Extras,
}

/// The one member that says what a part is.
enum Data<'a> {
    Text(String),
    Inline(Field<'a>),
    File(Field<'a>),
    Call(Field<'a>),
    Response(Field<'a>),
    /// Something that only this dialect knows.
    Other(String),
}

/// Reads a part to the letter.
///
/// # Errors
/// [`Invalid`] if a known member is of the wrong kind.
pub(super) fn read(raw: Raw<'_>, at: Place) -> Result<Read, Invalid> {
    let mut pieces = Pieces::default();
    for field in fields(raw)? {
        pieces.take(&field)?;
    }
    pieces.put_together(raw, at)
}

/// Reads a part of an answer: one that cannot be read to the letter is kept as it is.
///
/// The API indents its answers, but not its streams. Nobody wants the blanks in the arguments of a call.
pub(super) fn read_leniently(raw: Raw<'_>, at: Place) -> Read {
    let mut read = read(raw, at).unwrap_or_else(|_| Read::whole("unreadable", raw, at));
    match read.part.as_mut().map(|part| &mut part.body) {
        Some(PartBody::ToolUse(call)) => {
            let input = call.input.text_mut();
            *input = without_blanks(input);
        }
        Some(PartBody::Opaque { raw, .. }) => {
            *raw = RawJson::of_written(without_blanks(raw.as_str()));
        }
        _ => {}
    }
    read
}

impl<'a> Pieces<'a> {
    fn take(&mut self, field: &Field<'a>) -> Result<(), Invalid> {
        let (written, value) = (&field.written, field.value);
        match &*field.name {
            "text" => self.data = Some(Data::Text(value.want_string().at(written)?)),
            "thought" => self.thought = value.want_flag().at(written)?,
            "thoughtSignature" => self.signature = Some(value.want_string().at(written)?),
            "inlineData" => self.data = Some(Data::Inline(field.clone())),
            "fileData" => self.data = Some(Data::File(field.clone())),
            "functionCall" => self.data = Some(Data::Call(field.clone())),
            "functionResponse" => self.data = Some(Data::Response(field.clone())),
            kind @ ("executableCode" | "codeExecutionResult" | "toolCall" | "toolResponse") => {
                self.data = Some(Data::Other(kind.to_owned()));
            }
            _ => keep(&mut self.extras, "", field),
        }
        Ok(())
    }

    fn put_together(mut self, raw: Raw<'_>, at: Place) -> Result<Read, Invalid> {
        let mut part = match (self.data.take(), self.thought) {
            (Some(Data::Text(text)), true) => return Ok(self.thoughts(text, at)),
            (Some(Data::Text(text)), false) if text.is_empty() && self.only_signed() => {
                return Ok(self.proof_alone());
            }
            (None, _) if self.only_signed() => return Ok(self.proof_alone()),
            // The whole object is kept, its signature in it.
            (Some(Data::Other(kind)), _) => return Ok(Read::whole(&kind, raw, at)),
            (None, _) => {
                let kind = self.extras.first().map_or("empty", |(name, _)| name);
                return Ok(Read::whole(kind, raw, at));
            }
            (Some(_), true) => return Ok(Read::whole("thought", raw, at)),
            (Some(data), false) => data.read(&mut self.extras)?,
        };
        part.extras = std::mem::take(&mut self.extras);
        let part = Some(part.at(at));
        let proof = self.signature.take();
        let proof = proof.map(|proof| signature::read(proof, Signs::WhatFollows));
        Ok(Read { proof, part })
    }

    fn only_signed(&self) -> bool {
        self.signature.is_some() && self.extras.is_empty()
    }

    fn proof_alone(self) -> Read {
        let signature = self.signature.unwrap_or_default();
        Read {
            proof: Some(signature::read(signature, Signs::WhatFollows)),
            part: None,
        }
    }

    fn thoughts(self, text: String, at: Place) -> Read {
        let unsigned = Reasoning {
            form: ReasoningForm::Summary,
            origin: Some(Dialect::Gemini),
            ..Reasoning::default()
        };
        let signature = self.signature;
        let mut reasoning =
            signature.map_or(unsigned, |proof| signature::read(proof, Signs::Thoughts));
        if !text.is_empty() {
            reasoning.texts.push(text);
        }
        let mut part = Part::from(PartBody::Reasoning(reasoning)).at(at);
        part.extras = self.extras;
        Read {
            proof: None,
            part: Some(part),
        }
    }
}

impl Data<'_> {
    fn read(self, extras: &mut Extras) -> Result<Part, Invalid> {
        match self {
            Self::Text(text) => Ok(Part::text(text)),
            Self::Inline(field) => inline(field.value, extras).at(&field.written),
            Self::File(field) => file(field.value, extras).at(&field.written),
            Self::Call(field) => call(field.value, extras).at(&field.written),
            Self::Response(field) => response(field.value, extras).at(&field.written),
            Self::Other(kind) => Err(Invalid::here(format!("holds an unreadable `{kind}`"))),
        }
    }
}

impl Read {
    fn whole(kind: &str, raw: Raw<'_>, at: Place) -> Self {
        Self {
            proof: None,
            part: Some(opaque(kind, raw).at(at)),
        }
    }
}

fn opaque(kind: &str, raw: Raw<'_>) -> Part {
    Part::from(PartBody::Opaque {
        origin: Dialect::Gemini,
        kind: kind.to_owned(),
        raw: raw.into(),
    })
}

fn inline(value: Raw<'_>, extras: &mut Extras) -> Result<Part, Invalid> {
    let mut data = None;
    let mut media = empty_media();
    for field in fields(value)? {
        match &*field.name {
            "data" => data = Some(base64(field.value).at("data")?),
            "mimeType" => media.media_type = Some(field.value.want_string().at(&field.written)?),
            "displayName" => media.name = Some(field.value.want_string().at(&field.written)?),
            _ => keep(extras, "inlineData", &field),
        }
    }
    media.source = MediaSource::Base64(data.ok_or_else(missing).at("data")?);
    Ok(of_media_type(media))
}

/// Bytes in proto JSON may be written in either alphabet; every other dialect knows only the standard one.
fn base64(value: Raw<'_>) -> Result<String, Invalid> {
    let mut data = value.want_string()?;
    if data.contains(['-', '_']) {
        data = data.replace('-', "+").replace('_', "/");
    }
    check_base64(&data)?;
    Ok(data)
}

fn file(value: Raw<'_>, extras: &mut Extras) -> Result<Part, Invalid> {
    let mut uri = None;
    let mut media = empty_media();
    for field in fields(value)? {
        match &*field.name {
            "fileUri" => uri = Some(field.value.want_string().at(&field.written)?),
            "mimeType" => media.media_type = Some(field.value.want_string().at(&field.written)?),
            "displayName" => media.name = Some(field.value.want_string().at(&field.written)?),
            _ => keep(extras, "fileData", &field),
        }
    }
    media.source = MediaSource::Url(uri.ok_or_else(missing).at("fileUri")?);
    Ok(of_media_type(media))
}

const fn empty_media() -> Media {
    Media {
        source: MediaSource::Text(String::new()),
        media_type: None,
        name: None,
        detail: None,
    }
}

fn of_media_type(media: Media) -> Part {
    let kind = media.media_type.as_deref().unwrap_or_default();
    if kind.starts_with("image/") {
        PartBody::Image(media).into()
    } else if kind.starts_with("audio/") {
        PartBody::Audio(media).into()
    } else {
        PartBody::Document(media).into()
    }
}

fn call(value: Raw<'_>, extras: &mut Extras) -> Result<Part, Invalid> {
    let mut call = ToolUse {
        input: ToolInput::Json("{}".into()),
        ..ToolUse::default()
    };
    let mut name = None;
    for field in fields(value)? {
        match &*field.name {
            "id" => call.id = field.value.want_string().at("id")?,
            "name" => name = Some(field.value.want_string().at("name")?),
            "args" => call.input = ToolInput::Json(object(field.value).at("args")?.json().into()),
            _ => keep(extras, "functionCall", &field),
        }
    }
    call.name = name.ok_or_else(missing).at("name")?;
    Ok(PartBody::ToolUse(call).into())
}

fn response(value: Raw<'_>, extras: &mut Extras) -> Result<Part, Invalid> {
    let mut result = ToolResult {
        id: String::new(),
        parts: Vec::new(),
        is_error: false,
        custom: false,
        object: None,
    };
    let mut name = None;
    for field in fields(value)? {
        match &*field.name {
            "id" => result.id = field.value.want_string().at("id")?,
            "name" => name = Some(field.value.want_string().at("name")?),
            "response" => say(&mut result, object(field.value).at("response")?),
            "parts" => result.parts.extend(media_parts(field.value).at("parts")?),
            _ => keep(extras, "functionResponse", &field),
        }
    }
    let name = name.ok_or_else(missing).at("name")?;
    note(extras, NAME, RawJson::string(&name));
    Ok(PartBody::ToolResult(result).into())
}

/// Takes the object that a function returned. By convention (google-genai, `types.FunctionResponse`) the
/// output stands under `output` and what went wrong under `error`; `result` is what its SDK writes.
/// Any other object is the output as a whole.
fn say(result: &mut ToolResult, object: Raw<'_>) {
    let [output, error] = object.pick(["output", "error"]);
    result.is_error = error.is_some() && output.is_none();
    let mut members = object.members();
    let single = members.next().filter(|_| members.next().is_none());
    let said = match single {
        Some((name, value)) if matches!(&*name, "output" | "result" | "error") => value,
        _ => object,
    };
    let text = said
        .text()
        .map_or_else(|| said.json().to_owned(), Into::into);
    let text = Part::text(text).at(Place::member("functionResponse.response"));
    result.parts.insert(0, text);
    result.object = Some(object.into());
}

/// The pictures and documents beside the object, from Gemini 3 on.
fn media_parts(list: Raw<'_>) -> Result<Vec<Part>, Invalid> {
    let part = |(index, item)| {
        let read = read(item, Place::item("functionResponse.parts", index)).at_index(index)?;
        Ok(read.part.unwrap_or_else(|| opaque("empty", item)))
    };
    items(list).map(part).collect()
}

fn object(value: Raw<'_>) -> Result<Raw<'_>, Invalid> {
    if value.kind() == Some(JsonKind::Object) {
        return Ok(value);
    }
    let found = value.kind().unwrap_or(JsonKind::Null);
    Err(Invalid::here(format!("is {found}; make it an object")))
}

fn missing() -> Invalid {
    Invalid::here("is missing")
}
