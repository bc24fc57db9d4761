//! The form between the dialects: what a call and its answer mean, in no vendor's words.
//!
//! Every dialect is read into these types and written from them, so that n dialects need 2n
//! mappings. Calls whose target speaks the client's own dialect never come here.
//!
//! A member of a dialect that has no field here is kept as an extra and returns verbatim
//! to its own dialect; every other dialect accounts for it as a [`Loss`](crate::Loss). `null` counts
//! as absent.

mod answer;
mod check;
mod field;
mod names;
mod options;
mod part;
mod place;
mod request;
mod tools;

pub use answer::{Answer, Choice, Finish};
pub(crate) use field::Field;
pub(crate) use names::{Renamed, portable_name};
pub use options::{
    CacheHints, Effort, OutputFormat, ReasoningMode, ReasoningOptions, Sampling, State,
    ThoughtDisplay, Verbosity,
};
pub use part::{
    CacheMark, Citation, Media, MediaSource, Part, PartBody, Reasoning, ReasoningForm, ToolInput,
    ToolResult, ToolUse,
};
pub use place::{Place, path};
pub use request::{Extras, NOTE_MARK, Request, Role, Turn};
pub use tools::{AllowedMode, Tool, ToolBody, ToolChoice};
