//! OpenAI Chat Completions, and what compatible servers add to it (DeepSeek's and OpenRouter's thoughts,
//! Google's thought signatures).
//!
//! Authority: the types of openai-python (`openai/types/chat`), api-docs.deepseek.com, and `protocols`, sections
//! 1, 4, 6 and 7.

mod answer;
mod finish;
mod inner;
mod reasoning;
mod request;
mod stream;
mod tool_calls;

use crate::canonical::{Answer, Request};
use crate::codec::{AnswerContext, Codec, Inexpressible, StreamDecode, StreamEncode, Target};
use crate::{AnswerError, BodyError, Losses};

/// The codec.
#[derive(Clone, Copy, Debug)]
pub(crate) struct OpenAiChat;

impl Codec for OpenAiChat {
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
        Box::<stream::Decoder>::default()
    }

    fn stream_encoder(&self, context: &AnswerContext<'_>) -> Box<dyn StreamEncode> {
        Box::new(stream::Encoder::new(context))
    }
}
