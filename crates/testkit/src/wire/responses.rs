//! OpenAI Responses.

use serde::Serialize;

use super::error::OpenAiDetail;
use super::{CREATED, Events, Narrator, Turn, json};
use crate::behaviour::{Finish, TokenCounts};

#[derive(Serialize)]
struct Response<'a> {
    id: &'a str,
    object: &'a str,
    created_at: u64,
    status: &'a str,
    error: Option<()>,
    incomplete_details: Option<Incomplete<'a>>,
    instructions: Option<()>,
    max_output_tokens: Option<()>,
    metadata: Empty,
    model: &'a str,
    output: &'a [Item<'a>],
    parallel_tool_calls: bool,
    previous_response_id: Option<()>,
    service_tier: &'a str,
    store: bool,
    temperature: f64,
    text: Text<'a>,
    tool_choice: &'a str,
    tools: [(); 0],
    top_p: f64,
    truncation: &'a str,
    usage: Option<Usage>,
}

#[derive(Serialize)]
struct Empty {}

#[derive(Serialize)]
struct Incomplete<'a> {
    reason: &'a str,
}

#[derive(Serialize)]
struct Text<'a> {
    format: Format<'a>,
}

#[derive(Serialize)]
struct Format<'a> {
    r#type: &'a str,
}

#[derive(Serialize)]
struct Usage {
    input_tokens: u64,
    input_tokens_details: InputDetails,
    output_tokens: u64,
    output_tokens_details: OutputDetails,
    total_tokens: u64,
}

#[derive(Serialize)]
struct InputDetails {
    cached_tokens: u64,
    cache_write_tokens: u64,
}

#[derive(Serialize)]
struct OutputDetails {
    reasoning_tokens: u64,
}

impl From<TokenCounts> for Usage {
    fn from(counts: TokenCounts) -> Self {
        Self {
            input_tokens: counts.input,
            input_tokens_details: InputDetails {
                cached_tokens: counts.cached,
                cache_write_tokens: counts.cache_write,
            },
            output_tokens: counts.output,
            output_tokens_details: OutputDetails {
                reasoning_tokens: counts.reasoning,
            },
            total_tokens: counts.input + counts.output,
        }
    }
}

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Item<'a> {
    Message {
        id: &'a str,
        role: &'a str,
        status: &'a str,
        content: &'a [Part<'a>],
    },
    FunctionCall {
        id: &'a str,
        call_id: &'a str,
        name: &'a str,
        arguments: &'a str,
        status: &'a str,
    },
}

#[derive(Clone, Copy, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Part<'a> {
    OutputText {
        text: &'a str,
        annotations: [(); 0],
        logprobs: [(); 0],
    },
}

impl<'a> Part<'a> {
    const fn text(text: &'a str) -> Self {
        Self::OutputText {
            text,
            annotations: [],
            logprobs: [],
        }
    }
}

/// An event, with its place in the stream.
#[derive(Serialize)]
struct Event<'a> {
    r#type: &'a str,
    sequence_number: u64,
    #[serde(flatten)]
    body: Body<'a>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Body<'a> {
    Response {
        response: Response<'a>,
    },
    Item {
        output_index: u32,
        item: Item<'a>,
    },
    Part {
        item_id: &'a str,
        output_index: u32,
        content_index: u32,
        part: Part<'a>,
    },
    TextDelta {
        item_id: &'a str,
        output_index: u32,
        content_index: u32,
        delta: &'a str,
        logprobs: [(); 0],
    },
    TextDone {
        item_id: &'a str,
        output_index: u32,
        content_index: u32,
        text: &'a str,
        logprobs: [(); 0],
    },
    ArgumentsDelta {
        item_id: &'a str,
        output_index: u32,
        delta: &'a str,
    },
    ArgumentsDone {
        item_id: &'a str,
        output_index: u32,
        name: &'a str,
        arguments: &'a str,
    },
    /// The documented fields, and once more nested as the live API sends them.
    Error {
        code: &'a str,
        message: &'a str,
        param: Option<()>,
        error: OpenAiDetail<'a>,
    },
}

/// How an answer ended: its status, the status of its item, the reason if it is incomplete.
fn ending(turn: &Turn<'_>) -> (&'static str, Option<&'static str>) {
    match (&turn.content.tool, turn.content.finish) {
        (Some(_), _) | (None, Finish::Stop) => ("completed", None),
        (None, Finish::Length) => ("incomplete", Some("max_output_tokens")),
        (None, Finish::Filtered) => ("incomplete", Some("content_filter")),
    }
}

/// The identities in one answer.
#[derive(Debug)]
struct Ids {
    response: String,
    item: String,
    call: String,
}

impl Ids {
    fn new(turn: &Turn<'_>) -> Self {
        let item = if turn.content.tool.is_some() {
            "fc_"
        } else {
            "msg_"
        };
        Self {
            response: turn.id("resp_"),
            item: turn.id(item),
            call: turn.id("call_"),
        }
    }

