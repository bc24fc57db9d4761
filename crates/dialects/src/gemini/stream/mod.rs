//! Streams: each event is a whole answer that holds what is new.

mod choice;
mod decode;
mod encode;
mod queue;

#[cfg(test)]
mod tests;

pub(super) use decode::Decoder;
pub(super) use encode::Encoder;
