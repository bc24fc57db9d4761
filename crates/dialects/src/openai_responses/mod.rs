//! OpenAI Responses.

use crate::canonical::{Answer, Request};
use crate::codec::{AnswerContext, Codec, Inexpressible, StreamDecode, StreamEncode, Target};
use crate::{AnswerError, BodyError, Losses};

/// The codec.
#[derive(Clone, Copy, Debug)]
pub(crate) struct OpenAiResponses;

impl Codec for OpenAiResponses {
    fn decode_request(&self, _body: &str) -> Result<Request, BodyError> {
        todo!()
    }

    fn encode_request(
        &self,
        _request: &Request,
        _target: &Target<'_>,
        _losses: &mut Losses,
    ) -> Result<String, Inexpressible> {
        todo!()
    }

    fn decode_answer(&self, _body: &str) -> Result<Answer, AnswerError> {
        todo!()
    }

    fn encode_answer(
        &self,
        _answer: &Answer,
        _context: &AnswerContext<'_>,
        _losses: &mut Losses,
    ) -> String {
        todo!()
    }

    fn stream_decoder(&self) -> Box<dyn StreamDecode> {
        todo!()
    }

    fn stream_encoder(&self, _context: &AnswerContext<'_>) -> Box<dyn StreamEncode> {
        todo!()
    }
}
