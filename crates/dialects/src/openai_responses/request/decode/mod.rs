//! Reads a request: its top-level members.

mod item;
mod message;
mod options;
mod part;
#[cfg(test)]
mod tests;
mod tools;

use crate::canonical::{Part, Place, Request};
use crate::json::{Invalid, Locate, Raw, request_object};
use crate::{BodyError, Dialect, RawJson};

use item::input;
pub(in crate::openai_responses) use options::{ENCRYPTED, LOGPROBS, older_user_note};
pub(in crate::openai_responses) use part::citation;

/// Reads a request.
pub(in crate::openai_responses) fn request(body: &str) -> Result<Request, BodyError> {
    let mut request = Request::new(Dialect::OpenAiResponses, "");
    for (name, value) in request_object(body)?.members() {
        member(&mut request, &name, value).at(&name)?;
    }
    if request.model.is_empty() {
        return Err(BodyError::Missing {
            name: "model",
            expected: "a string",
        });
    }
    Ok(request)
}

fn member(request: &mut Request, name: &str, value: Raw<'_>) -> Result<(), Invalid> {
    match name {
        "model" => request.model = value.want_string()?,
        "input" => request.turns = input(value)?,
        "instructions" => request.system = vec![instructions(value)?],
        "tools" => request.tools = tools::list(value)?,
        "tool_choice" => request.tool_choice = Some(tools::choice(value)),
        "parallel_tool_calls" => request.parallel_tool_calls = Some(value.want_flag()?),
        "previous_response_id" => request.state.previous = Some(value.want_string()?),
        "conversation" => request.state.conversation = Some(value.into()),
        "store" => request.state.store = Some(value.want_flag()?),
        "stream" => request.stream = value.want_flag()?,
        "service_tier" => request.service_tier = Some(value.want_string()?),
        "metadata" => request.metadata = Some(object_of(value)?),
        _ => return options::member(request, name, value),
    }
    Ok(())
}

fn instructions(value: Raw<'_>) -> Result<Part, Invalid> {
    Ok(Part::text(value.want_text()?).at(Place::member("instructions")))
}

fn object_of(value: Raw<'_>) -> Result<RawJson, Invalid> {
    value.want_members().map(drop)?;
    Ok(value.into())
}
