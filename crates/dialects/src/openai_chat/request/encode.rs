//! Writes requests for a target that may know only part of the dialect.

mod assistant;
mod calls;
mod content;
mod format;
mod marks;
mod media;
mod messages;
mod options;
mod results;
mod thinking;
mod tools;

use std::collections::HashMap;

use super::super::inner;
use crate::canonical::{Place, Request};
use crate::codec::{Inexpressible, Target};
use crate::json::Writer;
use crate::{Dialect, Losses, Profile, RawJson};

/// What is written, and for whom.
#[derive(Clone, Copy, Debug)]
struct Scope<'a> {
    request: &'a Request,
    profile: &'a Profile,
    /// The names of the tools that were called, by the ids of the calls.
    names: &'a HashMap<&'a str, &'a str>,
    /// Whether the client wrote this dialect itself, so that what is unknown returns as it was.
    own: bool,
}

impl<'a> Scope<'a> {
    /// How a Chat client wrote the member.
    fn noted(&self, name: &str) -> Option<&'a RawJson> {
        let own = self.own.then_some(&self.request.extras)?;
        inner::noted(own, name)
    }
}

/// Writes a request.
pub(in super::super) fn encode(
    request: &Request,
    target: &Target<'_>,
    losses: &mut Losses,
) -> Result<String, Inexpressible> {
    request.check_foreign(Dialect::OpenAiChat)?;
    let names = request.tool_names();
    let scope = Scope {
        request,
        names: &names,
        profile: target.profile,
        own: request.origin == Dialect::OpenAiChat,
    };
    options::check(&scope)?;
    Ok(Writer::object(|body| {
        body.text("model", target.model);
        let instructions = format::instructions(&scope, losses);
        body.list("messages", |list| {
            messages::write(list, &scope, instructions, losses);
        });
        tools::write(body, &scope, losses);
        options::write(body, &scope, losses);
        if scope.own {
            inner::write_outer(body, &request.extras, options::INNER);
        } else {
            losses.dropped_extras(&[], &request.extras);
        }
    }))
}

/// The place of a member of what stands at `path`.
fn below(path: &[Place], member: &'static str) -> Vec<Place> {
    let mut places = path.to_vec();
    places.push(Place::member(member));
    places
}
