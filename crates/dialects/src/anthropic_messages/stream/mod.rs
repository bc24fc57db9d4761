//! Streams (`RawMessageStreamEvent` of the SDK, its beta included).

mod blocks;
mod decode;
mod encode;
mod frames;
mod held;
mod kind;
mod live;

pub(super) use decode::Decoder;
pub(super) use encode::Encoder;

#[cfg(test)]
mod tests;
