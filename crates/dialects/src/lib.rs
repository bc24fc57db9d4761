#![doc = include_str!("../README.md")]

mod body_error;
mod dialect;
mod error;
mod head;
mod json;
mod sniff;
mod splice;
mod sse;

pub use body_error::BodyError;
pub use dialect::{Dialect, Endpoint, Family};
pub use error::{ErrorKind, ErrorView, UpstreamError, is_native_error, parse_error, render_error};
pub use head::{Head, HeadLimits, Member};
pub use json::{JsonKind, json_string};
pub use sniff::{
    AnswerError, AnswerSeen, EndRule, MALFORMED_EVENT, StreamEnd, StreamSniffer, sniff_answer,
};
pub use splice::Splice;
pub use sse::{Frame, SseError, SseReader};
