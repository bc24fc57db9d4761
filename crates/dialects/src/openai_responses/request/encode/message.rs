//! Messages.

use super::{To, part};
use crate::Losses;
use crate::canonical::{Field, Part, PartBody, Place, Role, Turn};
use crate::json::{ListWriter, Writer};

fn role(turn: &Turn, to: &To<'_>, losses: &mut Losses) -> &'static str {
    match turn.role {
        Role::System => "system",
        Role::User => "user",
        Role::Assistant => "assistant",
        Role::Developer if to.profile.developer_role => "developer",
        Role::Developer => {
            losses.approximated(&[turn.at, Place::member("role")]);
            "system"
        }
    }
}

pub(super) fn write(
    list: &mut ListWriter<'_>,
    turn: &Turn,
    parts: &[Part],
    to: &To<'_>,
    losses: &mut Losses,
) {
    match parts {
        // Chat's clients write an empty text beside calls.
        [part] if !to.own && turn.parts.len() > 1 && part::plain(part) == Some("") => {}
        [part] if as_text(part, to) => easy_message(list, turn, part, to, losses),
        _ if turn.role == Role::Assistant && !to.own => said(list, turn, parts, to, losses),
        _ => {
            let role = role(turn, to, losses);
            let mut empty = true;
            let content = Writer::list(|content| {
                for part in parts {
                    part::write(content, &[turn.at], part, turn.role, to, losses);
                }
                empty = content.is_empty();
            });
            if !empty || to.own {
                list.object(|message| {
                    message.text("type", "message");
                    message.text("role", role);
                    message.raw("content", &content);
                    if to.own {
                        message.extras(&turn.extras);
                    }
                });
            }
        }
    }
}

/// Whether the content of a message is written as a text. Within this dialect, if it was one.
fn as_text(part: &Part, to: &To<'_>) -> bool {
    part::plain(part).is_some() && (!to.own || part.at.index.is_none())
}

fn easy_message(
    list: &mut ListWriter<'_>,
    turn: &Turn,
    part: &Part,
    to: &To<'_>,
    losses: &mut Losses,
) {
    let role = role(turn, to, losses);
    list.object(|message| {
        message.text("role", role);
        message.text("content", part::plain(part).unwrap_or_default());
        if to.own {
            message.extras(&turn.extras);
        }
    });
}

/// What a model of another dialect said. The types want an id and a status for everything an assistant
/// said but for plain texts, so each text is a message of its own.
fn said(list: &mut ListWriter<'_>, turn: &Turn, parts: &[Part], to: &To<'_>, losses: &mut Losses) {
    for part in parts {
        let places = [turn.at, part.at];
        part::losses_beside(&places, part, to, losses);
        let text = match &part.body {
            PartBody::Text { text, citations } => {
                if !citations.is_empty() {
                    losses.dropped(&[turn.at, part.at, to.request.place(Field::Citations)]);
                }
                text
            }
            PartBody::Refusal { text } => {
                losses.approximated(&places);
                text
            }
            _ => {
                losses.dropped(&places);
                continue;
            }
        };
        if !text.is_empty() {
            list.object(|message| {
                message.text("role", "assistant");
                message.text("content", text);
            });
        }
    }
}
