//! What the model said: thoughts, text, calls.

use std::borrow::Cow;

use super::super::super::inner;
use super::super::super::tool_calls::{EXTRA_CONTENT, signature_of};
use super::Scope;
use super::calls::{self, Call};
use super::content::{self, Entry, Form, Takes};
use super::messages::{note_frame, write_frame};
use crate::canonical::{Extras, Part, PartBody, Place, Reasoning, ReasoningMode, ToolUse, Turn};
use crate::json::ObjectWriter;
use crate::{Dialect, Losses, RawJson, ReasoningControl};

/// Everything that one message of the model holds.
#[derive(Debug, Default)]
pub(super) struct Spoken<'a> {
    content: Vec<Entry<'a>>,
    /// The text of thoughts, and the name of the member that holds it.
    thoughts: Option<(&'static str, Cow<'a, str>)>,
    calls: Vec<Call<'a>>,
    /// In the old way.
    old_call: Option<(&'a ToolUse, &'a Extras)>,
    refusal: Option<&'a str>,
    audio: Option<&'a RawJson>,
    /// The message, if a Chat client wrote it.
    frame: Option<&'a Turn>,
    /// A signature for the call that follows it directly, and its place.
    signature: Option<(&'a str, [Place; 3])>,
}

impl<'a> Spoken<'a> {
    /// Gathers what stands in these turns.
    pub(super) fn gather(scope: &Scope<'a>, turns: &'a [Turn], losses: &mut Losses) -> Self {
        let mut spoken = Self::default();
        for turn in turns {
            for part in &turn.parts {
                spoken.add(scope, turn, part, losses);
            }
            if scope.own {
                spoken.frame = Some(turn);
            } else {
                note_frame(turn, losses);
            }
        }
        spoken.drop_signature(losses);
        if spoken.misses_thoughts(scope) {
            spoken.thoughts = Some(("reasoning_content", Cow::Borrowed("")));
        }
        spoken
    }

    /// Whether nothing would be said.
    pub(super) fn is_empty(&self) -> bool {
        self.content.is_empty()
            && self.thoughts.is_none()
            && self.calls.is_empty()
            && self.refusal.is_none()
    }

