//! The message of a choice that is written.

use super::super::inner;
use super::super::reasoning::Told;
use super::super::tool_calls::{
    ClientCall, ClientTools, signature_for_client, signature_of, write_signature,
};
use super::citations::{is_sayable, note_citation, write_annotation};
use super::{ANSWER, BETWEEN, BETWEEN_CHARS};
use crate::canonical::{Citation, Extras, Media, MediaSource, Part, PartBody, ToolInput, ToolUse};
use crate::json::{ListWriter, ObjectWriter};
use crate::media::data_url;
use crate::{Losses, RawJson};

/// What a message holds, gathered from the parts of a choice.
#[derive(Default)]
pub(super) struct Message<'a> {
    content: Option<String>,
    /// Citations, and where the text that they belong to stands in `content`, in characters.
    citations: Vec<(&'a Citation, (u64, u64))>,
    chars: u64,
    /// Whether something stood behind the last text.
    apart: bool,
    refusal: Option<String>,
    thoughts: Told,
    thoughts_name: Option<&'static str>,
    audio: Option<&'a RawJson>,
    images: Vec<String>,
    calls: Vec<Call<'a>>,
    signature: Option<&'a Part>,
}

enum Call<'a> {
    Made {
        call: &'a ToolUse,
        extras: &'a Extras,
        signature: Option<&'a Part>,
        old: bool,
    },
    Raw(&'a RawJson),
}

impl<'a> Message<'a> {
    /// Gathers the parts of a choice.
    pub(super) fn gather(parts: &'a [Part], tools: &ClientTools, losses: &mut Losses) -> Self {
        let mut message = Self::default();
        for part in parts {
            if !matches!(part.body, PartBody::ToolUse(_)) {
                message.keep_signature();
            }
            message.add(part, tools, losses);
        }
        message.keep_signature();
        message
    }

    fn add(&mut self, part: &'a Part, tools: &ClientTools, losses: &mut Losses) {
        let path = [ANSWER, part.at];
        let own = losses.within_one_dialect();
        self.apart |= !matches!(part.body, PartBody::Text { .. });
        match &part.body {
            PartBody::Text { text, citations } => self.say(part, text, citations, losses),
            PartBody::Refusal { text } => self.refusal.get_or_insert_default().push_str(text),
            PartBody::Reasoning(_) if signature_of(part).is_some() => self.signature = Some(part),
            PartBody::Reasoning(thoughts) => {
                let foreign = (!own).then(|| losses.from());
                self.thoughts.add(thoughts, foreign);
                if own && part.at.member.ends_with(".reasoning") {
                    self.thoughts_name = Some("reasoning");
                }
            }
            PartBody::ToolUse(call) => self.call(part, call, tools, losses),
            PartBody::Image(media) => match image_url(media) {
                Some(url) => self.images.push(url),
                None => losses.dropped(&path),
            },
            PartBody::Opaque { raw, .. } if own && part.at.member.ends_with("tool_calls") => {
                self.calls.push(Call::Raw(raw));
            }
            PartBody::Opaque { raw, kind, .. } if own && kind == "audio" => self.audio = Some(raw),
            PartBody::Audio(_)
            | PartBody::Document(_)
            | PartBody::ToolResult(_)
            | PartBody::Opaque { .. } => losses.dropped(&path),
        }
        if !own {
            losses.dropped_extras(&path, &part.extras);
        }
    }

    fn say(&mut self, part: &'a Part, text: &str, citations: &'a [Citation], losses: &mut Losses) {
        let content = self.content.get_or_insert_default();
        if std::mem::take(&mut self.apart) && !content.is_empty() {
            content.push_str(BETWEEN);
            self.chars += BETWEEN_CHARS;
        }
        content.push_str(text);
        let start = self.chars;
        self.chars += u64::try_from(text.chars().count()).unwrap_or(u64::MAX);
        for citation in citations {
            note_citation(part.at, citation, losses);
            self.citations.push((citation, (start, self.chars)));
        }
    }

