//! OpenAI Responses.

mod item;
mod request;
mod tell;

pub(super) use request::read;
pub(super) use tell::{stream, whole};
