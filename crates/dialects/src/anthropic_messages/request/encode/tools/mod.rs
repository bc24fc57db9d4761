//! Tools and the choice among them.

mod offer;

use std::borrow::Cow;
use std::collections::HashSet;

use crate::canonical::{AllowedMode, Field, ToolChoice, portable_name};
use crate::json::ObjectWriter;
use crate::structured_output;
use crate::{Dialect, RawJson};

use super::super::super::nested;
use super::context::Context;
use super::format::Format;
use offer::{ANYTHING, Function, Offer, offers};

/// The tools in Anthropic's terms.
#[derive(Default)]
pub(super) struct Tools<'a> {
    list: Vec<Offer<'a>>,
    choice: Option<Choice<'a>>,
    disable_parallel: Option<bool>,
}

enum Choice<'a> {
    Auto,
    None,
    Any,
    Tool(Cow<'a, str>),
    Raw(&'a RawJson),
}

impl<'a> Tools<'a> {
    pub(super) fn plan(context: &mut Context<'a, '_>, format: &Format<'a>) -> Self {
        let mut tools = Self {
            list: offers(context),
            choice: choice(context),
            disable_parallel: None,
        };
        if tools.list.is_empty() && !context.own() {
            tools.remember_what_was_called(context);
        }
        if let Format::Tool(schema) = format {
            tools.answer_by_tool(schema);
        }
        if tools.list.is_empty() && tools.choice.take().is_some() {
            context.dropped(Field::ToolChoice);
        }
        tools.plan_parallel_calls(context);
        tools
    }

    /// Whether the model must call a tool.
    pub(super) const fn forced(&self) -> bool {
        matches!(self.choice, Some(Choice::Any | Choice::Tool(_)))
    }

    /// Anthropic refuses calls in the history of a request without tools, which OpenAI allows.
    fn remember_what_was_called(&mut self, context: &mut Context<'a, '_>) {
        let mut known = HashSet::new();
        let parts = context.request.turns.iter().flat_map(|turn| &turn.parts);
        let called = parts.filter_map(|part| part.as_tool_use().map(|call| &*call.name));
        let names: Vec<&str> = called.filter(|name| known.insert(*name)).collect();
        if names.is_empty() {
            return;
        }
        context.losses.defaulted("tools");
        let known = names.into_iter().map(|name| Function {
            name: portable_name(name),
            schema: ANYTHING.into(),
            ..Function::default()
        });
        self.list.extend(known.map(Offer::Function));
        self.choice = Some(Choice::None);
    }

    /// The answer is the input of one more tool. Where the model may call others, it may do that first.
    fn answer_by_tool(&mut self, schema: &'a RawJson) {
        let others = !self.list.is_empty();
        self.list.push(Offer::Function(Function {
            name: structured_output::TOOL.into(),
            description: Some(
                "Gives the answer to the user. Call it once, with the whole answer.".into(),
            ),
            schema: schema.as_str().into(),
            ..Function::default()
        }));
        let choice = self.choice.take();
        self.choice = Some(match choice {
            Some(Choice::Tool(name)) => Choice::Tool(name),
            None | Some(Choice::Auto | Choice::Any) if others => Choice::Any,
            _ => Choice::Tool(structured_output::TOOL.into()),
        });
    }

    fn plan_parallel_calls(&mut self, context: &mut Context<'a, '_>) {
        let Some(parallel) = context.request.parallel_tool_calls else {
            return;
        };
        match (&self.choice, parallel) {
            (None, true) => return,
            (None, false) if self.list.is_empty() => {
                return context.dropped(Field::ParallelToolCalls);
            }
            (None, false) => self.choice = Some(Choice::Auto),
            // Nothing is called, however many at once.
            (Some(Choice::None | Choice::Raw(_)), false) if !context.own() => {
                return context.dropped(Field::ParallelToolCalls);
            }
            (Some(Choice::None | Choice::Raw(_)), true) if !context.own() => return,
            (Some(_), _) => {}
        }
        self.disable_parallel = Some(!parallel);
    }

    pub(super) fn write(&self, object: &mut ObjectWriter<'_>, extras: &[(String, RawJson)]) {
        if !self.list.is_empty() {
            object.list("tools", |list| {
                self.list.iter().for_each(|offer| offer.write(list));
            });
        }
        match &self.choice {
            None => {}
            Some(Choice::Raw(raw)) => object.raw("tool_choice", raw.as_str()),
            Some(choice) => object.object("tool_choice", |object| {
                choice.write(object);
                object.flag_if("disable_parallel_tool_use", self.disable_parallel);
                nested::restore(object, "tool_choice", extras);
            }),
        }
    }
}

impl Choice<'_> {
    fn write(&self, object: &mut ObjectWriter<'_>) {
        let word = match self {
            Self::Auto => "auto",
            Self::None => "none",
            Self::Any => "any",
            Self::Tool(_) | Self::Raw(_) => "tool",
        };
        object.text("type", word);
        if let Self::Tool(name) = self {
            object.text("name", name);
        }
    }
}

fn choice<'a>(context: &mut Context<'a, '_>) -> Option<Choice<'a>> {
    let own = context.own();
    let named = |name: &'a str| match own {
        true => Choice::Tool(name.into()),
        false => Choice::Tool(portable_name(name)),
    };
    Some(match context.request.tool_choice.as_ref()? {
        ToolChoice::Auto => Choice::Auto,
        ToolChoice::None => Choice::None,
        ToolChoice::Required => Choice::Any,
        ToolChoice::Function(name) | ToolChoice::Custom(name) => named(name),
        ToolChoice::Allowed { mode, .. } => {
            context.approximated(Field::ToolChoice);
            match mode {
                AllowedMode::Auto => Choice::Auto,
                AllowedMode::Required => Choice::Any,
            }
        }
        ToolChoice::Opaque { origin, raw } if *origin == Dialect::AnthropicMessages => {
            Choice::Raw(raw)
        }
        ToolChoice::Opaque { .. } => {
            context.dropped(Field::ToolChoice);
            return None;
        }
    })
}
