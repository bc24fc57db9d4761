//! Requests.

mod decode;
mod encode;
mod strictness;

pub(super) use decode::decode;
pub(super) use encode::encode;
