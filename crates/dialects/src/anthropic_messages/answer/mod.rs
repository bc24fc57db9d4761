//! Answers in one piece (`Message` of the SDK, its beta included).

mod block;
mod decode;
mod encode;
mod told;

pub(super) use block::read as read_block;
pub(super) use decode::{decode, keep_usage_extras};
pub(super) use encode::{
    encode, lost_choices, lost_finish, message_id, write_citation, write_input, write_usage,
};
pub(super) use told::Told;
