//! Writes the parts of a content, one by one.

use std::collections::HashMap;

use crate::canonical::{
    Field, Media, MediaSource, Part, PartBody, Place, Reasoning, Request, Role, ToolUse, Turn, path,
};
use crate::json::{ObjectWriter, Writer};
use crate::{Dialect, Inexpressible, Losses, Target};

use super::super::carry::write;
use super::super::lost::{Lost, mark_of_part};
use super::super::media::{unreachable, wire};
use super::super::signature::FOREIGN_CALL;
use super::super::written::{Arguments, id_of, tool_name};
use super::results;

/// One content that is being written.
pub(super) struct Content<'a, 't> {
    pub(super) request: &'a Request,
    /// The names of the functions that were called, by the ids of the calls.
    pub(super) names: &'a HashMap<&'a str, &'a str>,
    pub(super) target: &'a Target<'t>,
    pub(super) losses: &'a mut Losses,
    /// Client and provider both speak this dialect.
    pub(super) own: bool,
    /// The first call must bear a signature, be it a stand-in.
    pub(super) needs_proof: bool,
    /// A signature that belongs on the next part.
    proof: Option<String>,
    /// Results stand before everything else.
    pub(super) results: Vec<String>,
    pub(super) parts: Vec<String>,
}

impl<'a, 't> Content<'a, 't> {
    pub(super) fn new(
        request: &'a Request,
        names: &'a HashMap<&'a str, &'a str>,
        target: &'a Target<'t>,
        losses: &'a mut Losses,
    ) -> Self {
        Self {
            request,
            names,
            target,
            own: losses.within_one_dialect(),
            losses,
            needs_proof: false,
            proof: None,
            results: Vec::new(),
            parts: Vec::new(),
        }
    }

    pub(super) fn turn(&mut self, turn: &Turn) -> Result<(), Inexpressible> {
        if !self.own {
            self.losses.dropped_extras(&[turn.at], &turn.extras);
            if turn.name.is_some() {
                self.losses.dropped(&[turn.at, Place::member("name")]);
            }
        }
        for part in &turn.parts {
            self.part(turn, part)?;
        }
        self.flush_proof();
        Ok(())
    }

    fn part(&mut self, turn: &Turn, part: &Part) -> Result<(), Inexpressible> {
        let places = [turn.at, part.at];
        self.lose_what_is_beside(&places, part);
        match &part.body {
            PartBody::Text { text, citations } => {
                if !citations.is_empty() {
                    self.lose_field(&places, Field::Citations);
                }
                self.say(turn.role, &places, text, part);
            }
            PartBody::Refusal { text } => {
                self.losses.approximated(&places);
                self.say(turn.role, &places, text, part);
            }
            PartBody::Image(media) | PartBody::Audio(media) | PartBody::Document(media) => {
                let written = self.media(&places, part, media)?;
                self.parts.push(written);
            }
            PartBody::ToolUse(call) => self.call(&places, part, call),
            PartBody::ToolResult(result) => results::encode(self, &places, part, result)?,
            PartBody::Reasoning(thoughts) => self.thoughts(&places, part, thoughts),
            PartBody::Opaque { origin, raw, .. } if *origin == Dialect::Gemini => {
                self.flush_proof();
                self.parts.push(raw.as_str().to_owned());
            }
            PartBody::Opaque { .. } => self.losses.dropped(&places),
        }
        Ok(())
    }

    pub(super) fn lose_what_is_beside(&mut self, places: &[Place], part: &Part) {
        if !self.own {
            self.losses.dropped_extras(places, &part.extras);
            if part.cache.is_some() {
                let mark = mark_of_part(places, self.losses.from(), &part.extras);
                self.losses.dropped(&mark);
            }
        }
    }

    fn lose_field(&mut self, places: &[Place], field: Field) {
        let mut path = places.to_vec();
        path.push(self.request.place(field));
        self.losses.dropped(&path);
    }

    pub(super) fn lose(&mut self, places: &[Place], what: Lost) {
        let mut path = places.to_vec();
        path.push(what.at(self.losses.from()));
        self.losses.dropped(&path);
    }

