//! Requests.

mod decode;
mod encode;

pub(super) use decode::{citation, request as decode};
pub(super) use encode::request as encode;
