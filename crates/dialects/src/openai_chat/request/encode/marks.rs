//! Marks for the provider's prompt cache.

use super::{Scope, below};
use crate::canonical::{CacheMark, Field, Place};
use crate::json::ObjectWriter;
use crate::{Dialect, Losses};

/// A mark in the form that the target knows.
#[derive(Clone, Copy, Debug)]
pub(super) enum Mark<'a> {
    /// OpenAI's `prompt_cache_breakpoint`, with its time to live.
    Breakpoint(Option<&'a str>),
    /// Anthropic's `cache_control`, which `OpenRouter` and `LiteLLM` take.
    Control(Option<&'a str>),
}

/// The mark that stands for `cache`, if the target has one.
///
/// OpenAI's models before 5.6 refuse breakpoints, and all of them cache unasked: only a client who
/// wrote OpenAI's own form is taken to know the model. Compatible servers that ignore unknown members get
/// back what a Chat client wrote.
pub(super) fn of<'a>(
    scope: &Scope<'_>,
    path: &[Place],
    cache: Option<&'a CacheMark>,
    losses: &mut Losses,
) -> Option<Mark<'a>> {
    let ttl = cache?.ttl.as_deref();
    let openai = scope.profile.openai_fields;
    match scope.request.origin {
        Dialect::OpenAiChat if !openai || is_anthropic(ttl) => Some(Mark::Control(ttl)),
        Dialect::OpenAiChat => Some(Mark::Breakpoint(ttl)),
        Dialect::OpenAiResponses if openai => Some(Mark::Breakpoint(ttl)),
        origin => {
            losses.dropped(&below(path, Field::CacheMark.path(origin)));
            None
        }
    }
}

/// Whether this is a time to live in Anthropic's words, so that the client wrote `cache_control`.
fn is_anthropic(ttl: Option<&str>) -> bool {
    matches!(ttl, Some("5m" | "1h"))
}

impl Mark<'_> {
    /// Writes it into the object of its part.
    pub(super) fn write(self, part: &mut ObjectWriter<'_>) {
        match self {
            Self::Breakpoint(ttl) => part.object("prompt_cache_breakpoint", |mark| {
                mark.text("mode", "explicit");
                mark.text_if("ttl", ttl);
            }),
            Self::Control(ttl) => part.object("cache_control", |mark| {
                mark.text("type", "ephemeral");
                mark.text_if("ttl", ttl);
            }),
        }
    }
}
