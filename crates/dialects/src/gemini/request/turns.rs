//! Writes the conversation.

use std::borrow::Cow;

use crate::canonical::{PartBody, Request, Role, Turn};
use crate::json::Writer;
use crate::{Inexpressible, Losses, ReasoningControl, Target};

use super::super::carry::{ROLE, noted, write};
use super::content::Content;

/// What stands in for the user's part where the conversation does not begin with it.
const NOTHING_SAID: &str = " ";

/// The contents, each as JSON.
pub(super) fn encode(
    request: &Request,
    turns: &[Turn],
    target: &Target<'_>,
    losses: &mut Losses,
) -> Result<Vec<String>, Inexpressible> {
    let own = losses.within_one_dialect();
    let same = |a: &Turn, b: &Turn| !own && is_model(a) == is_model(b);
    let groups: Vec<&[Turn]> = turns.chunk_by(same).collect();
    let running = groups
        .iter()
        .rposition(|group| is_asked(group))
        .unwrap_or(0);
    let names = request.tool_names();
    let mut contents: Vec<Written<'_>> = Vec::new();
    for (index, group) in groups.iter().enumerate() {
        let mut content = Content::new(request, &names, target, losses);
        content.needs_proof =
            !own && index > running && target.profile.reasoning == ReasoningControl::Effort;
        for turn in *group {
            content.turn(turn)?;
        }
        let Some(written) = Written::of(content, group) else {
            continue;
        };
        match contents.last_mut() {
            Some(last) if !own && last.model == written.model => last.go_on(written),
            _ => contents.push(written),
        }
    }
    if !own && contents.first().is_none_or(|first| first.model) {
        losses.defaulted("contents");
        contents.insert(0, Written::nothing_said());
    }
    Ok(contents.iter().map(|content| content.json(own)).collect())
}

/// A content whose parts are written.
struct Written<'t> {
    model: bool,
    /// The turn that it was before, in its own dialect.
    turn: Option<&'t Turn>,
    results: Vec<String>,
    parts: Vec<String>,
}

impl<'t> Written<'t> {
    /// The content, unless nothing is left of it.
    fn of(content: Content<'_, '_>, group: &'t [Turn]) -> Option<Self> {
        let own = content.own;
        if content.results.is_empty() && content.parts.is_empty() && !own {
            return None;
        }
        let turn = group.first()?;
        Some(Self {
            model: is_model(turn),
            turn: own.then_some(turn),
            results: content.results,
            parts: content.parts,
        })
    }

    fn nothing_said() -> Self {
        Self {
            model: false,
            turn: None,
            results: Vec::new(),
            parts: vec![Writer::object(|part| part.text("text", NOTHING_SAID))],
        }
    }

    /// What stood between the two is lost, and the same side goes on.
    fn go_on(&mut self, mut other: Self) {
        self.results.append(&mut other.results);
        self.parts.append(&mut other.parts);
    }

    fn json(&self, own: bool) -> String {
        let given = self.turn.and_then(|turn| noted(&turn.extras, ROLE));
        let role = match given.map(|role| role.raw()) {
            Some(given) => given.text(),
            None if self.model => Some(Cow::Borrowed("model")),
            None => Some(Cow::Borrowed("user")),
        };
        Writer::object(|content| {
            content.text_if("role", role.as_deref());
            content.list("parts", |parts| {
                let all = self.results.iter().chain(&self.parts);
                all.for_each(|part| parts.raw(part));
            });
            if let Some(turn) = self.turn.filter(|_| own) {
                write(content, "", &turn.extras);
            }
        })
    }
}

fn is_model(turn: &Turn) -> bool {
    turn.role == Role::Assistant
}

/// Whether the user says something here and hands over no results: only behind that are the signatures of calls
/// looked at.
fn is_asked(group: &[Turn]) -> bool {
    let user = group.iter().filter(|turn| !is_model(turn));
    let mut parts = user.flat_map(|turn| &turn.parts).peekable();
    let asked = parts.peek().is_some();
    asked && parts.all(|part| !matches!(part.body, PartBody::ToolResult(_)))
}
