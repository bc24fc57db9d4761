//! OpenAI Chat Completions, as OpenAI and DeepSeek take and tell it.

mod message;
mod request;
mod tell;

pub(super) use request::read;
pub(super) use tell::{stream, whole};
