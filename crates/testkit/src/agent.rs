//! An agent's model: it calls the tools that it was given, reads what they returned, and ends
//! with a text. It refuses whatever its vendor would refuse.
//!
//! Each dialect has a reader, which knows the vendor's rules, and a teller, which puts an answer
//! into the vendor's form. What is answered is decided between them, for all dialects alike: it
//! follows from what the request holds, so nothing is remembered from one request to the next.

mod asked;
mod chat;
mod gemini;
mod messages;
mod responses;
mod said;
mod schema;
mod spot;

use serde::Deserialize;

use crate::request::Request;
use crate::wire::{Endpoint, Events, Generate};
use asked::Asked;
use said::Said;
use spot::{Refusal, Spot};

/// An agent's model: it calls tools, reads what they returned, and ends with a text.
///
/// The text quotes the tools: `The tools say: 21 C; noon.` A request that wants JSON by a schema
/// gets JSON that fits; one without tools a greeting, which names the images and files in it.
///
/// It speaks Chat Completions, Responses, Messages and Gemini. In each it is as strict as the
/// vendor: fields that the vendor does not know, calls without results, results without calls,
/// altered calls or thoughts, turns out of order and the like are answered with status 400 and
/// the place that is wrong. If the request asks for thoughts, it thinks aloud where the dialect
/// lets it, and wants its thoughts back where the vendor does.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Agent {
    steps: Vec<Vec<ToolCall>>,
    reasoning_content: bool,
}

/// A call of a tool.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
struct ToolCall {
    name: String,
    /// The text of a JSON object
    arguments: String,
}

impl Agent {
    /// Calls the first two tools that it is given, at once, with arguments that fit.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Calls this tool in its first step, or in the one that [`then`](Self::then) began, together
    /// with the other calls of that step. The arguments are the text of a JSON object and are
    /// sent as they are written.
    #[must_use]
    pub fn call(mut self, name: impl Into<String>, arguments: impl Into<String>) -> Self {
        let call = ToolCall {
            name: name.into(),
            arguments: arguments.into(),
        };
        match self.steps.last_mut() {
            Some(step) => step.push(call),
            None => self.steps.push(vec![call]),
        }
        self
    }

    /// What follows is called once the tools of the step before have answered.
    #[must_use]
    pub fn then(mut self) -> Self {
        self.steps.push(Vec::new());
        self
    }

    /// Tells its thoughts in `reasoning_content` when it speaks Chat Completions, as DeepSeek
    /// does, and wants them back while tools are being called. OpenAI's own models keep theirs.
    #[must_use]
    pub fn reasoning_content(mut self) -> Self {
        self.reasoning_content = true;
        self
    }
}

/// What is sent back.
#[derive(Debug)]
pub(crate) enum Answered {
    Whole(Vec<u8>),
    Stream(Events),
}

/// Reads a request as its vendor would, and answers it.
pub(crate) fn answer(agent: &Agent, request: &Request, number: u64) -> Result<Answered, Refusal> {
    let body = spot::read(&request.body)?;
    let root = Spot::root(&body);
    let asked = match request.endpoint {
        Endpoint::Responses => responses::read(&root)?,
        Endpoint::Messages => messages::read(&root, request)?,
        Endpoint::Gemini(generate) => gemini::read(&root, request, generate)?,
        _ => chat::read(&root, agent.reasoning_content)?,
    };
    let said = said::decide(agent, &asked)?;
    Ok(tell(request, &asked, &said, number))
}

fn tell(request: &Request, asked: &Asked, said: &Said, number: u64) -> Answered {
    let (whole, stream) = match request.endpoint {
        Endpoint::Responses => (responses::whole as Teller, responses::stream as Streamer),
        Endpoint::Messages => (messages::whole as Teller, messages::stream as Streamer),
        Endpoint::Gemini(Generate::Stream) => (gemini::array as Teller, gemini::stream as Streamer),
        Endpoint::Gemini(_) => (gemini::whole as Teller, gemini::stream as Streamer),
        _ => (chat::whole as Teller, chat::stream as Streamer),
    };
    if asked.stream {
        Answered::Stream(stream(asked, said, number))
    } else {
        Answered::Whole(whole(asked, said, number).to_string().into_bytes())
    }
}

type Teller = fn(&Asked, &Said, u64) -> serde_json::Value;
type Streamer = fn(&Asked, &Said, u64) -> Events;
