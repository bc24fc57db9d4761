//! Marks for the provider's prompt cache.

use super::super::super::inner;
use super::{Scope, below};
use crate::canonical::{Field, Part, Place};
use crate::json::ObjectWriter;
use crate::{Dialect, Losses, RawJson};

/// A mark in the form that the target knows.
#[derive(Clone, Copy, Debug)]
pub(super) enum Mark<'a> {
    /// OpenAI's `prompt_cache_breakpoint`, with its time to live.
    Breakpoint(Option<&'a str>),
    /// Anthropic's `cache_control`, which `OpenRouter` and `LiteLLM` take, as the client wrote it.
    Raw(&'a RawJson),
}

/// The mark that stands for `cache`, if the target has one.
///
/// OpenAI's models before 5.6 refuse breakpoints, and all of them cache unasked: only a client who
/// wrote OpenAI's own form is taken to know the model.
pub(super) fn of<'a>(
    scope: &Scope<'_>,
    path: &[Place],
    part: &'a Part,
    losses: &mut Losses,
) -> Option<Mark<'a>> {
    let ttl = part.cache.as_ref()?.ttl.as_deref();
    let openai = scope.profile.openai_fields;
    match scope.request.origin {
        // It is written with the message.
        Dialect::OpenAiChat if of_message(part).is_some() => None,
        Dialect::OpenAiChat => Some(match inner::noted(&part.extras, "cache_control") {
            Some(raw) => Mark::Raw(raw),
            None => Mark::Breakpoint(ttl),
        }),
        Dialect::OpenAiResponses if openai => Some(Mark::Breakpoint(ttl)),
        origin => {
            losses.dropped(&below(path, Field::CacheMark.path(origin)));
            None
        }
    }
}

/// The mark that a Chat client put on the whole message whose last part this is.
pub(super) fn of_message(part: &Part) -> Option<&RawJson> {
    inner::noted(&part.extras, "message.cache_control")
}

impl Mark<'_> {
    /// Writes it into the object of its part.
    pub(super) fn write(self, part: &mut ObjectWriter<'_>) {
        match self {
            Self::Breakpoint(ttl) => part.object("prompt_cache_breakpoint", |mark| {
                mark.text("mode", "explicit");
                mark.text_if("ttl", ttl);
            }),
            Self::Raw(raw) => part.raw("cache_control", raw.as_str()),
        }
    }
}
