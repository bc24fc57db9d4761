//! JSON text that is carried along unread.

use std::fmt;

use crate::BodyError;
use crate::json::{Raw, Rules, json_string};

/// One JSON value as somebody wrote it: valid, without whitespace around it, every digit kept.
#[derive(Clone, PartialEq, Eq)]
pub struct RawJson(Box<str>);

impl RawJson {
    /// Takes over `text` if it is one valid JSON value.
    ///
    /// # Errors
    /// [`BodyError`] says where it stops being one.
    pub fn parse(text: &str) -> Result<Self, BodyError> {
        let raw = Raw::parse(text, Rules::ANSWER)
            .map_err(|syntax| BodyError::at(text, syntax, Rules::DEEPEST))?;
        Ok(raw.into())
    }

    /// A JSON string that says `text`.
    #[must_use]
    pub fn string(text: &str) -> Self {
        Self(json_string(text).into())
    }

    /// Takes over what a writer of this crate wrote.
    pub(crate) fn of_written(text: String) -> Self {
        debug_assert!(Raw::parse(&text, Rules::ANSWER).is_ok(), "{text}");
        Self(text.into())
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The value, to be looked into.
    pub(crate) fn raw(&self) -> Raw<'_> {
        Raw::of_validated(&self.0)
    }
}

impl From<Raw<'_>> for RawJson {
    fn from(raw: Raw<'_>) -> Self {
        Self(raw.json().into())
    }
}

impl fmt::Debug for RawJson {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for RawJson {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
