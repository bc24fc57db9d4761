//! The one JSON reader of this crate: it validates by the full grammar of RFC 8259 and reports
//! where things stand, but builds no tree.
//!
//! [`Cursor`] walks bytes, [`Members`] and [`Items`] walk one level of an object or list, and
//! [`Raw`] is a value that was validated before and is now only looked into.

mod cursor;
mod kind;
mod level;
mod raw;
mod skim;
mod text;

pub use kind::JsonKind;
pub use text::json_string;

pub(crate) use cursor::{Problem, Rules, Syntax};
pub(crate) use level::{Members, Spans};
pub(crate) use raw::{Raw, pick};
pub(crate) use text::decode;
