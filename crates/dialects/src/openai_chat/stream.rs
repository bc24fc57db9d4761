//! Streams of `chat.completion.chunk` events.

mod calls;
mod decode;
mod encode;
mod form;
mod frames;
mod parts;
mod told;

pub(super) use decode::Decoder;
pub(super) use encode::Encoder;