    /// The ids of the calls, as the client wrote them.
    pub(super) fn call_ids(&self) -> impl Iterator<Item = &'a str> {
        self.calls.iter().filter_map(|call| match call {
            Call::Made { call, .. } => Some(&*call.id),
            Call::Raw(_) => None,
        })
    }

    fn add(&mut self, scope: &Scope<'a>, turn: &'a Turn, part: &'a Part, losses: &mut Losses) {
        let path = [turn.at, part.at];
        match &part.body {
            PartBody::Reasoning(thoughts) => {
                self.drop_signature(losses);
                match signature_of(part).and_then(|found| found.signature.as_deref()) {
                    Some(_) if refuses_signature(scope, part) => {
                        losses.dropped(&signature_path(scope, path));
                    }
                    Some(signature) => {
                        self.signature = Some((signature, signature_path(scope, path)));
                    }
                    None => self.think(scope, path, part.at.member, thoughts, losses),
                }
            }
            PartBody::ToolUse(call) => self.call(scope, path, part, call, losses),
            PartBody::Opaque { raw, .. } if scope.own && part.at.member == "tool_calls" => {
                self.calls.push(Call::Raw(raw));
            }
            PartBody::Opaque { raw, .. } if scope.own && part.at.member == "audio" => {
                self.audio = Some(raw);
            }
            PartBody::Refusal { text } if scope.profile.openai_fields && !is_listed(part) => {
                self.refusal = Some(text);
            }
            _ => self.say(scope, path, part, losses),
        }
    }

    fn say(&mut self, scope: &Scope<'a>, path: [Place; 2], part: &'a Part, losses: &mut Losses) {
        self.drop_signature(losses);
        let entry = content::entry(scope, &path, part, Takes::Text, losses);
        // Chat has text before calls only.
        if entry.is_some() && !self.calls.is_empty() {
            losses.approximated(&path);
        }
        self.content.extend(entry);
    }

    /// Thoughts are returned as text to servers that want them. Whatever proves them stays behind: no
    /// Chat server knows it.
    fn think(
        &mut self,
        scope: &Scope<'a>,
        path: [Place; 2],
        member: &'static str,
        thoughts: &'a Reasoning,
        losses: &mut Losses,
    ) {
        let proven = thoughts.signature.is_some() || thoughts.encrypted.is_some();
        let foreign = thoughts
            .origin
            .is_some_and(|origin| origin != Dialect::OpenAiChat);
        let verbatim = scope.own && !proven && !foreign;
        let wanted = verbatim || scope.profile.reasoning_content;
        if !wanted || thoughts.texts.is_empty() {
            losses.dropped(&path);
            return;
        }
        if proven {
            losses.approximated(&path);
        }
        let text = match &*thoughts.texts {
            [only] => Cow::Borrowed(&**only),
            texts => Cow::Owned(texts.join("\n\n")),
        };
        self.thoughts = Some(match self.thoughts.take() {
            Some((name, before)) => (name, format!("{before}\n\n{text}").into()),
            None if verbatim => (member, text),
            None => ("reasoning_content", text),
        });
    }

    fn call(
        &mut self,
        scope: &Scope<'a>,
        path: [Place; 2],
        part: &'a Part,
        call: &'a ToolUse,
        losses: &mut Losses,
    ) {
        if scope.own && part.at.member == "function_call" {
            self.old_call = Some((call, &part.extras));
            return;
        }
        calls::note_losses(scope, &path, part, call, losses);
        let signature = self.signature.take().map(|(signature, _)| signature);
        self.calls.push(Call::Made {
            call,
            extras: &part.extras,
            signature,
        });
    }

    fn drop_signature(&mut self, losses: &mut Losses) {
        if let Some((_, path)) = self.signature.take() {
            losses.dropped(&path);
        }
    }

    /// DeepSeek refuses calls of a tool loop whose thoughts are not returned, even where the model that made
    /// them showed none.
    fn misses_thoughts(&self, scope: &Scope<'_>) -> bool {
        let off = scope.request.reasoning.mode == Some(ReasoningMode::Disabled);
        let wanted = scope.profile.reasoning == ReasoningControl::DeepSeek && !off;
        wanted && !scope.own && self.thoughts.is_none() && !self.calls.is_empty()
    }

    /// Writes the message.
    pub(super) fn write(&self, message: &mut ObjectWriter<'_>, scope: &Scope<'_>, form: Form) {
        message.text("role", "assistant");
        if let Some((name, text)) = &self.thoughts {
            message.text(name, text);
        }
        if self.content.is_empty() {
            // Some servers insist on the member.
            message.null("content");
        } else {
            content::write(message, &self.content, form);
        }
        message.text_if("refusal", self.refusal);
        message.raw_if("audio", self.audio);
        if !self.calls.is_empty() {
            message.list("tool_calls", |list| {
                self.calls.iter().for_each(|call| call.write(list, scope));
            });
        }
        if let Some((call, extras)) = self.old_call {
            message.object("function_call", |function| {
                function.text("name", &call.name);
                function.text("arguments", call.input.as_str());
                inner::write(function, extras, "function");
            });
        }
        if let Some(turn) = self.frame {
            message.text_if("name", turn.name.as_deref());
            write_frame(message, turn);
        }
    }
}

fn is_listed(part: &Part) -> bool {
    part.at.member == "content" && part.at.index.is_some()
}

/// OpenAI knows no member for Google's signatures. A Chat client was given it with an answer of Gemini's, unless
/// it wrote it itself.
fn refuses_signature(scope: &Scope<'_>, part: &Part) -> bool {
    let its_own = scope.own && inner::noted(&part.extras, EXTRA_CONTENT).is_some();
    scope.profile.openai_fields && !its_own
}

/// Gemini's signatures stand on the part that follows from the thoughts.
fn signature_path(scope: &Scope<'_>, [turn, part]: [Place; 2]) -> [Place; 3] {
    let member = match scope.request.origin {
        Dialect::Gemini => "thoughtSignature",
        _ => "",
    };
    [turn, part, Place::member(member)]
}
