//! Answers in one piece, and what streams share with them.

mod candidate;
mod citations;
mod decode;
mod encode;
mod ids;
mod logprobs;
mod say;

pub(super) use candidate::{Candidate, place};
pub(super) use citations::{found, is_sayable, write as write_citations};
pub(super) use decode::{decode, is_blocked};
pub(super) use encode::{content, encode, head, placed, tier_word, write_finish, write_usage};
pub(super) use ids::give_id;
pub(super) use logprobs::{from_openai, to_openai};
pub(super) use say::{SECTION_BREAK, Said};
