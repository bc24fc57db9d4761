//! OpenAI Responses: `POST /v1/responses`.
//!
//! A request is a list of items, and so is an answer: messages, calls, results, thoughts, and tools that ran at
//! the provider, each an object of its own `type`. A turn of the canonical form holds one item.
//! Shapes are those of `openai/types/responses` in openai-python 3.54 and `protocols`, section 2.

mod answer;
pub mod kept;
mod members;
mod output;
mod reasoning;
mod request;
mod stream;

use crate::canonical::{Answer, Request};
use crate::codec::{AnswerContext, Codec, Inexpressible, StreamDecode, StreamEncode, Target};
use crate::{AnswerError, BodyError, Losses};

/// The codec.
#[derive(Clone, Copy, Debug)]
pub(crate) struct OpenAiResponses;

impl Codec for OpenAiResponses {
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
