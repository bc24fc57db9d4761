//! Handing an upstream's answer on to the client.

mod events;
mod gathered;
mod held_end;
mod lull;
mod named;
mod passage;
mod raw;
mod recovering;
mod stream;
mod way_on;

pub(crate) use events::{EventStream, Piece};
pub(crate) use named::Named;
pub(crate) use passage::{Direct, Passage, Seen, Translated};
pub(crate) use raw::RawRelay;
pub(crate) use stream::{Bounds, Opened, StreamRelay};
