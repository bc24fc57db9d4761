//! Reads requests (`MessageCreateParams` of the SDK, its beta included).

mod block;
mod media;
mod options;
mod tools;

use std::borrow::Cow;

use crate::canonical::{Extras, Part, Place, Request, Role, Turn};
use crate::json::{Invalid, JsonKind, Locate, Raw, request_object};
use crate::{BodyError, Dialect};

/// Reads a request.
pub(in super::super) fn decode(body: &str) -> Result<Request, BodyError> {
    Ok(read(request_object(body)?)?)
}

fn read(body: Raw<'_>) -> Result<Request, Invalid> {
    let model = body.want_member("model")?.want_string().at("model")?;
    let mut request = Request::new(Dialect::AnthropicMessages, model);
    request.turns = turns(body.want_member("messages")?).at("messages")?;
    for (name, value) in body.members() {
        member(&mut request, &name, value).at(&name)?;
    }
    Ok(request)
}

fn member(request: &mut Request, name: &str, value: Raw<'_>) -> Result<(), Invalid> {
    let sampling = &mut request.sampling;
    match name {
        "model" | "messages" => {}
        "system" => request.system = block::system(value)?,
        "max_tokens" => sampling.max_output_tokens = Some(value.want_count()?),
        "temperature" => sampling.temperature = Some(value.want_number()?),
        "top_p" => sampling.top_p = Some(value.want_number()?),
        "top_k" => sampling.top_k = Some(value.want_count()?),
        "stop_sequences" => sampling.stop = texts(value)?,
        "stream" => request.stream = value.want_flag()?,
        "service_tier" => request.service_tier = Some(value.want_string()?),
        "metadata" => options::metadata(request, value)?,
        "thinking" => options::thinking(request, value)?,
        "output_config" => options::output_config(request, value)?,
        // The name of the beta, which older clients still send.
        "output_format" => options::output_format(request, name, value)?,
        "tools" => request.tools = tools::list(value)?,
        "tool_choice" => tools::choice(request, value)?,
        "cache_control" => {
            request.cache.whole = block::cache_mark(&mut request.extras, value);
        }
        _ => request.extras.push((name.to_owned(), value.into())),
    }
    Ok(())
}

fn texts(value: Raw<'_>) -> Result<Vec<String>, Invalid> {
    let items = value.want_items()?;
    items
        .map(|(index, item)| item.want_string().at_index(index))
        .collect()
}

fn turns(messages: Raw<'_>) -> Result<Vec<Turn>, Invalid> {
    let items = messages.want_items()?;
    items
        .map(|(index, message)| turn(message, Place::item("messages", index)).at_index(index))
        .collect()
}

fn turn(message: Raw<'_>, at: Place) -> Result<Turn, Invalid> {
    let role = role(&message.want_member("role")?.want_text().at("role")?).at("role")?;
    let mut turn = Turn::new(role, Vec::new()).at(at);
    // A system message may consist of options alone.
    if role != Role::System {
        message.want_member("content")?;
    }
    for (name, value) in message.want_members()? {
        match &*name {
            "role" => {}
            "content" => turn.parts = content(value).at("content")?,
            _ => keep(&mut turn.extras, name, value),
        }
    }
    Ok(turn)
}

fn role(word: &str) -> Result<Role, Invalid> {
    match word {
        "user" => Ok(Role::User),
        "assistant" => Ok(Role::Assistant),
        "system" => Ok(Role::System),
        _ => Err(Invalid::here(format!(
            "is `{word}`; make it `user`, `assistant` or `system`"
        ))),
    }
}

/// What a message or a tool result holds: a text, or blocks.
fn content(value: Raw<'_>) -> Result<Vec<Part>, Invalid> {
    if value.kind() == Some(JsonKind::Text) {
        let text = value.want_string()?;
        return Ok(vec![Part::text(text).at(Place::member("content"))]);
    }
    let items = value.want_items()?;
    items
        .map(|(index, item)| block::read(item, Place::item("content", index)).at_index(index))
        .collect()
}

fn keep(extras: &mut Extras, name: Cow<'_, str>, value: Raw<'_>) {
    extras.push((name.into_owned(), value.into()));
}
