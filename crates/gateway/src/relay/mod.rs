//! Handing an upstream's answer on to the client.

mod events;
mod raw;
mod stream;

pub(crate) use events::{EventStream, Piece};
pub(crate) use raw::RawRelay;
pub(crate) use stream::{Bounds, Opened, StreamRelay};
