//! What tools returned.

use super::{To, item, part};
use crate::Losses;
use crate::canonical::{Part, Place, Role, ToolResult, Turn};
use crate::json::{ListWriter, ObjectWriter};

pub(super) fn write(
    list: &mut ListWriter<'_>,
    turn: &Turn,
    (part, result): (&Part, &ToolResult),
    to: &To<'_>,
    losses: &mut Losses,
) {
    let places = [turn.at, part.at];
    let id = item::call_id(&result.id, &places, to, losses);
    let custom = result.custom || to.custom.contains(&*result.id);
    part::losses_beside(&places, part, to, losses);
    list.object(|item| {
        let kind = if custom && to.profile.custom_tools {
            "custom_tool_call_output"
        } else {
            "function_call_output"
        };
        item.text("type", kind);
        item.text("call_id", &id);
        output(item, &places, result, to, losses);
        if to.own {
            item.extras(&part.extras);
        }
    });
    if result.is_error {
        losses.approximated(&[turn.at, part.at, Place::member("is_error")]);
    }
}

fn output(
    item: &mut ObjectWriter<'_>,
    places: &[Place],
    result: &ToolResult,
    to: &To<'_>,
    losses: &mut Losses,
) {
    match &*result.parts {
        [] if to.own => item.list("output", |_| {}),
        [] => item.text("output", said_without_parts(result)),
        [part] if part::plain(part).is_some() && (!to.own || part.at.index.is_none()) => {
            item.text("output", part::plain(part).unwrap_or_default());
        }
        parts => {
            let any = super::list_if(item, "output", |list| {
                for part in parts {
                    part::write(list, places, part, Role::User, to, losses);
                }
            });
            if !any {
                item.text("output", said_without_parts(result));
            }
        }
    }
}

fn said_without_parts(result: &ToolResult) -> &str {
    match &result.object {
        Some(object) => object.as_str(),
        // Whether a tool failed can only be told in words.
        None if result.is_error => "The tool failed.",
        None => "",
    }
}
