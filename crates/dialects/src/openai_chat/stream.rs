//! Streams of `chat.completion.chunk` events.

mod calls;
mod decode;
mod encode;
mod form;
mod frames;
mod parts;
#[cfg(test)]
mod tests;
mod told;

pub(super) use decode::Decoder;
pub(super) use encode::Encoder;
