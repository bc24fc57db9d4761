//! The order of messages.
//!
//! A Chat client's turns are its messages. Turns of other dialects are put in the one order that Chat takes: all
//! calls of the model in one message with the text before them, and their results directly behind it.

use std::collections::HashSet;

use super::super::super::inner;
use super::assistant::Spoken;
use super::content::{self, Entry, Form, Takes};
use super::results::Results;
use super::{Scope, marks};
use crate::Losses;
use crate::canonical::{Part, PartBody, Place, Role, Turn};
use crate::json::{ListWriter, ObjectWriter};

/// Writes `messages`. `instructions` are ours and join the first of the application.
pub(super) fn write(
    list: &mut ListWriter<'_>,
    scope: &Scope<'_>,
    instructions: Option<String>,
    losses: &mut Losses,
) {
    let mut messages = Messages {
        scope: *scope,
        losses,
        list,
        placed: HashSet::new(),
    };
    messages.all(instructions);
}

struct Messages<'a, 'l, 'w> {
    scope: Scope<'a>,
    losses: &'l mut Losses,
    list: &'l mut ListWriter<'w>,
    /// The calls whose results stand in their place already.
    placed: HashSet<&'a str>,
}

impl<'a> Messages<'a, '_, '_> {
    fn all(&mut self, instructions: Option<String>) {
        let turns = &self.scope.request.turns;
        let mut at = 0;
        if let Some(instructions) = self.lead(instructions)
            && let Some(first) = turns.first()
        {
            self.application(first, Some(instructions));
            at = 1;
        }
        while let Some(rest) = turns.get(at..).filter(|rest| !rest.is_empty()) {
            at += self.next(rest);
        }
    }

    /// Writes what stands outside of the conversation. Hands the instructions back if they belong into the
    /// first turn: some servers take one message of the application only.
    fn lead(&mut self, instructions: Option<String>) -> Option<String> {
        let scope = self.scope;
        let first = scope.request.turns.first().map(|turn| turn.role);
        if scope.request.system.is_empty() && matches!(first, Some(Role::System | Role::Developer))
        {
            return instructions;
        }
        let mut entries = Vec::new();
        for part in &scope.request.system {
            entries.extend(content::entry(
                &scope,
                &[part.at],
                part,
                Takes::Text,
                self.losses,
            ));
        }
        entries.extend(instructions.map(Entry::note));
        if !entries.is_empty() {
            let form = self.form_of_others();
            self.list.object(|message| {
                message.text("role", "system");
                content::write(message, &entries, form);
            });
        }
        None
    }

    /// Writes the next turn, or several that make one message; tells how many.
    fn next(&mut self, rest: &'a [Turn]) -> usize {
        let Some(turn) = rest.first() else { return 0 };
        match turn.role {
            Role::System | Role::Developer => self.application(turn, None),
            Role::User => self.user(turn),
            Role::Assistant => {
                let adjacent = rest.iter().take_while(|turn| turn.role == Role::Assistant);
                let count = if self.scope.own { 1 } else { adjacent.count() };
                let (group, rest) = rest.split_at(count);
                self.assistant(group, rest);
                return count;
            }
        }
        1
    }

    fn application(&mut self, turn: &'a Turn, instructions: Option<String>) {
        let role = match turn.role {
            Role::Developer if self.scope.profile.developer_role => "developer",
            Role::Developer => {
                self.losses.approximated(&[turn.at, Place::member("role")]);
                "system"
            }
            _ => "system",
        };
        let mut entries = self.entries(turn, Takes::Text);
        entries.extend(instructions.map(Entry::note));
        self.message(turn, role, &entries, self.form_of_others());
    }

    fn user(&mut self, turn: &'a Turn) {
        let results = self.results_in(turn);
        self.results(results);
        let entries = self.entries(turn, Takes::Media);
        let only_results = !turn.parts.is_empty() && turn.parts.iter().all(is_result);
        if only_results || (entries.is_empty() && !self.scope.own && turn.parts.is_empty()) {
            return;
        }
        if entries.is_empty() && turn.parts.iter().any(is_media) {
            // The model should know that something was shown.
            let note = Entry::note("[The user sent a file here that this model cannot take.]");
            self.message(turn, "user", &[note], Form::Parts);
            return;
        }
        self.message(turn, "user", &entries, self.form_of_users());
    }

