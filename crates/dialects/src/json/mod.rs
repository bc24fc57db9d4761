//! The one JSON reader of this crate: it validates by the full grammar of RFC 8259 and reports
//! where things stand, but builds no tree.
//!
//! [`Cursor`] walks unknown text; [`Raw`] is a value that was validated before and is now only looked
//! into; [`Writer`] writes.

mod cursor;
mod kind;
mod raw;
mod read;
mod skim;
mod text;
mod write;

pub use kind::JsonKind;
pub use text::json_string;

pub(crate) use cursor::{Cursor, Problem, Rules, Syntax};
pub(crate) use raw::{Raw, pick};
pub(crate) use read::{Invalid, Locate, request_object};
pub(crate) use text::decode;
pub(crate) use write::{ListWriter, ObjectWriter, Writer};
