//! The form in which a call is told to a client.

use super::super::tool_calls::{ClientTools, unwrap_input};
use super::frames::Frames;
use crate::canonical::{ToolInput, ToolUse};
use crate::json::ObjectWriter;
use crate::{Losses, json_string};

/// Where a choice speaks.
#[derive(Debug)]
pub(super) struct Teller<'a> {
    pub(super) frames: &'a Frames,
    pub(super) tools: &'a ClientTools,
    pub(super) out: &'a mut String,
    pub(super) losses: &'a mut Losses,
}

/// How a call is told.
#[derive(Debug)]
pub(super) enum Form {
    /// As it comes.
    Function,
    /// Free text, as the `input` of a function.
    Wrapped,
    /// Free text of a custom tool.
    Custom,
    /// The arguments of the function that stands for a custom tool: its text is told once it is whole.
    Unwrapped(String),
    /// The old way.
    Old,
}

impl Teller<'_> {
    /// A piece of a choice.
    pub(super) fn delta(&mut self, choice: u32, fill: impl FnOnce(&mut ObjectWriter<'_>)) {
        self.frames.delta(self.out, choice, fill);
    }

    /// A piece of one of `tool_calls`.
    fn call(&mut self, choice: u32, index: u64, fill: impl FnOnce(&mut ObjectWriter<'_>)) {
        self.delta(choice, |delta| {
            delta.list("tool_calls", |list| {
                list.object(|call| {
                    call.count("index", index);
                    fill(call);
                });
            });
        });
    }

    fn arguments(&mut self, choice: u32, index: u64, text: &str) {
        self.call(choice, index, |call| {
            call.object("function", |function| function.text("arguments", text));
        });
    }

    fn input(&mut self, choice: u32, index: u64, text: &str) {
        self.call(choice, index, |call| {
            call.object("custom", |custom| custom.text("input", text));
        });
    }

    fn old(&mut self, choice: u32, text: &str) {
        self.delta(choice, |delta| {
            delta.object("function_call", |function| function.text("arguments", text));
        });
    }
}

impl Form {
    /// The form for a call.
    pub(super) fn of(call: &ToolUse, tools: &ClientTools) -> Self {
        match (&call.input, tools.is_custom(&call.name)) {
            _ if tools.old => Self::Old,
            (ToolInput::Json(_), false) => Self::Function,
            (ToolInput::Json(_), true) => Self::Unwrapped(String::new()),
            (ToolInput::Text(_), true) => Self::Custom,
            (ToolInput::Text(_), false) => Self::Wrapped,
        }
    }

    /// Tells the id and the name.
    pub(super) fn begin(
        &self,
        choice: u32,
        index: u64,
        call: &ToolUse,
        teller: &mut Teller<'_>,
        more: impl FnOnce(&mut ObjectWriter<'_>),
    ) {
        let (kind, member, start) = match self {
            Self::Old => {
                teller.delta(choice, |delta| {
                    delta.object("function_call", |function| {
                        function.text("name", &call.name);
                        function.text("arguments", "");
                    });
                });
                return;
            }
            Self::Function => ("function", "arguments", ""),
            Self::Wrapped => ("function", "arguments", r#"{"input":""#),
            Self::Custom | Self::Unwrapped(_) => ("custom", "input", ""),
        };
        teller.call(choice, index, |object| {
            object.text("id", &call.id);
            object.text("type", kind);
            object.object(kind, |inner| {
                inner.text("name", &call.name);
                inner.text(member, start);
            });
            more(object);
        });
    }

    /// Tells more of the arguments.
    pub(super) fn go_on(&mut self, choice: u32, index: u64, more: &str, teller: &mut Teller<'_>) {
        match self {
            Self::Function => teller.arguments(choice, index, more),
            Self::Wrapped => {
                let quoted = json_string(more);
                let inner = quoted.get(1..quoted.len() - 1).unwrap_or_default();
                teller.arguments(choice, index, inner);
            }
            Self::Custom => teller.input(choice, index, more),
            Self::Unwrapped(json) => json.push_str(more),
            Self::Old => teller.old(choice, more),
        }
    }

    /// Tells what is left to tell.
    pub(super) fn stop(self, choice: u32, index: u64, spoke: bool, teller: &mut Teller<'_>) {
        match self {
            // No arguments at all mean an empty object.
            Self::Function if !spoke => teller.arguments(choice, index, "{}"),
            Self::Old if !spoke => teller.old(choice, "{}"),
            Self::Wrapped => teller.arguments(choice, index, r#""}"#),
            Self::Unwrapped(json) => teller.input(choice, index, &unwrap_input(&json)),
            Self::Function | Self::Old | Self::Custom => {}
        }
    }
}
