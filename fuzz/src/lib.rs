//! What is fuzzed: plain functions from bytes to nothing. A panic is a finding.
//!
//! The fuzz targets hand them what libFuzzer makes up; a test of `orchestra-dialects` hands them the
//! fixtures, changed by a seeded generator, and the corpus. Both take a file as it is: how a stream is cut
//! follows from its own bytes.

mod answers;
mod contexts;
mod readers;
mod requests;
mod streams;

use orchestra_dialects::Dialect;

/// Takes any bytes and panics only where a law is broken.
pub type Body = fn(&[u8]);

/// What a body reads, so that it can be handed fitting beginnings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Food {
    /// `request.json` of a dialect's fixtures.
    Requests(Dialect),
    /// `response.json` of a dialect's fixtures.
    Answers(Dialect),
    /// `stream.sse` of a dialect's fixtures.
    Streams(Dialect),
    /// Every fixture.
    Everything,
}

/// The bodies by the names of their targets, in alphabetical order.
pub const BODIES: [(&str, Body, Food); 17] = {
    use Dialect::{AnthropicMessages, Gemini, OpenAiChat, OpenAiResponses};
    use Food::{Answers, Everything, Requests, Streams};
    [
        (
            "anthropic_messages_answer",
            |data| answers::read(AnthropicMessages, data),
            Answers(AnthropicMessages),
        ),
        (
            "anthropic_messages_request",
            |data| requests::read(AnthropicMessages, data),
            Requests(AnthropicMessages),
        ),
        (
            "anthropic_messages_stream",
            |data| streams::read(AnthropicMessages, data),
            Streams(AnthropicMessages),
        ),
        ("embeddings", readers::embeddings, Everything),
        ("errors", readers::errors, Everything),
        (
            "gemini_answer",
            |data| answers::read(Gemini, data),
            Answers(Gemini),
        ),
        (
            "gemini_request",
            |data| requests::read(Gemini, data),
            Requests(Gemini),
        ),
        (
            "gemini_stream",
            |data| streams::read(Gemini, data),
            Streams(Gemini),
        ),
        ("head_scan", readers::head_scan, Everything),
        (
            "openai_chat_answer",
            |data| answers::read(OpenAiChat, data),
            Answers(OpenAiChat),
        ),
        (
            "openai_chat_request",
            |data| requests::read(OpenAiChat, data),
            Requests(OpenAiChat),
        ),
        (
            "openai_chat_stream",
            |data| streams::read(OpenAiChat, data),
            Streams(OpenAiChat),
        ),
        (
            "openai_responses_answer",
            |data| answers::read(OpenAiResponses, data),
            Answers(OpenAiResponses),
        ),
        (
            "openai_responses_request",
            |data| requests::read(OpenAiResponses, data),
            Requests(OpenAiResponses),
        ),
        (
            "openai_responses_stream",
            |data| streams::read(OpenAiResponses, data),
            Streams(OpenAiResponses),
        ),
        ("sniffers", readers::sniffers, Everything),
        ("sse_reader", readers::sse_reader, Everything),
    ]
};

/// Runs the body of this name.
///
/// # Panics
/// If there is none, or if it finds something.
pub fn run(name: &str, data: &[u8]) {
    let found = BODIES.iter().find(|(known, ..)| *known == name);
    let (_, body, _) = found.expect("a body of this name");
    body(data);
}
