//! Gemini's `generateContent`, as the Gemini API of 2026 has it (v1beta; google-genai 3.6, `types.py`).

mod answer;
mod carry;
mod finish;
mod lost;
mod media;
mod name;
mod part;
mod request;
mod schema;
mod signature;
mod stream;
mod time;
mod usage;
mod written;

use crate::canonical::{Answer, Request};
use crate::codec::{AnswerContext, Codec, Inexpressible, StreamDecode, StreamEncode, Target};
use crate::{AnswerError, BodyError, Losses};

/// The codec.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Gemini;

impl Codec for Gemini {
    fn decode_request(&self, body: &str) -> Result<Request, BodyError> {
        request::decode(body)
    }

    fn encode_request(
        &self,
        request: &Request,
        target: &Target<'_>,
        losses: &mut Losses,
    ) -> Result<String, Inexpressible> {
        request::encode(request, target, losses)
    }

    fn decode_answer(&self, body: &str) -> Result<Answer, AnswerError> {
        answer::decode(body)
    }

    fn encode_answer(
        &self,
        answer: &Answer,
        context: &AnswerContext<'_>,
        losses: &mut Losses,
    ) -> String {
        answer::encode(answer, context, losses)
    }

    fn stream_decoder(&self) -> Box<dyn StreamDecode> {
        Box::new(stream::Decoder::default())
    }

    fn stream_encoder(&self, context: &AnswerContext<'_>) -> Box<dyn StreamEncode> {
        Box::new(stream::Encoder::new(context))
    }
}
