//! Requests.

mod decode;
mod encode;

pub(super) use decode::{citation, input, request as decode};
pub(super) use encode::{items, request as encode};