    fn assistant(&mut self, group: &'a [Turn], rest: &'a [Turn]) {
        let scope = self.scope;
        let spoken = Spoken::gather(&scope, group, self.losses);
        if !spoken.is_empty() || scope.own {
            let form = self.form_of_others();
            self.list
                .object(|message| spoken.write(message, &scope, form));
        }
        if scope.own {
            return;
        }
        let mut open: HashSet<&str> = spoken.call_ids().collect();
        let mut results = Vec::new();
        for turn in rest {
            if open.is_empty() {
                break;
            }
            for (id, part) in turn.parts.iter().filter_map(result_id) {
                if open.remove(id) {
                    results.push((turn, part));
                    self.placed.insert(id);
                }
            }
        }
        self.results(results);
    }

    /// The results in a turn that have no place yet.
    fn results_in(&self, turn: &'a Turn) -> Vec<(&'a Turn, &'a Part)> {
        let results = turn.parts.iter().filter_map(result_id);
        results
            .filter(|(id, _)| !self.placed.contains(id))
            .map(|(_, part)| (turn, part))
            .collect()
    }

    fn results(&mut self, all: Vec<(&'a Turn, &'a Part)>) {
        let mut results = Results::new(self.scope, self.form_of_others());
        for (turn, part) in all {
            results.write(self.list, turn, part, self.losses);
        }
        results.write_media(self.list);
    }

    /// Everything in a turn but results.
    fn entries(&mut self, turn: &'a Turn, takes: Takes) -> Vec<Entry<'a>> {
        let parts = turn.parts.iter().filter(|part| !is_result(part));
        parts
            .filter_map(|part| {
                let path = [turn.at, part.at];
                content::entry(&self.scope, &path, part, takes, self.losses)
            })
            .collect()
    }

    fn message(&mut self, turn: &Turn, role: &str, entries: &[Entry<'_>], form: Form) {
        let own = self.scope.own;
        if !own {
            note_frame(turn, self.losses);
            if entries.is_empty() {
                return;
            }
        }
        self.list.object(|message| {
            message.text("role", role);
            content::write(message, entries, form);
            if own {
                message.text_if("name", turn.name.as_deref());
                write_frame(message, turn);
            }
        });
    }

    /// Servers that know no pictures are the ones that take nothing but strings (DeepSeek).
    const fn form_of_users(&self) -> Form {
        if self.scope.profile.media {
            Form::Parts
        } else {
            Form::OneText
        }
    }

    /// Lists in messages that are not the user's are new to many compatible servers.
    const fn form_of_others(&self) -> Form {
        match (self.scope.own, self.scope.profile.openai_fields) {
            (_, true) => Form::Parts,
            (true, false) => self.form_of_users(),
            (false, false) => Form::OneText,
        }
    }
}

/// What a turn of another dialect says beside its parts.
pub(super) fn note_frame(turn: &Turn, losses: &mut Losses) {
    if turn.name.is_some() {
        losses.dropped(&[turn.at, Place::member("name")]);
    }
    losses.dropped_extras(&[turn.at], &turn.extras);
}

/// What a Chat client's message says beside its content.
pub(super) fn write_frame(message: &mut ObjectWriter<'_>, turn: &Turn) {
    let mark = turn.parts.last().and_then(marks::of_message);
    message.raw_if("cache_control", mark);
    inner::write_outer(message, &turn.extras, &[]);
}

fn is_result(part: &Part) -> bool {
    result_id(part).is_some()
}

const fn is_media(part: &Part) -> bool {
    matches!(
        part.body,
        PartBody::Image(_) | PartBody::Audio(_) | PartBody::Document(_)
    )
}

fn result_id(part: &Part) -> Option<(&str, &Part)> {
    match &part.body {
        PartBody::ToolResult(result) => Some((&result.id, part)),
        _ => None,
    }
}
