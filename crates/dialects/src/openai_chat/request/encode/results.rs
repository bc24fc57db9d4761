//! What tools returned.

use std::borrow::Cow;

use super::calls::target_id;
use super::content::{self, Entry, Form, Takes};
use super::messages::{note_frame, write_frame};
use super::{Scope, marks};
use crate::canonical::{Part, PartBody, Place, ToolResult, Turn};
use crate::json::ListWriter;
use crate::{Dialect, Losses};

/// The results of one message's calls. Their pictures and files, for which a tool's message has no room, follow
/// in a message of the user.
#[derive(Debug)]
pub(super) struct Results<'a> {
    scope: Scope<'a>,
    form: Form,
    media: Vec<Entry<'a>>,
}

impl<'a> Results<'a> {
    pub(super) const fn new(scope: Scope<'a>, form: Form) -> Self {
        Self {
            scope,
            form,
            media: Vec::new(),
        }
    }

    /// Writes the message of one result.
    pub(super) fn write(
        &mut self,
        list: &mut ListWriter<'_>,
        turn: &'a Turn,
        part: &'a Part,
        losses: &mut Losses,
    ) {
        let PartBody::ToolResult(result) = &part.body else {
            return;
        };
        let mut entries = self.entries(turn, part, result, losses);
        let mark = marks::of(&self.scope, &[turn.at, part.at], part, losses);
        if let Some(last) = entries.last_mut() {
            last.mark(mark);
        }
        if result.is_error {
            let name = match self.scope.request.origin {
                Dialect::Gemini => "functionResponse.response.error",
                _ => "is_error",
            };
            losses.approximated(&[turn.at, part.at, Place::member(name)]);
        }
        if !self.scope.own {
            losses.dropped_extras(&[turn.at, part.at], &part.extras);
            note_frame(turn, losses);
        }
        self.write_message(list, turn, part, result, &entries);
    }

    fn write_message(
        &self,
        list: &mut ListWriter<'_>,
        turn: &Turn,
        part: &Part,
        result: &ToolResult,
        entries: &[Entry<'_>],
    ) {
        let old = self.scope.own && part.at.member == "name";
        list.object(|message| {
            if old {
                message.text("role", "function");
                message.text_if("name", self.scope.names.get(&*result.id).copied());
            } else {
                message.text("role", "tool");
                message.text("tool_call_id", &target_id(&self.scope, &result.id));
                message.text_if("name", turn.name.as_deref().filter(|_| self.scope.own));
            }
            if entries.is_empty() && !self.scope.own {
                message.text("content", "");
            } else {
                content::write(message, entries, self.form);
            }
            if self.scope.own {
                write_frame(message, turn);
            }
        });
    }

    /// The text of a result. What is no text is put aside, with a word in its place if there is nothing else.
    fn entries(
        &mut self,
        turn: &'a Turn,
        part: &'a Part,
        result: &'a ToolResult,
        losses: &mut Losses,
    ) -> Vec<Entry<'a>> {
        let takes = Takes::Media;
        let scope = self.scope;
        let mut entries = Vec::new();
        let media = self.media.len();
        for inner in &result.parts {
            let path = [turn.at, part.at, inner.at];
            let Some(entry) = content::entry(&scope, &path, inner, takes, losses) else {
                continue;
            };
            if scope.own || entry.as_text().is_some() {
                entries.push(entry);
                continue;
            }
            losses.approximated(&path);
            if self.media.len() == media {
                self.media
                    .push(Entry::note(origin_note(&scope, &result.id)));
            }
            self.media.push(entry);
        }
        match &result.object {
            Some(object) if result.parts.is_empty() => {
                entries.push(Entry::note(object.as_str()));
            }
            _ if scope.own || !entries.is_empty() || result.parts.is_empty() => {}
            _ if self.media.len() > media => {
                entries.push(Entry::note("[The result follows in the next message.]"));
            }
            _ => entries.push(Entry::note(
                "[The tool returned what this model cannot take.]",
            )),
        }
        entries
    }

    /// Writes what was put aside.
    pub(super) fn write_media(self, list: &mut ListWriter<'_>) {
        if self.media.is_empty() {
            return;
        }
        list.object(|message| {
            message.text("role", "user");
            content::write(message, &self.media, Form::Parts);
        });
    }
}

/// Tells the model where the pictures behind it come from.
fn origin_note<'a>(scope: &Scope<'a>, id: &str) -> Cow<'a, str> {
    let name = scope.names.get(id).copied().unwrap_or("the tool");
    format!("Returned by {name} (call {}):", target_id(scope, id)).into()
}