    /// Text. The application's own words in the middle of a conversation have no role here, so they are
    /// marked as what they are.
    fn say(&mut self, role: Role, places: &[Place], text: &str, part: &Part) {
        if matches!(role, Role::System | Role::Developer) {
            self.losses.approximated(places);
            let marked = format!("<system>{text}</system>");
            self.put(part, |object| object.text("text", &marked));
        } else if self.own || !text.is_empty() {
            // An empty part is refused; one that only keeps a place in its own dialect stays.
            self.put(part, |object| object.text("text", text));
        }
    }

    /// Adds a part with the signature that waits for it.
    fn put(&mut self, part: &Part, fill: impl FnOnce(&mut ObjectWriter<'_>)) {
        let proof = self.proof.take();
        self.parts.push(Writer::object(|object| {
            fill(object);
            object.text_if("thoughtSignature", proof.as_deref());
            if self.own {
                write(object, "", &part.extras);
            }
        }));
    }

    /// A signature with nothing to stand on gets a part of its own, as Gemini itself sends it at the end of a stream.
    fn flush_proof(&mut self) {
        if let Some(proof) = self.proof.take() {
            self.parts.push(Writer::object(|object| {
                object.text("text", "");
                object.text("thoughtSignature", &proof);
            }));
        }
    }

    fn call(&mut self, places: &[Place], part: &Part, call: &ToolUse) {
        let arguments = Arguments::of(&call.input);
        if arguments.approximated {
            self.losses.approximated(places);
        }
        if std::mem::take(&mut self.needs_proof) && self.proof.is_none() {
            self.proof = Some(FOREIGN_CALL.to_owned());
        }
        let id = id_of(part, &call.id);
        let own = self.own;
        self.put(part, |object| {
            object.object("functionCall", |object| {
                object.text_if("id", id.as_deref());
                object.text("name", &tool_name(own, &call.name));
                object.raw("args", &arguments.json);
                if own {
                    write(object, "functionCall", &part.extras);
                }
            });
        });
    }

    /// Gemini's own thoughts return as they came: the text in parts of its own, the signature on what it signs.
    /// Proof of other providers' thoughts would be refused, and thoughts without proof are not Gemini's.
    fn thoughts(&mut self, places: &[Place], part: &Part, thoughts: &Reasoning) {
        if thoughts.origin != Some(Dialect::Gemini) {
            self.losses.dropped(places);
            return;
        }
        self.flush_proof();
        let mut texts: Vec<&str> = thoughts.texts.iter().map(String::as_str).collect();
        if texts.is_empty() && thoughts.encrypted.is_some() {
            texts.push("");
        }
        let last = texts.len();
        for (index, text) in texts.into_iter().enumerate() {
            let proof = thoughts.encrypted.as_deref().filter(|_| index + 1 == last);
            self.put(part, |object| {
                object.text("text", text);
                object.flag("thought", true);
                object.text_if("thoughtSignature", proof);
            });
        }
        self.proof.clone_from(&thoughts.signature);
    }

    /// A picture, recording or document as a part.
    pub(super) fn media(
        &mut self,
        places: &[Place],
        part: &Part,
        media: &Media,
    ) -> Result<String, Inexpressible> {
        let unsendable = |problem: &str| Inexpressible::new(path(places), problem);
        let wire = wire(&part.body, media).ok_or_else(|| {
            unsendable("lies in another provider's file store; send the bytes in base64")
        })?;
        let proof = self.proof.take();
        if self.own {
            let wire = wire.given_by(media);
            return Ok(Writer::object(|object| {
                wire.write(object, |inner, name| write(inner, name, &part.extras));
                object.text_if("thoughtSignature", proof.as_deref());
                write(object, "", &part.extras);
            }));
        }
        if let MediaSource::Url(url) = &media.source
            && let Some(problem) = unreachable(url, self.target.model)
        {
            return Err(unsendable(problem));
        }
        if wire.guessed {
            self.losses.defaulted("mimeType");
        }
        if media.name.is_some() {
            self.lose(places, Lost::MediaName);
        }
        if media.detail.is_some() {
            self.lose(places, Lost::Detail);
        }
        let wire = wire.nameless();
        Ok(Writer::object(|object| {
            wire.write(object, |_, _| {});
            object.text_if("thoughtSignature", proof.as_deref());
        }))
    }
}
