//! Where the members of the outermost object stand.

use std::ops::Range;

use crate::BodyError;
use crate::head::HeadLimits;
use crate::json::{Cursor, JsonKind};

/// One top-level member of a body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// Where its name stands, quotes included.
    pub key: Range<usize>,
    /// Where its value stands, without whitespace around it.
    pub value: Range<usize>,
    /// Where its decoded name stands among all names.
    name: Range<usize>,
}

/// The members of the outermost object, each name only once.
#[derive(Clone, Debug)]
pub(super) struct Table {
    members: Vec<Member>,
    /// All decoded names, one after the other: one allocation instead of one each.
    names: String,
    /// In bytes.
    pub(super) body_length: usize,
    /// Where the closing brace stands.
    pub(super) close: usize,
}

impl Table {
    /// Validates the whole of `text` and notes its members.
    pub(super) fn of(text: &str, limits: HeadLimits) -> Result<Self, BodyError> {
        let rules = limits.rules();
        let located = |syntax| BodyError::at(text, syntax, rules.depth);
        if !text.trim_ascii_start().starts_with('{') {
            return Err(not_an_object(text));
        }
        let mut json = Cursor::new(text, rules);
        json.enter_object().map_err(located)?;
        let mut table = Self {
            // Real requests have some ten members with names of some ten bytes.
            members: Vec::with_capacity(16),
            names: String::with_capacity(256),
            body_length: text.len(),
            close: text.trim_ascii_end().len().saturating_sub(1),
        };
        while let Some(key) = json.next_key().map_err(located)? {
            if table.members.len() == limits.members {
                return Err(BodyError::TooManyMembers {
                    limit: limits.members,
                });
            }
            let value = json.skip().map_err(located)?;
            table.note(&json.name(&key), key.span, value);
        }
        json.end().map_err(located)?;
        table.refuse_duplicates()?;
        Ok(table)
    }

    pub(super) fn member(&self, name: &str) -> Option<&Member> {
        self.members.iter().find(|member| self.name(member) == name)
    }

    pub(super) fn members(&self) -> impl Iterator<Item = (&str, &Member)> {
        self.members
            .iter()
            .map(|member| (self.name(member), member))
    }

    fn name(&self, member: &Member) -> &str {
        self.names.get(member.name.clone()).unwrap_or_default()
    }

    fn note(&mut self, name: &str, key: Range<usize>, value: Range<usize>) {
        let start = self.names.len();
        self.names.push_str(name);
        let name = start..self.names.len();
        self.members.push(Member { key, value, name });
    }

    /// Sorts instead of comparing each with each: a hostile body may have as many members as the
    /// limits allow.
    fn refuse_duplicates(&self) -> Result<(), BodyError> {
        let mut names: Vec<&str> = self.members().map(|(name, _)| name).collect();
        names.sort_unstable();
        match names.windows(2).find(|pair| pair[0] == pair[1]) {
            None => Ok(()),
            Some(pair) => Err(duplicate(pair[0])),
        }
    }
}

/// The complaint about a name that stands twice, cut short where a client made it long.
fn duplicate(name: &str) -> BodyError {
    const SHOWN_CHARS: usize = 64;
    BodyError::Duplicate {
        name: name.chars().take(SHOWN_CHARS).collect(),
    }
}

fn not_an_object(text: &str) -> BodyError {
    let body = text.trim_ascii_start();
    match body.bytes().next().map(JsonKind::beginning_with) {
        None => BodyError::Empty,
        Some(Some(found)) => BodyError::NotAnObject { found },
        Some(None) => BodyError::no_value(text, text.len() - body.len()),
    }
}
