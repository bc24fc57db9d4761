//! What a JSON value is, told by its first byte.

use std::fmt;

/// The kind of a JSON value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JsonKind {
    /// `{…}`
    Object,
    /// `[…]`
    List,
    /// `"…"`
    Text,
    /// `-1.5e3`
    Number,
    /// `true` or `false`
    Flag,
    /// `null`
    Null,
}

impl JsonKind {
    /// The kind of the value that begins with `byte`, if any does.
    pub(crate) const fn beginning_with(byte: u8) -> Option<Self> {
        match byte {
            b'{' => Some(Self::Object),
            b'[' => Some(Self::List),
            b'"' => Some(Self::Text),
            b'-' | b'0'..=b'9' => Some(Self::Number),
            b't' | b'f' => Some(Self::Flag),
            b'n' => Some(Self::Null),
            _ => None,
        }
    }

    /// The kind with its article, as in "expected a list".
    pub(crate) const fn words(self) -> &'static str {
        match self {
            Self::Object => "an object",
            Self::List => "a list",
            Self::Text => "a string",
            Self::Number => "a number",
            Self::Flag => "a boolean",
            Self::Null => "null",
        }
    }
}

impl fmt::Display for JsonKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.words())
    }
}
