//! Values that were validated before, looked into without a tree.

use std::borrow::Cow;

use super::cursor::{Cursor, Rules, Syntax};
use super::kind::JsonKind;
use super::text::decode;

/// A JSON value as it stands in validated text, without whitespace around it.
///
/// Reading the wrong kind gives `None` instead of an error: a provider that writes a string where
/// a number belongs has not said what we ask for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Raw<'a>(&'a str);

/// Validates `text` and picks the members with these names out of the object it must be; `None`
/// if it is no object. A `null` counts as absent, the last of several wins.
pub(crate) fn pick<'a, const N: usize>(
    text: &'a str,
    names: [&str; N],
) -> Result<Option<[Option<Raw<'a>>; N]>, Syntax> {
    let mut picked = [None; N];
    let mut json = Cursor::new(text, Rules::ANSWER);
    if !json.enter_object()? {
        return Ok(None);
    }
    while let Some(key) = json.next_member()? {
        let value = json.skip()?;
        if let Some(place) = names.iter().position(|name| *name == key) {
            picked[place] = Raw(json.slice(value)).unless_null();
        }
    }
    json.end()?;
    Ok(Some(picked))
}

impl<'a> Raw<'a> {
    /// Validates `text` as one value.
    pub(crate) fn parse(text: &'a str, rules: Rules) -> Result<Self, Syntax> {
        let mut json = Cursor::new(text, rules);
        let value = Self::pass(&mut json)?;
        json.end()?;
        Ok(value)
    }

    /// Passes the cursor's next value.
    #[inline]
    pub(crate) fn pass(json: &mut Cursor<'a>) -> Result<Self, Syntax> {
        let span = json.skip()?;
        Ok(Self(json.slice(span)))
    }

    /// Wraps text that is known to be one valid value.
    pub(crate) const fn of_validated(text: &'a str) -> Self {
        Self(text)
    }

    /// Nothing, if it is `null`.
    #[inline]
    pub(crate) fn unless_null(self) -> Option<Self> {
        (self.0 != "null").then_some(self)
    }

    /// The value's own text.
    pub(crate) const fn json(self) -> &'a str {
        self.0
    }

    /// What it is.
    pub(crate) fn kind(self) -> Option<JsonKind> {
        let first = self.0.as_bytes().first()?;
        JsonKind::beginning_with(*first)
    }

    /// The text of a string.
    pub(crate) fn text(self) -> Option<Cow<'a, str>> {
        (self.kind()? == JsonKind::Text).then(|| decode(self.0))
    }

    /// A whole number from 0 to [`u64::MAX`], written without fraction or exponent.
    pub(crate) fn count(self) -> Option<u64> {
        self.0.parse().ok()
    }

    /// A boolean.
    pub(crate) fn flag(self) -> Option<bool> {
        match self.0 {
            "true" => Some(true),
            "false" => Some(false),
            _ => None,
        }
    }

    /// Whether a consumer gets anything from it: a string, list or object that is not empty, a
    /// number or a boolean.
    pub(crate) fn says_something(self) -> bool {
        match self.kind() {
            None | Some(JsonKind::Null) => false,
            Some(JsonKind::Text) => self.0 != "\"\"",
            Some(JsonKind::Number | JsonKind::Flag) => true,
            Some(JsonKind::Object | JsonKind::List) => {
                let inner = self.0.get(1..self.0.len() - 1).unwrap_or_default();
                !inner.trim_ascii().is_empty()
            }
        }
    }

    /// The members of an object with these names; all `None` if it is something else.
    pub(crate) fn pick<const N: usize>(self, names: [&str; N]) -> [Option<Self>; N] {
        pick(self.0, names).ok().flatten().unwrap_or([None; N])
    }

    /// The member of an object with this name.
    pub(crate) fn member(self, name: &str) -> Option<Self> {
        let [value] = self.pick([name]);
        value
    }

    /// The members of an object that are not `null`; none if it is something else.
    pub(crate) fn members(self) -> impl Iterator<Item = (Cow<'a, str>, Self)> {
        let mut json = Cursor::new(self.0, Rules::ANSWER);
        let mut inside = json.enter_object().unwrap_or(false);
        std::iter::from_fn(move || {
            while inside && let Ok(Some(name)) = json.next_member() {
                match Self::pass(&mut json).map(Self::unless_null) {
                    Ok(Some(value)) => return Some((name, value)),
                    Ok(None) => {}
                    Err(_) => break,
                }
            }
            inside = false;
            None
        })
    }

    /// The items of a list; none if it is something else.
    pub(crate) fn items(self) -> impl Iterator<Item = Raw<'a>> {
        let mut json = Cursor::new(self.0, Rules::ANSWER);
        let mut inside = json.enter_list().unwrap_or(false);
        std::iter::from_fn(move || {
            inside = inside && json.next_item().unwrap_or(false);
            inside.then(|| Self::pass(&mut json).ok())?
        })
    }
}
