#![doc = include_str!("../README.md")]

mod anthropic_messages;
mod body_error;
pub mod canonical;
mod codec;
mod continuation;
mod dialect;
mod embeddings;
mod envelope;
mod error;
mod estimate;
mod event;
mod fold;
mod gemini;
mod head;
mod json;
mod loss;
mod media;
mod openai_chat;
mod openai_responses;
mod pieces;
mod profile;
mod raw_json;
mod sniff;
mod splice;
mod sse;
mod stream_translator;
mod structured_output;
mod translate;
mod usage;

pub use body_error::BodyError;
pub use codec::{AnswerContext, Codec, Inexpressible, StreamDecode, StreamEncode, Target};
pub use continuation::{encode_continuation, may_be_continued};
pub use dialect::{Dialect, Endpoint, Family};
pub use embeddings::{EmbeddingsAsk, VectorForm, reencode_embeddings};
pub use envelope::ENVELOPE_MARK;
pub use error::{ErrorKind, ErrorView, UpstreamError, is_native_error, parse_error, render_error};
pub use estimate::estimate_tokens;
pub use event::{Delta, StreamEvent};
pub use fold::{Fold, LawKeeper};
pub use head::{Head, HeadLimits, Member};
pub use json::{JsonKind, json_string};
pub use loss::{Loss, LossKind, Losses};
pub use openai_responses::kept;
pub use profile::{Continues, MaxTokensName, Profile, ReasoningControl};
pub use raw_json::RawJson;
pub use sniff::{
    AnswerError, AnswerSeen, EndRule, MALFORMED_EVENT, StreamEnd, StreamSniffer, sniff_answer,
    without_usage_chunk,
};
pub use splice::Splice;
pub use sse::{Frame, SseError, SseReader};
pub use stream_translator::StreamTranslator;
pub use translate::{TranslateError, decode_request, encode_answer, encode_request};
