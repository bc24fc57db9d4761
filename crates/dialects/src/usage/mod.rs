//! The vendors' token counts: read into disjoint counters, and written back in each one's convention.

mod gemini;
mod read;
mod write;

pub(crate) use gemini::of_gemini;
pub(crate) use read::{AnthropicCounts, of_openai, pass_openai};
pub(crate) use write::{anthropic, openai_chat, openai_responses};
