//! Writes a request.

mod format;
mod item;
mod media;
mod message;
mod options;
mod part;
mod reasoning;
mod result;
#[cfg(test)]
mod tests;
mod tools;

use std::borrow::Cow;
use std::collections::HashSet;

use crate::canonical::{
    Extras, Field, Part, PartBody, Place, Request, Tool, ToolBody, ToolInput, Turn, path,
    portable_name,
};
use crate::codec::{Inexpressible, Target};
use crate::json::{ListWriter, ObjectWriter, Writer};
use crate::{Dialect, Losses, Profile};

/// Writes a request.
///
/// A conversation of another dialect is asked for statelessly: the answer is not stored, unless the client says
/// so, and its thoughts come back encrypted, so that they can return with the next turn.
pub(in crate::openai_responses) fn request(
    request: &Request,
    target: &Target<'_>,
    losses: &mut Losses,
) -> Result<String, Inexpressible> {
    check(request)?;
    let to = To::new(request, target.profile);
    let input = item::input(&to, losses);
    if input.is_none() && !to.own {
        return Err(nothing_left(request));
    }
    Ok(Writer::object(|object| {
        object.text("model", target.model);
        instructions(object, &to, losses);
        if let Some(input) = &input {
            object.raw("input", input);
        }
        tools::write(object, &to, losses);
        options::write(object, &to, losses);
    }))
}

/// What is written, and for whom.
#[derive(Debug)]
struct To<'r> {
    request: &'r Request,
    profile: &'r Profile,
    /// Whether the client speaks this dialect too.
    own: bool,
    /// The ids of calls with free text.
    custom: HashSet<&'r str>,
    /// The names of tools that take free text.
    custom_tools: HashSet<&'r str>,
}

impl<'r> To<'r> {
    fn new(request: &'r Request, profile: &'r Profile) -> Self {
        Self {
            request,
            profile,
            own: request.origin == Dialect::OpenAiResponses,
            custom: custom_calls(&request.turns),
            custom_tools: custom_tools(&request.tools),
        }
    }

    /// Whether the client's words are those of the vendor of this dialect.
    fn openai(&self) -> bool {
        self.own || self.request.origin == Dialect::OpenAiChat
    }

    /// The name of a tool. Other dialects allow some that OpenAI refuses.
    fn tool_name<'n>(&self, name: &'n str) -> Cow<'n, str> {
        if self.own {
            Cow::Borrowed(name)
        } else {
            portable_name(name)
        }
    }

    fn dropped(&self, field: Field, losses: &mut Losses) {
        losses.dropped(&[self.request.place(field)]);
    }

    fn approximated(&self, field: Field, losses: &mut Losses) {
        losses.approximated(&[self.request.place(field)]);
    }

    /// Writes the members that only this dialect knows, or lists them as lost.
    fn extras(
        &self,
        object: &mut ObjectWriter<'_>,
        places: &[Place],
        extras: &Extras,
        losses: &mut Losses,
    ) {
        if self.own {
            object.extras(extras);
        } else {
            losses.dropped_extras(places, extras);
        }
    }
}

fn custom_tools(tools: &[Tool]) -> HashSet<&str> {
    let is_custom = |tool: &&Tool| matches!(tool.body, ToolBody::Custom { .. });
    tools
        .iter()
        .filter(is_custom)
        .filter_map(Tool::name)
        .collect()
}

fn custom_calls(turns: &[Turn]) -> HashSet<&str> {
    let parts = turns.iter().flat_map(|turn| &turn.parts);
    parts
        .filter_map(Part::as_tool_use)
        .filter(|call| matches!(call.input, ToolInput::Text(_)))
        .map(|call| &*call.id)
        .collect()
}

/// What would no longer be the same call.
fn check(request: &Request) -> Result<(), Inexpressible> {
    request.check_foreign(Dialect::OpenAiResponses)?;
    let name = |field: Field| field.path(request.origin);
    if request.sampling.n.is_some_and(|n| n > 1) {
        let problem = "asks for several answers, but this model's provider gives one to a call; leave it out and call several times";
        return Err(Inexpressible::new(name(Field::Candidates), problem));
    }
    if !request.sampling.stop.is_empty() {
        let problem = "cannot be sent to this model's provider, whose API (Responses) knows no stop sequences; leave it out and cut the answer";
        return Err(Inexpressible::new(name(Field::Stop), problem));
    }
    Ok(())
}

/// An empty conversation is no question, and OpenAI refuses it in words that name no field of the client's.
fn nothing_left(request: &Request) -> Inexpressible {
    let conversation = match request.origin {
        Dialect::Gemini => "contents",
        _ => "messages",
    };
    let first = request.turns.first().map(|turn| turn.at);
    let place = first.unwrap_or_else(|| Place::member(conversation));
    let problem = "holds nothing that this model's provider can be told, nor does the rest of the conversation; add a message of text";
    Inexpressible::new(path(&[place]), problem)
}

/// All instructions in one text.
fn instructions(object: &mut ObjectWriter<'_>, to: &To<'_>, losses: &mut Losses) {
    let mut texts: Vec<String> = Vec::new();
    for part in &to.request.system {
        match &part.body {
            PartBody::Text { text, .. } => texts.push(text.clone()),
            _ => losses.dropped(&[part.at]),
        }
        part::losses_beside(&[part.at], part, to, losses);
    }
    if !texts.is_empty() {
        object.text("instructions", &texts.join("\n\n"));
    }
}

/// Adds a list if anything gets into it.
fn list_if(
    object: &mut ObjectWriter<'_>,
    name: &str,
    fill: impl FnOnce(&mut ListWriter<'_>),
) -> bool {
    let mut empty = true;
    let list = Writer::list(|list| {
        fill(list);
        empty = list.is_empty();
    });
    if !empty {
        object.raw(name, &list);
    }
    !empty
}
