//! Reads a request to the letter: a value of the wrong kind is an error that names its path.

use std::borrow::Cow;

use super::{JsonKind, Raw, Rules};
use crate::BodyError;

/// Reads the body of a request as the object it must be, for the codecs.
///
/// # Errors
/// [`BodyError`] if it is none.
pub(crate) fn request_object(body: &str) -> Result<Raw<'_>, BodyError> {
    const RULES: Rules = Rules {
        depth: Rules::DEEPEST,
        lone_surrogates: false,
    };
    let text = body.trim_ascii();
    if text.is_empty() {
        return Err(BodyError::Empty);
    }
    let value =
        Raw::parse(text, RULES).map_err(|syntax| BodyError::at(text, syntax, RULES.depth))?;
    match value.kind() {
        Some(JsonKind::Object) => Ok(value),
        found => Err(BodyError::NotAnObject {
            found: found.unwrap_or(JsonKind::Null),
        }),
    }
}

/// What is wrong with a request, and where. The path grows from the inside out as the error is
/// handed up, so that a sound request pays nothing for it.
#[derive(Debug)]
pub(crate) struct Invalid {
    path: String,
    problem: String,
}

impl Invalid {
    /// A problem of the value that is being read. A sentence that follows "`path` ": "is neither a nor b".
    pub(crate) fn here(problem: impl Into<String>) -> Self {
        Self {
            path: String::new(),
            problem: problem.into(),
        }
    }

    fn under(mut self, name: &str) -> Self {
        let dot = if self.path.is_empty() || self.path.starts_with('[') {
            ""
        } else {
            "."
        };
        self.path = format!("{name}{dot}{}", self.path);
        self
    }
}

impl From<Invalid> for BodyError {
    fn from(Invalid { path, problem }: Invalid) -> Self {
        Self::Invalid { path, problem }
    }
}

/// Says where an error occurred.
pub(crate) trait Locate {
    /// In the member of this name.
    fn at(self, name: &str) -> Self;
    /// In the item of this index.
    fn at_index(self, index: usize) -> Self;
}

impl<T> Locate for Result<T, Invalid> {
    fn at(self, name: &str) -> Self {
        self.map_err(|error| error.under(name))
    }

    fn at_index(self, index: usize) -> Self {
        self.map_err(|error| error.under(&format!("[{index}]")))
    }
}

impl<'a> Raw<'a> {
    fn wrong(self, expected: &str) -> Invalid {
        let found = self.kind().unwrap_or(JsonKind::Null);
        Invalid::here(format!("is {found}; make it {expected}"))
    }

    /// The text of a string.
    pub(crate) fn want_text(self) -> Result<Cow<'a, str>, Invalid> {
        self.text().ok_or_else(|| self.wrong("a string"))
    }

    /// The text of a string, owned.
    pub(crate) fn want_string(self) -> Result<String, Invalid> {
        self.want_text().map(Cow::into_owned)
    }

    /// A whole number from 0.
    pub(crate) fn want_count(self) -> Result<u64, Invalid> {
        self.whole()
            .and_then(|number| u64::try_from(number).ok())
            .ok_or_else(|| self.wrong("a whole number from 0"))
    }

    /// A whole number.
    pub(crate) fn want_integer(self) -> Result<i64, Invalid> {
        self.whole().ok_or_else(|| self.wrong("a whole number"))
    }

    /// Also `3.0` and `3e0`, which some clients write.
    fn whole(self) -> Option<i64> {
        const EXACT: f64 = 9_007_199_254_740_992.0;
        self.json().parse().ok().or_else(|| {
            let number = self.number()?;
            let whole = number.fract() == 0.0 && number.abs() < EXACT;
            #[expect(clippy::cast_possible_truncation, reason = "checked the line above")]
            whole.then_some(number as i64)
        })
    }

    /// A number.
    pub(crate) fn want_number(self) -> Result<f64, Invalid> {
        self.number().ok_or_else(|| self.wrong("a number"))
    }

    /// A number, if it is one.
    pub(crate) fn number(self) -> Option<f64> {
        (self.kind()? == JsonKind::Number).then(|| self.json().parse().ok())?
    }

    /// A boolean.
    pub(crate) fn want_flag(self) -> Result<bool, Invalid> {
        self.flag().ok_or_else(|| self.wrong("true or false"))
    }

    /// The value itself, which must be an object.
    pub(crate) fn want_object(self) -> Result<Self, Invalid> {
        match self.kind() {
            Some(JsonKind::Object) => Ok(self),
            _ => Err(self.wrong("an object")),
        }
    }

    /// The members of an object that are not `null`.
    pub(crate) fn want_members(
        self,
    ) -> Result<impl Iterator<Item = (Cow<'a, str>, Self)>, Invalid> {
        Ok(self.want_object()?.members())
    }

    /// The items of a list with their indexes.
    pub(crate) fn want_items(self) -> Result<impl Iterator<Item = (usize, Self)>, Invalid> {
        if self.kind() != Some(JsonKind::List) {
            return Err(self.wrong("a list"));
        }
        Ok(self.items().enumerate())
    }

    /// The `type` of an object.
    pub(crate) fn want_type(self) -> Result<Cow<'a, str>, Invalid> {
        self.want_object()?
            .want_member("type")?
            .want_text()
            .at("type")
    }

    /// A member that must be there.
    pub(crate) fn want_member(self, name: &str) -> Result<Self, Invalid> {
        self.member(name)
            .ok_or_else(|| Invalid::here("is missing"))
            .at(name)
    }
}