    fn call(
        &mut self,
        part: &'a Part,
        call: &'a ToolUse,
        tools: &ClientTools,
        losses: &mut Losses,
    ) {
        let own = losses.within_one_dialect();
        let old = tools.old || (own && part.at.member.ends_with("function_call"));
        if old && !self.calls.is_empty() {
            losses.dropped(&[ANSWER, part.at]);
            return;
        }
        note_call(part, call, tools, losses);
        self.calls.push(Call::Made {
            call,
            extras: &part.extras,
            signature: self.signature.take(),
            old,
        });
    }

    /// A signature that no call follows travels with the thoughts.
    fn keep_signature(&mut self) {
        if let Some(thoughts) = self.signature.take().and_then(Part::as_reasoning) {
            self.thoughts.add(thoughts, None);
        }
    }

    /// Writes the members.
    pub(super) fn write(&self, message: &mut ObjectWriter<'_>, tools: &ClientTools, own: bool) {
        message.text("role", "assistant");
        message.text_or_null("content", self.content.as_deref());
        message.text_or_null("refusal", self.refusal.as_deref());
        self.thoughts
            .write(message, self.thoughts_name.unwrap_or("reasoning_content"));
        if self
            .citations
            .iter()
            .any(|(citation, _)| is_sayable(citation))
        {
            message.list("annotations", |list| {
                for (citation, text) in &self.citations {
                    write_annotation(list, citation, *text);
                }
            });
        }
        message.raw_if("audio", self.audio);
        if !self.images.is_empty() {
            message.list("images", |list| {
                self.images.iter().for_each(|url| write_image(list, url));
            });
        }
        self.write_calls(message, tools, own);
    }

    fn write_calls(&self, message: &mut ObjectWriter<'_>, tools: &ClientTools, own: bool) {
        if let Some(Call::Made {
            call, old: true, ..
        }) = self.calls.first()
        {
            message.object("function_call", |function| {
                function.text("name", &call.name);
                function.text("arguments", call.input.as_str());
            });
        } else if !self.calls.is_empty() {
            message.list("tool_calls", |list| {
                self.calls
                    .iter()
                    .for_each(|call| call.write(list, tools, own));
            });
        }
    }
}

/// What is lost of a call: a client who never named a custom tool cannot take its free text as such.
pub(in super::super) fn note_call(
    part: &Part,
    call: &ToolUse,
    tools: &ClientTools,
    losses: &mut Losses,
) {
    let wrapped = matches!(call.input, ToolInput::Text(_)) && !tools.is_custom(&call.name);
    if wrapped && !losses.within_one_dialect() {
        losses.approximated(&[ANSWER, part.at]);
    }
}

/// A picture that a model made, as a URL.
pub(in super::super) fn image_url(media: &Media) -> Option<String> {
    match &media.source {
        MediaSource::Base64(data) => Some(data_url(media.media_type.as_deref(), data)),
        MediaSource::Url(url) => Some(url.clone()),
        MediaSource::File(_) | MediaSource::Text(_) => None,
    }
}

/// Writes one of `images`.
pub(in super::super) fn write_image(list: &mut ListWriter<'_>, url: &str) {
    list.object(|image| {
        image.text("type", "image_url");
        image.object("image_url", |inner| inner.text("url", url));
    });
}

impl Call<'_> {
    fn write(&self, list: &mut ListWriter<'_>, tools: &ClientTools, own: bool) {
        match self {
            Self::Raw(raw) => list.raw(raw.as_str()),
            Self::Made {
                call,
                extras,
                signature,
                ..
            } => list.object(|object| {
                object.text("id", &call.id);
                write_kind(object, &tools.call(call), &call.name);
                let thoughts = signature.and_then(Part::as_reasoning);
                if let Some(sealed) = thoughts.and_then(|found| signature_for_client(found, own)) {
                    write_signature(object, &sealed);
                }
                if own {
                    inner::write_outer(object, extras, &[]);
                }
            }),
        }
    }
}

fn write_kind(object: &mut ObjectWriter<'_>, call: &ClientCall<'_>, name: &str) {
    match call {
        ClientCall::Function(arguments) => {
            object.text("type", "function");
            object.object("function", |function| {
                function.text("name", name);
                function.text("arguments", arguments);
            });
        }
        ClientCall::Custom(input) => {
            object.text("type", "custom");
            object.object("custom", |custom| {
                custom.text("name", name);
                custom.text("input", input);
            });
        }
    }
}