    /// The only output item; a call has its arguments and a message its parts only when done.
    fn item<'a>(&'a self, turn: &Turn<'a>, parts: &'a [Part<'a>], status: &'a str) -> Item<'a> {
        match turn.content.tool.as_deref() {
            Some(name) => {
                let arguments = if parts.is_empty() {
                    ""
                } else {
                    &turn.content.whole
                };
                Item::FunctionCall {
                    id: &self.item,
                    call_id: &self.call,
                    name,
                    arguments,
                    status,
                }
            }
            None => Item::Message {
                id: &self.item,
                role: "assistant",
                status,
                content: parts,
            },
        }
    }

    fn begun<'a>(&'a self, turn: &Turn<'a>) -> Response<'a> {
        self.response(turn, "in_progress", None, &[], None)
    }

    fn ended<'a>(&'a self, turn: &Turn<'a>, output: &'a [Item<'a>]) -> Response<'a> {
        let (status, reason) = ending(turn);
        self.response(turn, status, reason, output, Some(turn.usage.into()))
    }

    fn response<'a>(
        &'a self,
        turn: &Turn<'a>,
        status: &'a str,
        reason: Option<&'a str>,
        output: &'a [Item<'a>],
        usage: Option<Usage>,
    ) -> Response<'a> {
        Response {
            id: &self.response,
            object: "response",
            created_at: CREATED,
            status,
            error: None,
            incomplete_details: reason.map(|reason| Incomplete { reason }),
            instructions: None,
            max_output_tokens: None,
            metadata: Empty {},
            model: turn.model,
            output,
            parallel_tool_calls: true,
            previous_response_id: None,
            service_tier: "default",
            store: false,
            temperature: 1.0,
            text: Text {
                format: Format { r#type: "text" },
            },
            tool_choice: "auto",
            tools: [],
            top_p: 1.0,
            truncation: "disabled",
            usage,
        }
    }
}

pub(super) fn whole(turn: &Turn<'_>) -> Vec<u8> {
    let ids = Ids::new(turn);
    let parts = [Part::text(&turn.content.whole)];
    let output = [ids.item(turn, &parts, ending(turn).0)];
    json(&ids.ended(turn, &output))
}

/// Tells an answer in response events.
#[derive(Debug)]
pub(crate) struct ResponseStream<'a> {
    turn: Turn<'a>,
    ids: Ids,
    sequence_number: u64,
}

impl<'a> ResponseStream<'a> {
    pub(crate) fn new(turn: Turn<'a>) -> Self {
        Self {
            turn,
            ids: Ids::new(&turn),
            sequence_number: 0,
        }
    }
}

/// Numbers an event and adds it.
fn tell(number: &mut u64, out: &mut Events, name: &str, body: Body<'_>) {
    out.named(
        name,
        &Event {
            r#type: name,
            sequence_number: *number,
            body,
        },
    );
    *number += 1;
}

impl Narrator for ResponseStream<'_> {
    fn open(&mut self, out: &mut Events) {
        let Self {
            turn,
            ids,
            sequence_number,
        } = self;
        let mut add = |name: &str, body: Body<'_>| tell(sequence_number, out, name, body);
        add(
            "response.created",
            Body::Response {
                response: ids.begun(turn),
            },
        );
        add(
            "response.in_progress",
            Body::Response {
                response: ids.begun(turn),
            },
        );
        let item = ids.item(turn, &[], "in_progress");
        add(
            "response.output_item.added",
            Body::Item {
                output_index: 0,
                item,
            },
        );
        if turn.content.tool.is_none() {
            let part = Part::text("");
            let body = Body::Part {
                item_id: &ids.item,
                output_index: 0,
                content_index: 0,
                part,
            };
            add("response.content_part.added", body);
        }
    }

    fn piece(&mut self, piece: &str, out: &mut Events) {
        let Self {
            turn,
            ids,
            sequence_number,
        } = self;
        let (item_id, output_index, delta) = (ids.item.as_str(), 0, piece);
        if turn.content.tool.is_some() {
            let body = Body::ArgumentsDelta {
                item_id,
                output_index,
                delta,
            };
            tell(
                sequence_number,
                out,
                "response.function_call_arguments.delta",
                body,
            );
        } else {
            let body = Body::TextDelta {
                item_id,
                output_index,
                content_index: 0,
                delta,
                logprobs: [],
            };
            tell(sequence_number, out, "response.output_text.delta", body);
        }
    }

    fn close(&mut self, out: &mut Events) {
        let Self {
            turn,
            ids,
            sequence_number,
        } = self;
        let mut add = |name: &str, body: Body<'_>| tell(sequence_number, out, name, body);
        let (item_id, output_index, content_index) = (ids.item.as_str(), 0, 0);
        let text = turn.content.whole.as_str();
        if let Some(name) = turn.content.tool.as_deref() {
            let body = Body::ArgumentsDone {
                item_id,
                output_index,
                name,
                arguments: text,
            };
            add("response.function_call_arguments.done", body);
        } else {
            let body = Body::TextDone {
                item_id,
                output_index,
                content_index,
                text,
                logprobs: [],
            };
            add("response.output_text.done", body);
            let part = Part::text(text);
            add(
                "response.content_part.done",
                Body::Part {
                    item_id,
                    output_index,
                    content_index,
                    part,
                },
            );
        }
        let (parts, status) = ([Part::text(text)], ending(turn).0);
        let item = ids.item(turn, &parts, status);
        add(
            "response.output_item.done",
            Body::Item { output_index, item },
        );
        let output = [ids.item(turn, &parts, status)];
        let last = if status == "completed" {
            "response.completed"
        } else {
            "response.incomplete"
        };
        add(
            last,
            Body::Response {
                response: ids.ended(turn, &output),
            },
        );
    }

    fn error(&mut self, unsent: u64, out: &mut Events) {
        self.sequence_number -= unsent;
        let body = Body::Error {
            code: "server_error",
            message: Events::FAULT,
            param: None,
            error: OpenAiDetail {
                message: Events::FAULT,
                r#type: "server_error",
                param: None,
                code: Some("server_error"),
            },
        };
        tell(&mut self.sequence_number, out, "error", body);
    }
}
