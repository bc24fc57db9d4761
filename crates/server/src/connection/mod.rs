//! Connections from clients: accepted, bounded, watched, drained.

mod accept;
mod admission;
mod load;
mod watch;

pub(crate) use accept::{Limits, Routers, serve};
pub(crate) use load::Load;
