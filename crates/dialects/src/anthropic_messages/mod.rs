//! Anthropic Messages: `POST /v1/messages`.
//!
//! Shapes follow the types of anthropic-python 2.x (`anthropic.types`, `anthropic.types.beta`) and section 3 of
//! `protocols`. Members within an option object that have no canonical field (`thinking.block_binding`,
//! `usage.server_tool_use`) are extras under a dotted name, see [`nested`].

mod answer;
mod citation;
mod ids;
mod nested;
mod request;
mod stop_reason;
mod stream;

use crate::canonical::{Answer, Request};
use crate::codec::{AnswerContext, Codec, Inexpressible, StreamDecode, StreamEncode, Target};
use crate::json::Raw;
use crate::sniff::answer_object;
use crate::{AnswerError, BodyError, Losses};

/// The codec.
#[derive(Clone, Copy, Debug)]
pub(crate) struct AnthropicMessages;

impl Codec for AnthropicMessages {
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
        answer_object(body).map(answer::decode)
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

/// The text of a member, if it is one.
fn text_of(object: Raw<'_>, name: &str) -> Option<String> {
    object.member(name)?.text().map(Into::into)
}
