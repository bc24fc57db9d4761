//! Google's Gemini.

mod content;
mod request;
mod tell;

pub(super) use request::read;
pub(super) use tell::{array, stream, whole};
