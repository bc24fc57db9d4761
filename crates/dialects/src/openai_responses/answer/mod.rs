//! Answers.

mod decode;
mod echo;
mod encode;
mod finish;
#[cfg(test)]
mod tests;

pub(super) use decode::{
    answer as decode, call, failure, item_parts, message_extras, opaque, opaque_content,
    read_logprobs, seconds, text,
};
pub(super) use echo::Echo;
pub(super) use encode::{Ending, Shell, answer as encode, choices_name, service_tier};
pub(super) use finish::{Held, read as read_finish, write as write_finish};
