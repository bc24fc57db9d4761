//! The items of an answer.

use crate::canonical::{Extras, ToolInput};
use crate::json::{ListWriter, ObjectWriter};
use crate::{Dialect, RawJson};

/// An item as far as it has come.
#[derive(Debug)]
pub(in crate::openai_responses) struct Item {
    /// Its id; empty for items that are written as they came.
    pub(super) id: String,
    pub(super) body: Body,
    /// Members that only this dialect knows.
    pub(super) extras: Extras,
}

/// The kinds of items.
#[derive(Debug)]
pub(super) enum Body {
    Message(Vec<Content>),
    Call {
        call_id: String,
        name: String,
        input: ToolInput,
    },
    Reasoning(Thoughts),
    /// As its own dialect writes it.
    Raw(RawJson),
}

/// The thoughts of an item.
#[derive(Debug, Default)]
pub(super) struct Thoughts {
    pub(super) summary: Vec<String>,
    pub(super) content: Vec<String>,
    pub(super) encrypted: Option<String>,
}

/// What a message is made of.
#[derive(Debug)]
pub(super) struct Content {
    pub(super) body: Said,
    pub(super) extras: Extras,
}

#[derive(Debug)]
pub(super) enum Said {
    Text {
        text: String,
        annotations: Vec<RawJson>,
        logprobs: Vec<RawJson>,
    },
    Refusal(String),
    /// As its own dialect writes it.
    Raw(RawJson),
}

/// How far an item is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::openai_responses) enum Status {
    /// It goes on.
    InProgress,
    /// It is whole.
    Completed,
    /// It was cut short.
    Incomplete,
}

impl Status {
    /// The word for it.
    pub(in crate::openai_responses) const fn as_str(self) -> &'static str {
        match self {
            Self::InProgress => "in_progress",
            Self::Completed => "completed",
            Self::Incomplete => "incomplete",
        }
    }
}

impl Item {
    /// Writes the item into the list of them.
    pub(in crate::openai_responses) fn write(&self, list: &mut ListWriter<'_>, status: Status) {
        match &self.body {
            Body::Raw(raw) => list.raw(raw.as_str()),
            _ => list.object(|object| self.members(object, status)),
        }
    }

    /// Writes the item as a member.
    pub(super) fn write_as(&self, object: &mut ObjectWriter<'_>, name: &str, status: Status) {
        match &self.body {
            Body::Raw(raw) => object.raw(name, raw.as_str()),
            _ => object.object(name, |object| self.members(object, status)),
        }
    }

    fn members(&self, object: &mut ObjectWriter<'_>, status: Status) {
        object.text("id", &self.id);
        match &self.body {
            Body::Message(content) => {
                object.text("type", "message");
                object.text("status", status.as_str());
                object.text("role", "assistant");
                object.list("content", |list| {
                    for part in content {
                        part.write(list);
                    }
                });
            }
            Body::Call {
                call_id,
                name,
                input,
            } => {
                object.text("type", input_kind(input).item);
                object.text("status", status.as_str());
                object.text("call_id", call_id);
                object.text("name", name);
                object.text(input_kind(input).member, input.as_str());
            }
            Body::Reasoning(thoughts) => {
                object.text("type", "reasoning");
                thoughts.members(object);
            }
            Body::Raw(_) => {}
        }
        object.extras(&self.extras);
    }
}

/// The words for the two kinds of calls.
pub(super) struct CallWords {
    pub(super) item: &'static str,
    pub(super) member: &'static str,
    pub(super) delta: &'static str,
    pub(super) done: &'static str,
    /// What ids of such items begin with.
    pub(super) prefix: &'static str,
}

pub(super) const fn input_kind(input: &ToolInput) -> CallWords {
    match input {
        ToolInput::Json(_) => CallWords {
            item: "function_call",
            member: "arguments",
            delta: "response.function_call_arguments.delta",
            done: "response.function_call_arguments.done",
            prefix: "fc",
        },
        ToolInput::Text(_) => CallWords {
            item: "custom_tool_call",
            member: "input",
            delta: "response.custom_tool_call_input.delta",
            done: "response.custom_tool_call_input.done",
            prefix: "ctc",
        },
    }
}

impl Thoughts {
    fn members(&self, object: &mut ObjectWriter<'_>) {
        object.list("summary", |list| {
            for text in &self.summary {
                list.object(|part| text_part(part, "summary_text", text));
            }
        });
        if !self.content.is_empty() {
            object.list("content", |list| {
                for text in &self.content {
                    list.object(|part| text_part(part, "reasoning_text", text));
                }
            });
        }
        object.text_if("encrypted_content", self.encrypted.as_deref());
    }
}

/// A part that is a text of some kind.
pub(super) fn text_part(part: &mut ObjectWriter<'_>, kind: &str, text: &str) {
    part.text("type", kind);
    part.text("text", text);
}

impl Content {
    fn write(&self, list: &mut ListWriter<'_>) {
        match &self.body {
            Said::Raw(raw) => list.raw(raw.as_str()),
            _ => list.object(|part| self.members(part)),
        }
    }

    /// Writes the part as the member `part` of an event.
    pub(super) fn write_as_part(&self, object: &mut ObjectWriter<'_>) {
        match &self.body {
            Said::Raw(raw) => object.raw("part", raw.as_str()),
            _ => object.object("part", |part| self.members(part)),
        }
    }

    fn members(&self, part: &mut ObjectWriter<'_>) {
        match &self.body {
            Said::Text {
                text,
                annotations,
                logprobs,
            } => {
                text_part(part, "output_text", text);
                raw_list(part, "annotations", annotations);
                raw_list(part, "logprobs", logprobs);
            }
            Said::Refusal(text) => {
                part.text("type", "refusal");
                part.text("refusal", text);
            }
            Said::Raw(_) => {}
        }
        part.extras(&self.extras);
    }
}

pub(super) fn raw_list(object: &mut ObjectWriter<'_>, name: &str, items: &[RawJson]) {
    object.list(name, |list| {
        for item in items {
            list.raw(item.as_str());
        }
    });
}

/// Where the encrypted thoughts of an item belong that is written for a client of this dialect.
pub(super) const OWN: Dialect = Dialect::OpenAiResponses;
