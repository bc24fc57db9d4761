//! Writes the parts of an answer, one by one.

use crate::canonical::{Media, Part, PartBody, Place, Reasoning, ToolUse};
use crate::json::{ObjectWriter, Writer};
use crate::{Dialect, Losses};

use super::super::carry::write;
use super::super::media::wire;
use super::super::signature::mark;
use super::super::written::{Arguments, id_of};

/// What stands between the sections of other models' thoughts.
pub(in crate::gemini) const SECTION_BREAK: &str = "\n\n";

/// The parts of a candidate that is being written.
#[derive(Debug, Default)]
pub(in crate::gemini) struct Said {
    /// A signature that belongs on the next part.
    proof: Option<String>,
    pub(in crate::gemini) parts: Vec<String>,
}

impl Said {
    /// Adds a part that is whole.
    pub(in crate::gemini) fn part(&mut self, part: &Part, losses: &mut Losses) {
        let places = [Place::member("answer"), part.at];
        let own = losses.within_one_dialect();
        if !own {
            losses.dropped_extras(&places, &part.extras);
        }
        match &part.body {
            PartBody::Text { text, .. } => self.text(text, own.then_some(part)),
            PartBody::Refusal { text } => {
                losses.approximated(&places);
                self.text(text, None);
            }
            PartBody::Image(media) | PartBody::Audio(media) | PartBody::Document(media) => {
                self.media(part, media, losses);
            }
            PartBody::ToolUse(call) => self.call(part, call, losses),
            PartBody::Reasoning(thoughts) => {
                self.thoughts(thoughts, losses.from(), own.then_some(part));
            }
            PartBody::Opaque { origin, raw, .. } if *origin == Dialect::Gemini => {
                self.flush_proof();
                self.parts.push(raw.as_str().to_owned());
            }
            PartBody::Opaque { .. } | PartBody::ToolResult(_) => losses.dropped(&places),
        }
    }

    /// Adds text; `beside` is the part whose other members belong to it.
    pub(in crate::gemini) fn text(&mut self, text: &str, beside: Option<&Part>) {
        self.put(beside, |object| object.text("text", text));
    }

    /// The signature that waits gets a part of its own if nothing follows.
    pub(in crate::gemini) fn flush_proof(&mut self) {
        if self.proof.is_some() {
            self.put(None, |object| object.text("text", ""));
        }
    }

    fn put(&mut self, beside: Option<&Part>, fill: impl FnOnce(&mut ObjectWriter<'_>)) {
        let proof = self.proof.take();
        self.parts.push(Writer::object(|object| {
            fill(object);
            object.text_if("thoughtSignature", proof.as_deref());
            if let Some(part) = beside {
                write(object, "", &part.extras);
            }
        }));
    }

    fn media(&mut self, part: &Part, media: &Media, losses: &mut Losses) {
        let own = losses.within_one_dialect();
        let Some(wire) = wire(&part.body, media) else {
            return losses.dropped(&[Place::member("answer"), part.at]);
        };
        let wire = if own { wire.given_by(media) } else { wire };
        self.put(own.then_some(part), |object| {
            wire.write(object, |inner, name| {
                if own {
                    write(inner, name, &part.extras);
                }
            });
        });
    }

    fn call(&mut self, part: &Part, call: &ToolUse, losses: &mut Losses) {
        let arguments = Arguments::of(&call.input);
        if arguments.approximated {
            losses.approximated(&[Place::member("answer"), part.at]);
        }
        let own = losses.within_one_dialect();
        self.put(own.then_some(part), |object| {
            object.object("functionCall", |object| {
                object.text_if("id", id_of(part, &call.id).as_deref());
                object.text("name", &call.name);
                object.raw("args", &arguments.json);
                if own {
                    write(object, "functionCall", &part.extras);
                }
            });
        });
    }

    /// Adds thoughts that are whole. Gemini's own come in a part for each section, with the signature where it
    /// was; another model's in one, with their proof behind them, as a stream must send it.
    fn thoughts(&mut self, thoughts: &Reasoning, from: Dialect, beside: Option<&Part>) {
        self.flush_proof();
        if thoughts.origin != Some(Dialect::Gemini) {
            if !thoughts.texts.is_empty() {
                self.thought(&thoughts.texts.join(SECTION_BREAK), None, None);
            }
            return self.end_thoughts(thoughts, from);
        }
        let (last, others) = match thoughts.texts.split_last() {
            Some((last, others)) => (Some(&**last), others),
            None => (thoughts.encrypted.as_ref().map(|_| ""), &[][..]),
        };
        for text in others {
            self.thought(text, None, beside);
        }
        if let Some(text) = last {
            self.thought(text, thoughts.encrypted.as_deref(), beside);
        }
        self.proof.clone_from(&thoughts.signature);
    }

    /// Adds the proof of thoughts whose text is there already: whose they are, if they are not Gemini's.
    pub(in crate::gemini) fn end_thoughts(&mut self, thoughts: &Reasoning, from: Dialect) {
        if thoughts.origin == Some(Dialect::Gemini) {
            if let Some(signature) = &thoughts.encrypted {
                self.thought("", Some(signature), None);
            }
            self.proof.clone_from(&thoughts.signature);
        } else {
            self.thought("", Some(&mark(thoughts, from)), None);
        }
    }

    /// Adds a part of thoughts.
    pub(in crate::gemini) fn thought(
        &mut self,
        text: &str,
        signature: Option<&str>,
        beside: Option<&Part>,
    ) {
        self.flush_proof();
        self.put(beside, |object| {
            object.text("text", text);
            object.flag("thought", true);
            object.text_if("thoughtSignature", signature);
        });
    }
}
