//! Answers in one piece (`Message` of the SDK, its beta included).

mod block;
mod decode;
mod encode;
mod part;
mod places;
mod told;

pub(super) use block::read as read_block;
pub(super) use decode::{decode, keep_usage_extras};
pub(super) use encode::{encode, lost_choices, lost_finish, message_id, write_usage};
pub(super) use part::{write_citation, write_input};
pub(super) use places::{ANSWER, citations, logprobs};
pub(super) use told::Told;
