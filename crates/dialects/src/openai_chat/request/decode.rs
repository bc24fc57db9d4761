//! Reads requests, each member by its name.

mod calls;
mod content;
mod message;
mod options;
mod tools;

use super::super::inner;
use crate::canonical::{Request, Tool, ToolBody};
use crate::json::{Invalid, Locate as _, Raw, request_object};
use crate::{BodyError, Dialect};

/// Members that give way to a newer one of the same meaning, wherever that stands.
#[derive(Default)]
struct Older<'a> {
    max_tokens: Option<Raw<'a>>,
    user: Option<Raw<'a>>,
}

/// Reads a request.
pub(in super::super) fn decode(body: &str) -> Result<Request, BodyError> {
    let mut request = Request::new(Dialect::OpenAiChat, String::new());
    let mut older = Older::default();
    for (name, value) in request_object(body)?.members() {
        read_member(&mut request, &mut older, &name, value).at(&name)?;
    }
    older.give_way(&mut request)?;
    require(&request)?;
    settle_old_functions(&mut request);
    Ok(request)
}

fn read_member<'a>(
    request: &mut Request,
    older: &mut Older<'a>,
    name: &str,
    value: Raw<'a>,
) -> Result<(), Invalid> {
    match name {
        "model" => request.model = value.want_string()?,
        "messages" => request.turns = message::read_all(value)?,
        "tools" => tools::read_all(value, &mut request.tools)?,
        "functions" => tools::read_old(value, &mut request.tools)?,
        "tool_choice" => request.tool_choice = Some(tools::read_choice(value)?),
        "function_call" => request.tool_choice = Some(tools::read_old_choice(value)?),
        "parallel_tool_calls" => request.parallel_tool_calls = Some(value.want_flag()?),
        "metadata" => request.metadata = Some(options::object(value)?),
        "prompt_cache_key" => request.cache.key = Some(value.want_string()?),
        "prompt_cache_retention" => request.cache.retention = Some(value.want_string()?),
        "store" => request.state.store = Some(value.want_flag()?),
        "service_tier" => request.service_tier = Some(value.want_string()?),
        "stream" => request.stream = value.want_flag()?,
        "stream_options" => options::read_stream(request, value)?,
        "safety_identifier" => request.user = Some(value.want_string()?),
        "max_tokens" => older.max_tokens = Some(value),
        "user" => older.user = Some(value),
        _ => {
            let known = options::read_sampling(&mut request.sampling, name, value)?
                || options::read_worded(request, name, value)?;
            if known {
                options::note_spelling(&mut request.extras, name, value);
            } else {
                keep(request, name, value);
            }
        }
    }
    Ok(())
}

impl Older<'_> {
    /// Lets the older members stand for the newer ones that are absent, and keeps them as extras otherwise.
    fn give_way(self, request: &mut Request) -> Result<(), Invalid> {
        if let Some(value) = self.max_tokens {
            let count = value.want_count().at("max_tokens")?;
            match request.sampling.max_output_tokens {
                None => {
                    request.sampling.max_output_tokens = Some(count);
                    inner::note(&mut request.extras, "max_tokens", value);
                }
                Some(_) => keep(request, "max_tokens", value),
            }
        }
        if let Some(value) = self.user {
            let user = value.want_string().at("user")?;
            match request.user {
                None => {
                    request.user = Some(user);
                    inner::note(&mut request.extras, "user", value);
                }
                Some(_) => keep(request, "user", value),
            }
        }
        Ok(())
    }
}

fn keep(request: &mut Request, name: &str, value: Raw<'_>) {
    request.extras.push((name.to_owned(), value.into()));
}

fn require(request: &Request) -> Result<(), BodyError> {
    let missing = |name, expected| BodyError::Missing { name, expected };
    if request.model.is_empty() {
        return Err(missing("model", "the name of a model"));
    }
    if request.turns.is_empty() {
        return Err(missing("messages", "a list of at least one message"));
    }
    Ok(())
}

/// An answer has room for one call of the old functions.
fn settle_old_functions(request: &mut Request) {
    let is_old = |tool: &Tool| {
        matches!(tool.body, ToolBody::Function { .. }) && tool.at.member == "functions"
    };
    if request.parallel_tool_calls.is_none()
        && !request.tools.is_empty()
        && request.tools.iter().all(is_old)
    {
        request.parallel_tool_calls = Some(false);
    }
}
