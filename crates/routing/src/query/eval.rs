//! Whether a condition holds.

use std::borrow::Cow;

use serde_json::Value;

use super::{Field, Query, Test};
use crate::facts::{Compat, Facts};

impl Query {
    /// Whether it holds for the call. A field that the call does not have passes no test; in Portkey's
    /// manner it passes `$ne` and `$nin`, and is the text `undefined` for `$regex`.
    #[must_use]
    pub fn holds(&self, facts: &dyn Facts, compat: Compat) -> bool {
        match self {
            Self::All(parts) => parts.iter().all(|part| part.holds(facts, compat)),
            Self::Any(parts) => parts.iter().any(|part| part.holds(facts, compat)),
            Self::Field { field, tests } => {
                let value = field.of(facts);
                match compat {
                    Compat::Correct => {
                        value.is_some_and(|value| tests.iter().all(|test| test.passes(&value)))
                    }
                    Compat::Portkey => portkey(value.as_deref(), tests),
                }
            }
        }
    }
}

/// As Portkey 1.x takes a field that is missing. That it ignores what stands behind a `$regex` is not imitated: in JSON the
/// order of members means nothing.
fn portkey(value: Option<&Value>, tests: &[Test]) -> bool {
    tests.iter().all(|test| match (value, test) {
        (Some(value), test) => test.passes(value),
        (None, Test::Ne(_) | Test::Nin(_)) => true,
        (None, Test::Regex(pattern)) => pattern.is_match("undefined"),
        (None, _) => false,
    })
}

impl Field {
    fn of<'f>(&self, facts: &'f dyn Facts) -> Option<Cow<'f, Value>> {
        let owned = |text: &str| Cow::Owned(Value::String(text.to_owned()));
        match self {
            Self::Metadata(name) => facts.metadata(name).map(owned),
            Self::Param(path) => within(facts, path),
            Self::Header(name) => facts.header(name).map(owned),
            Self::Path => Some(owned(facts.path())),
            Self::Hour => Some(Cow::Owned((facts.unix().as_secs() / 3600 % 24).into())),
            // 1970-01-01 was a Thursday.
            Self::Weekday => Some(Cow::Owned(
                ((facts.unix().as_secs() / 86_400 + 3) % 7 + 1).into(),
            )),
        }
    }
}

/// The member of the body at a path of names.
fn within<'f>(facts: &'f dyn Facts, path: &[String]) -> Option<Cow<'f, Value>> {
    let (name, inner) = path.split_first()?;
    let value = facts.param(name)?;
    if inner.is_empty() {
        return Some(Cow::Borrowed(value));
    }
    let found = inner.iter().try_fold(value, |value, name| value.get(name));
    found.map(Cow::Borrowed)
}

impl Test {
    fn passes(&self, value: &Value) -> bool {
        let compare = |holds: fn(&f64, &f64) -> bool, bound: &f64| {
            number(value).is_some_and(|number| holds(&number, bound))
        };
        match self {
            Self::Eq(wanted) => equal(value, wanted),
            Self::Ne(unwanted) => !equal(value, unwanted),
            Self::Gt(bound) => compare(f64::gt, bound),
            Self::Gte(bound) => compare(f64::ge, bound),
            Self::Lt(bound) => compare(f64::lt, bound),
            Self::Lte(bound) => compare(f64::le, bound),
            Self::In(wanted) => wanted.iter().any(|wanted| equal(value, wanted)),
            Self::Nin(unwanted) => !unwanted.iter().any(|unwanted| equal(value, unwanted)),
            Self::Regex(pattern) => pattern.is_match(beginning(&text(value))),
        }
    }
}

/// Numbers are equal however they are written; otherwise types count.
fn equal(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Number(one), Value::Number(other)) => one.as_f64() == other.as_f64(),
        _ => one == other,
    }
}

/// A number, or a text that is one.
pub(super) fn number(value: &Value) -> Option<f64> {
    match value {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => text
            .trim()
            .parse()
            .ok()
            .filter(|number: &f64| number.is_finite()),
        _ => None,
    }
}

/// So much of a text as a pattern looks at, in bytes. A pattern may take time for each of its states at each byte, and both may be
/// the caller's: a counted repetition took 17 s for 1 MiB.
const MOST_MATCHED: usize = 8 * 1024;

fn beginning(text: &str) -> &str {
    &text[..text.floor_char_boundary(MOST_MATCHED)]
}

fn text(value: &Value) -> Cow<'_, str> {
    match value {
        Value::String(text) => Cow::Borrowed(text),
        other => Cow::Owned(other.to_string()),
    }
}
