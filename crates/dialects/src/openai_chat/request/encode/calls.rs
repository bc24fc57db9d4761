//! The model's calls of tools.

use std::borrow::Cow;

use super::super::super::inner;
use super::super::super::tool_calls::{object_text, wrap_input, write_signature};
use super::{Scope, below, marks};
use crate::canonical::{Extras, Field, Part, Place, ToolInput, ToolUse, portable_name};
use crate::json::{ListWriter, ObjectWriter};
use crate::{Losses, RawJson};

/// The longest id of a call that OpenAI takes in Chat: longer ones are answered with `string_above_max_length`.
const LONGEST_ID: usize = 40;

/// One of `tool_calls`.
#[derive(Debug)]
pub(super) enum Call<'a> {
    Made {
        call: &'a ToolUse,
        extras: &'a Extras,
        signature: Option<&'a str>,
    },
    Raw(&'a RawJson),
}

/// What is lost of a call.
pub(super) fn note_losses(
    scope: &Scope<'_>,
    path: &[Place],
    part: &Part,
    call: &ToolUse,
    losses: &mut Losses,
) {
    if part.cache.is_some() && marks::of_message(part).is_none() {
        // The message has no part for a call that could carry it.
        let name = Field::CacheMark.path(scope.request.origin);
        losses.dropped(&below(path, name));
    }
    if !scope.own {
        losses.dropped_extras(path, &part.extras);
        if matches!(target_id(scope, &call.id), Cow::Owned(_)) {
            losses.approximated(&below(path, "id"));
        }
        if matches!(call.input, ToolInput::Text(_)) && !scope.profile.custom_tools {
            losses.approximated(&below(path, "input"));
        }
    }
}

impl Call<'_> {
    /// Writes it.
    pub(super) fn write(&self, list: &mut ListWriter<'_>, scope: &Scope<'_>) {
        match self {
            Self::Raw(raw) => list.raw(raw.as_str()),
            Self::Made {
                call,
                extras,
                signature,
            } => list.object(|object| {
                write_call(object, scope, call, extras);
                if let Some(signature) = signature {
                    write_signature(object, signature);
                }
                if scope.own {
                    inner::write_outer(object, extras, &["function", "custom"]);
                }
            }),
        }
    }
}

fn write_call(object: &mut ObjectWriter<'_>, scope: &Scope<'_>, call: &ToolUse, extras: &Extras) {
    let name = target_name(scope, &call.name);
    let own = |writer: &mut ObjectWriter<'_>, kind: &str| {
        if scope.own {
            inner::write(writer, extras, kind);
        }
    };
    object.text("id", &target_id(scope, &call.id));
    match &call.input {
        ToolInput::Text(text) if scope.profile.custom_tools => {
            object.text("type", "custom");
            object.object("custom", |custom| {
                custom.text("name", &name);
                custom.text("input", text);
                own(custom, "custom");
            });
        }
        input => {
            let arguments = match input {
                ToolInput::Text(text) => Cow::Owned(wrap_input(text)),
                ToolInput::Json(json) if scope.own => Cow::Borrowed(&**json),
                ToolInput::Json(json) => Cow::Borrowed(object_text(json)),
            };
            object.text("type", "function");
            object.object("function", |function| {
                function.text("name", &name);
                function.text("arguments", &arguments);
                own(function, "function");
            });
        }
    }
}

/// The tool's name at the target.
pub(super) fn target_name<'a>(scope: &Scope<'_>, name: &'a str) -> Cow<'a, str> {
    if scope.own {
        Cow::Borrowed(name)
    } else {
        portable_name(name)
    }
}

/// The call's id at the target: shortened, always in the same way, if it is longer than OpenAI takes.
pub(super) fn target_id<'a>(scope: &Scope<'_>, id: &'a str) -> Cow<'a, str> {
    if scope.own || !scope.profile.openai_fields || id.len() <= LONGEST_ID {
        return Cow::Borrowed(id);
    }
    let hash = format!("_{:016x}", fnv1a(id));
    let start = id.char_indices().map(|(at, char)| at + char.len_utf8());
    let end = start
        .take_while(|end| *end <= LONGEST_ID - hash.len())
        .last()
        .unwrap_or_default();
    Cow::Owned(format!("{}{hash}", id.get(..end).unwrap_or_default()))
}

/// FNV-1a of 64 bits (RFC 9923): ids that begin alike stay apart.
fn fnv1a(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}
