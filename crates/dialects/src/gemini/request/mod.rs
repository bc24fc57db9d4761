//! Requests.

mod choice;
mod config;
mod contents;
mod decode;
mod encode;
mod generation;
mod offer;
mod results;
mod thinking;
mod tools;
mod turns;

pub(super) use decode::decode;
pub(super) use encode::encode;
