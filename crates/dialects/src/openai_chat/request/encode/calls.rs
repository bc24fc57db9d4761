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

/// The call's id at the target: shortened if it is longer than OpenAI takes.
pub(super) fn target_id<'a>(scope: &Scope<'_>, id: &'a str) -> Cow<'a, str> {
    if scope.own || !scope.profile.openai_fields {
        return Cow::Borrowed(id);
    }
    shortened(id, LONGEST_ID)
}

/// The text itself, or one of at most `limit` bytes that is always the same for it and no other's.
pub(super) fn shortened(text: &str, limit: usize) -> Cow<'_, str> {
    if text.len() <= limit {
        return Cow::Borrowed(text);
    }
    let hash = format!("_{:016x}", fnv1a(text));
    let mut end = limit.saturating_sub(hash.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    Cow::Owned(format!("{}{hash}", text.get(..end).unwrap_or_default()))
}

/// FNV-1a of 64 bits (RFC 9923).
fn fnv1a(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_texts_are_shortened_and_stay_apart() {
        let short = "x".repeat(40);
        assert_eq!(shortened(&short, 40), short);
        let long = format!("{}é", "x".repeat(39));
        let other = format!("{}è", "x".repeat(39));
        let texts = [shortened(&long, 40), shortened(&other, 40)];
        assert!(texts.iter().all(|text| text.len() <= 40));
        assert_ne!(texts[0], texts[1]);
        assert!(shortened(&"é".repeat(30), 40).len() <= 40);
    }
}
