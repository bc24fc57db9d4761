//! Requests.

mod choice;
mod config;
mod content;
mod conversation;
mod decode;
mod encode;
mod generation;
mod offer;
mod results;
mod thinking;
mod tools;
mod turns;

#[cfg(test)]
mod tests;

pub(super) use decode::decode;
pub(super) use encode::encode;
