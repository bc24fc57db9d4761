//! Anthropic Messages.

mod block;
mod request;
mod tell;
mod turns;

pub(super) use request::read;
pub(super) use tell::{stream, whole};
