//! Connections from clients: accepted, bounded, watched, drained.

mod accept;
mod admission;
mod watch;

pub(crate) use accept::{Limits, serve};
