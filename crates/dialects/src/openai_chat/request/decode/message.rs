//! Messages, one function per role.

use super::super::super::reasoning;
use super::calls::{self, OldCalls};
use super::content;
use crate::canonical::{Extras, Part, PartBody, Place, Role, ToolResult, Turn};
use crate::json::{Invalid, Locate as _, Raw};

/// Reads `messages`.
pub(super) fn read_all(value: Raw<'_>) -> Result<Vec<Turn>, Invalid> {
    let mut old = OldCalls::default();
    value
        .want_items()?
        .map(|(index, item)| {
            let turn = read(item, index, &mut old).at_index(index)?;
            Ok(turn.at(Place::item("messages", index)))
        })
        .collect()
}

/// The members of a message that some role knows, and the others.
#[derive(Default)]
struct Message<'a> {
    role: Option<Raw<'a>>,
    content: Option<Raw<'a>>,
    name: Option<Raw<'a>>,
    mark: Option<Raw<'a>>,
    /// Members that only one role knows, by their names.
    special: Vec<(&'static str, Raw<'a>)>,
    extras: Extras,
}

/// What only one role knows.
const SPECIAL: [&str; 8] = [
    "tool_call_id",
    "tool_calls",
    "function_call",
    "refusal",
    "audio",
    "reasoning_content",
    "reasoning",
    "reasoning_details",
];

fn read(value: Raw<'_>, index: usize, old: &mut OldCalls) -> Result<Turn, Invalid> {
    let mut message = Message::of(value)?;
    let role = message
        .role
        .ok_or_else(|| Invalid::here("is missing; add the speaker, such as \"user\""))
        .and_then(Raw::want_text)
        .at("role")?;
    let mut turn = match &*role {
        "system" => spoken(&message, Role::System)?,
        "developer" => spoken(&message, Role::Developer)?,
        "user" => spoken(&message, Role::User)?,
        "assistant" => assistant(&mut message, index, old)?,
        "tool" => tool(&mut message)?,
        "function" => function(&mut message, old)?,
        other => {
            let problem =
                format!("is `{other}`; make it system, developer, user, assistant or tool");
            return Err(Invalid::here(problem)).at("role");
        }
    };
    if let Some(mark) = message.mark
        && content::mark_last(&mut turn.parts, mark).at("cache_control")?
    {
        message.mark = None;
    }
    if let Some(name) = message.name {
        turn.name = Some(name.want_string().at("name")?);
    }
    turn.extras = message.left_over();
    Ok(turn)
}

impl<'a> Message<'a> {
    fn of(value: Raw<'a>) -> Result<Self, Invalid> {
        let mut message = Self::default();
        for (name, value) in value.want_members()? {
            match &*name {
                "role" => message.role = Some(value),
                "content" => message.content = Some(value),
                "name" => message.name = Some(value),
                "cache_control" => message.mark = Some(value),
                _ => match SPECIAL.into_iter().find(|special| *special == name) {
                    Some(special) => message.special.push((special, value)),
                    None => message.extras.push((name.into_owned(), value.into())),
                },
            }
        }
        Ok(message)
    }

    fn take(&mut self, name: &str) -> Option<Raw<'a>> {
        let at = self.special.iter().position(|(found, _)| *found == name)?;
        Some(self.special.remove(at).1)
    }

    fn want_content(&self) -> Result<Raw<'a>, Invalid> {
        self.content
            .ok_or_else(|| Invalid::here("is missing; add a string or a list of parts"))
            .at("content")
    }

    /// What nobody took.
    fn left_over(self) -> Extras {
        let mut extras = self.extras;
        let mark = self.mark.map(|mark| ("cache_control", mark));
        let special = self.special.into_iter().chain(mark);
        extras.extend(special.map(|(name, value)| (name.to_owned(), value.into())));
        extras
    }
}

fn spoken(message: &Message<'_>, role: Role) -> Result<Turn, Invalid> {
    let mut parts = Vec::new();
    content::read(message.want_content()?, &mut parts).at("content")?;
    Ok(Turn::new(role, parts))
}

fn assistant(message: &mut Message<'_>, index: usize, old: &mut OldCalls) -> Result<Turn, Invalid> {
    let mut parts = thoughts(message);
    if let Some(value) = message.content {
        content::read(value, &mut parts).at("content")?;
    }
    if let Some(value) = message.take("refusal") {
        let text = value.want_string().at("refusal")?;
        parts.push(Part::from(PartBody::Refusal { text }).at(Place::member("refusal")));
    }
    if let Some(value) = message.take("audio") {
        value.want_object().at("audio")?;
        parts.push(content::opaque("audio", value).at(Place::member("audio")));
    }
    if let Some(value) = message.take("tool_calls") {
        calls::read_all(value, &mut parts).at("tool_calls")?;
    }
    if let Some(value) = message.take("function_call") {
        parts.push(old.read(value, index).at("function_call")?);
    }
    Ok(Turn::new(Role::Assistant, parts))
}

/// The text of thoughts, in DeepSeek's member or OpenRouter's, and what proves them. No vendor's types hold
/// these members, so that nothing is wrong with a value of another kind: it is carried along.
fn thoughts(message: &mut Message<'_>) -> Vec<Part> {
    let text = ["reasoning_content", "reasoning"]
        .into_iter()
        .find_map(|name| Some((Place::member(name), message.take_text(name)?)));
    let details = message.take("reasoning_details");
    let (parts, others) = reasoning::read(text, details);
    let others = others.map(|others| ("reasoning_details".to_owned(), others));
    message.extras.extend(others);
    parts
}

impl Message<'_> {
    fn take_text(&mut self, name: &str) -> Option<String> {
        let found = self.special.iter().find(|(found, _)| *found == name);
        let text = found?.1.text()?.into_owned();
        self.take(name);
        Some(text)
    }
}

fn tool(message: &mut Message<'_>) -> Result<Turn, Invalid> {
    let id = message
        .take("tool_call_id")
        .ok_or_else(|| Invalid::here("is missing; add the id of the call that this answers"))
        .and_then(Raw::want_string)
        .at("tool_call_id")?;
    let mut parts = Vec::new();
    content::read(message.want_content()?, &mut parts).at("content")?;
    Ok(Turn::new(Role::User, vec![result(id, parts)]))
}

/// The old way: the result names the function.
fn function(message: &mut Message<'_>, old: &mut OldCalls) -> Result<Turn, Invalid> {
    let name = message
        .name
        .take()
        .ok_or_else(|| Invalid::here("is missing; add the name of the function"))
        .and_then(Raw::want_string)
        .at("name")?;
    let id = old.answer(&name).at("name")?;
    let mut parts = Vec::new();
    if let Some(value) = message.content {
        content::read(value, &mut parts).at("content")?;
    }
    let result = result(id, parts).at(Place::member("name"));
    Ok(Turn::new(Role::User, vec![result]))
}

fn result(id: String, parts: Vec<Part>) -> Part {
    PartBody::ToolResult(ToolResult {
        id,
        parts,
        is_error: false,
        custom: false,
        object: None,
    })
    .into()
}
