//! Why a request body is refused, in words for the client and a code for its program.

use crate::json::{JsonKind, Problem, Syntax};

/// A request body that the gateway cannot serve.
///
/// `Display` names the field and the remedy; [`BodyError::param`] and [`BodyError::code`] fill the
/// error body's fields of those names.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BodyError {
    /// There is nothing but whitespace.
    #[error("the request body is empty; send a JSON object")]
    Empty,
    /// It is no UTF-8, the only encoding of JSON between systems (RFC 8259, section 8.1).
    #[error("the request body is not UTF-8 from byte {offset} on; encode it as UTF-8")]
    NotUtf8 {
        /// In bytes from the start.
        offset: usize,
    },
    /// It is no JSON.
    #[error("the request body is not valid JSON at line {line}, column {column}: {problem}")]
    Syntax {
        /// In bytes from the start.
        offset: usize,
        /// Counted from 1.
        line: usize,
        /// In characters, counted from 1.
        column: usize,
        /// What is wrong, as a fragment.
        problem: &'static str,
    },
    /// It is JSON of another kind.
    #[error("the request body is {found}; send a JSON object")]
    NotAnObject {
        /// What it begins as.
        found: JsonKind,
    },
    /// Its lists and objects are nested deeper than allowed.
    #[error("the request body is nested deeper than {limit} levels; flatten it")]
    TooDeep {
        /// The deepest level allowed.
        limit: u8,
    },
    /// Its outermost object has too many members.
    #[error("the request body has more than {limit} fields at its top level; remove some")]
    TooManyMembers {
        /// The largest number allowed.
        limit: usize,
    },
    /// A field stands twice, so that two readers could take two different values from it.
    #[error("`{name}` is given more than once; give it once")]
    Duplicate {
        /// The field.
        name: String,
    },
    /// A field is needed and absent or null.
    #[error("`{name}` is missing; add it as {expected}")]
    Missing {
        /// The field.
        name: &'static str,
        /// What it should be, with its article.
        expected: &'static str,
    },
    /// A field has a value of the wrong kind.
    #[error("`{name}` is {found}; make it {expected}")]
    WrongType {
        /// The field.
        name: &'static str,
        /// What it should be, with its article.
        expected: &'static str,
        /// What it is.
        found: JsonKind,
    },
    /// A field deep within the body cannot be read.
    #[error("`{path}` {problem}")]
    Invalid {
        /// Where it stands, such as `messages[3].content[1].image_url`.
        path: String,
        /// What is wrong and how to mend it.
        problem: String,
    },
    /// A field that names something is an empty string.
    #[error("`{name}` is an empty string; give it a value")]
    Blank {
        /// The field.
        name: &'static str,
    },
}

impl BodyError {
    /// The request field at fault, if it is one field's fault.
    #[must_use]
    pub fn param(&self) -> Option<&str> {
        match self {
            Self::Duplicate { name } => Some(name),
            Self::Invalid { path, .. } => Some(path)
                .filter(|path| !path.is_empty())
                .map(|path| &**path),
            Self::Missing { name, .. } | Self::WrongType { name, .. } | Self::Blank { name } => {
                Some(name)
            }
            Self::Empty
            | Self::NotUtf8 { .. }
            | Self::Syntax { .. }
            | Self::NotAnObject { .. }
            | Self::TooDeep { .. }
            | Self::TooManyMembers { .. } => None,
        }
    }

    /// A machine-readable word that stays the same when the wording changes.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Empty => "empty_body",
            Self::NotUtf8 { .. } => "body_not_utf8",
            Self::Syntax { .. } => "invalid_json",
            Self::NotAnObject { .. } => "body_not_an_object",
            Self::TooDeep { .. } => "body_too_deep",
            Self::TooManyMembers { .. } => "too_many_fields",
            Self::Duplicate { .. } => "duplicate_field",
            Self::Missing { .. } => "missing_field",
            Self::WrongType { .. } => "invalid_type",
            Self::Blank { .. } => "empty_string",
            Self::Invalid { .. } => "invalid_value",
        }
    }

    /// Tells a client that no JSON value begins at `offset` of `text`.
    pub(crate) fn no_value(text: &str, offset: usize) -> Self {
        let problem = Problem::NoValue;
        Self::at(text, Syntax { offset, problem }, 0)
    }

    /// Tells a client where in `text` the reader stopped, which kept to a depth of `depth`.
    pub(crate) fn at(text: &str, syntax: Syntax, depth: u8) -> Self {
        if syntax.problem == Problem::TooDeep {
            return Self::TooDeep { limit: depth };
        }
        let before = text.as_bytes().get(..syntax.offset).unwrap_or_default();
        let line_start = memchr::memrchr(b'\n', before).map_or(0, |newline| newline + 1);
        let column = String::from_utf8_lossy(before.get(line_start..).unwrap_or_default());
        Self::Syntax {
            offset: syntax.offset,
            line: 1 + memchr::memchr_iter(b'\n', before).count(),
            column: 1 + column.chars().count(),
            problem: syntax.problem.words(),
        }
    }
}
