//! Writes a request, top level first.

use std::borrow::Cow;

use crate::canonical::{Extras, Field, Part, Place, Request, Role, Turn};
use crate::json::{ObjectWriter, Raw, Writer};
use crate::{Dialect, Inexpressible, LossKind, Losses, Target};

use super::super::carry::{ROLE, any, noted, write};
use super::super::lost::mark_of_part;
use super::{choice, generation, offer, turns};

/// Writes a request. The model and whether a stream is wanted stand in the path.
pub(in crate::gemini) fn encode(
    request: &Request,
    target: &Target<'_>,
    losses: &mut Losses,
) -> Result<String, Inexpressible> {
    request.check_foreign(Dialect::Gemini)?;
    let own = losses.within_one_dialect();
    let (instructions, turns) = request.turns.split_at(leading(&request.turns, own));
    let system = system(request, instructions, losses);
    let contents = turns::encode(request, turns, target, losses)?;
    let generation = generation::encode(request, target, losses)?;
    let tools = offer::encode(request, losses);
    let tool_config = choice::encode(request, losses);
    let labels = labels(request, losses);
    if !own {
        lose_the_rest(request, losses);
    }
    Ok(Writer::object(|object| {
        write_system(object, &system, own.then_some(&request.extras));
        object.list("contents", |list| {
            contents.iter().for_each(|content| list.raw(content))
        });
        for (name, value) in [
            ("tools", tools),
            ("toolConfig", tool_config),
            ("generationConfig", generation),
            ("labels", labels),
        ] {
            if let Some(value) = value {
                object.raw(name, &value);
            }
        }
        write_state(object, request, own);
    }))
}

/// How many turns at the start are instructions of the application.
fn leading(turns: &[Turn], own: bool) -> usize {
    let is_instruction = |turn: &Turn| matches!(turn.role, Role::System | Role::Developer);
    let other = turns.iter().position(|turn| !is_instruction(turn));
    if own { 0 } else { other.unwrap_or(turns.len()) }
}

/// The texts of the instructions, in their order.
fn system(request: &Request, instructions: &[Turn], losses: &mut Losses) -> Vec<String> {
    let mut texts = Vec::new();
    for part in &request.system {
        instruct(&mut texts, &[], part, losses);
    }
    for turn in instructions {
        losses.dropped_extras(&[turn.at], &turn.extras);
        if turn.name.is_some() {
            losses.dropped(&[turn.at, Place::member("name")]);
        }
        for part in &turn.parts {
            instruct(&mut texts, &[turn.at], part, losses);
        }
    }
    texts
}

fn instruct(texts: &mut Vec<String>, within: &[Place], part: &Part, losses: &mut Losses) {
    let mut places = within.to_vec();
    places.push(part.at);
    let own = losses.within_one_dialect();
    if !own {
        losses.dropped_extras(&places, &part.extras);
        if part.cache.is_some() {
            losses.dropped(&mark_of_part(&places, losses.from(), &part.extras));
        }
    }
    match part.as_text() {
        Some("") if !own => {}
        Some(text) => texts.push(Writer::object(|object| {
            object.text("text", text);
            if own {
                write(object, "", &part.extras);
            }
        })),
        None => losses.dropped(&places),
    }
}

fn write_system(object: &mut ObjectWriter<'_>, parts: &[String], own: Option<&Extras>) {
    let beside = own.is_some_and(|extras| any("systemInstruction", extras));
    let role = own.and_then(|extras| noted(extras, ROLE));
    if parts.is_empty() && !beside && role.is_none() {
        return;
    }
    object.object("systemInstruction", |system| {
        system.raw_if("role", role);
        system.list("parts", |list| parts.iter().for_each(|part| list.raw(part)));
        if let Some(extras) = own {
            write(system, "systemInstruction", extras);
        }
    });
}

fn write_state(object: &mut ObjectWriter<'_>, request: &Request, own: bool) {
    // Asking to keep an answer means to have it at hand later, which Gemini does not offer; asking to keep
    // none it understands.
    let store = request.state.store.filter(|store| own || !store);
    object.flag_if("store", store);
    if own {
        object.text_if("serviceTier", request.service_tier.as_deref());
        write(object, "", &request.extras);
    }
}

/// The client's labels, and the end user as one more. Google takes small letters, digits, `_` and `-`, 63 of them, the
/// key beginning with a letter (cloud.google.com/resource-manager/docs/labels-overview).
fn labels(request: &Request, losses: &mut Losses) -> Option<String> {
    const USER: &str = "user";
    let metadata = request.metadata.as_ref();
    if losses.within_one_dialect() {
        return metadata.map(|labels| labels.as_str().to_owned());
    }
    let members = metadata
        .into_iter()
        .flat_map(|labels| labels.raw().members());
    let fits = |(name, value): &(Cow<'_, str>, Raw<'_>)| {
        is_key(name) && value.text().is_some_and(|text| is_label(&text))
    };
    let (fitting, others): (Vec<_>, Vec<_>) = members.partition(fits);
    for (name, _) in &others {
        losses.add(format!("metadata.{name}"), LossKind::Dropped);
    }
    let taken = fitting.iter().any(|(name, _)| name == USER);
    let user = request
        .user
        .as_deref()
        .filter(|user| is_label(user) && !taken);
    if user.is_none() && request.user.is_some() {
        losses.dropped(&[request.place(Field::User)]);
    }
    let labels = Writer::object(|object| {
        fitting
            .iter()
            .for_each(|(name, value)| object.raw(name, value.json()));
        object.text_if(USER, user);
    });
    (labels != "{}").then_some(labels)
}

fn is_key(name: &str) -> bool {
    name.starts_with(|first: char| first.is_ascii_lowercase()) && is_label(name)
}

fn is_label(text: &str) -> bool {
    let fits = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-');
    text.len() <= 63 && text.bytes().all(fits)
}

/// What has no place here at all.
fn lose_the_rest(request: &Request, losses: &mut Losses) {
    losses.dropped_extras(&[], &request.extras);
    for (field, said) in [
        (
            Field::ParallelToolCalls,
            request.parallel_tool_calls == Some(false),
        ),
        (Field::Verbosity, request.verbosity.is_some()),
        (Field::Store, request.state.store == Some(true)),
        (Field::ServiceTier, request.service_tier.is_some()),
        (Field::CacheKey, request.cache.key.is_some()),
        (Field::CacheRetention, request.cache.retention.is_some()),
        (Field::CacheMark, request.cache.whole.is_some()),
    ] {
        if said {
            losses.dropped(&[request.place(field)]);
        }
    }
}
