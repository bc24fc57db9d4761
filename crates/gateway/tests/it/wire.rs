//! Requests, answers and streams as bytes, with the odd formatting that is legal on the wire; and
//! a reading of streams that shares nothing with the gateway's own.

use orchestra_dialects::{Endpoint, Family};
use serde_json::Value;

/// The endpoints that have streams and are in common use.
pub(crate) const SPOKEN: [Endpoint; 3] = [
    Endpoint::ChatCompletions,
    Endpoint::Responses,
    Endpoint::Messages,
];

/// A request with a short prompt. A Chat stream is asked for its usage, as the recorded one tells it.
pub(crate) fn request(endpoint: Endpoint, model: &str, stream: bool) -> String {
    let (name, value) = conversation(endpoint);
    let asks_usage = endpoint == Endpoint::ChatCompletions && stream;
    let options = if asks_usage {
        r#" "stream_options":{"include_usage":true},"#
    } else {
        ""
    };
    format!(
        r#"{{ "model":"{model}","{name}": {value},{options} "max_tokens":9 ,"stream":{stream} }}"#
    )
}

/// The member that holds the conversation, and a value for it.
pub(crate) const fn conversation(endpoint: Endpoint) -> (&'static str, &'static str) {
    match endpoint {
        Endpoint::ChatCompletions | Endpoint::Messages | Endpoint::CountTokens => {
            ("messages", r#"[{"role":"user","content":"Hi"}]"#)
        }
        Endpoint::Responses | Endpoint::Embeddings => ("input", r#""Hi""#),
        Endpoint::Completions => ("prompt", r#""Hi""#),
        Endpoint::GenerateContent => ("contents", r#"[{"parts":[{"text":"Hi"}]}]"#),
    }
}

/// A whole answer.
pub(crate) const fn answer(endpoint: Endpoint) -> &'static str {
    match endpoint {
        Endpoint::ChatCompletions => concat!(
            "\r\n  {\"choices\" :[ {\"finish_reason\":\"stop\",\"message\":{\"content\":\"caf\\u00e9 \\/ \u{4e16}\",",
            "\"role\":\"assistant\"},\"index\":0,\"x_new\":[1e400,-0.0]}],\t\"usage\":{\"prompt_tokens\":3,",
            "\"completion_tokens\":5,\"total_tokens\":8}, \"model\":\"m\",\"id\":\"c\" }\n\n"
        ),
        Endpoint::Completions => {
            "{ \"choices\":[{\"text\":\" Hi\",\"index\":0,\"finish_reason\":\"length\"}] ,\"id\":\"t\"}"
        }
        Endpoint::Responses => {
            "{\"status\":\"completed\",\r\n\"error\":null,\"output\":[ ],\"usage\":{\"input_tokens\":3,\"output_tokens\":5}}"
        }
        Endpoint::Embeddings => {
            "{\"object\":\"list\",\"data\":[{\"index\":0,\"embedding\":[0.1,-2E-7]}],\"usage\":{\"prompt_tokens\":3,\"total_tokens\":3}}"
        }
        Endpoint::Messages => {
            "{\"type\":\"message\", \"content\":[{\"text\":\"Hi\",\"type\":\"text\"}],\"stop_reason\":\"end_turn\",\"usage\":{\"output_tokens\":5,\"input_tokens\":3}}\n"
        }
        Endpoint::CountTokens => "{ \"input_tokens\" : 3 }",
        Endpoint::GenerateContent => {
            "{\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"Hi\"}]},\"finishReason\":\"STOP\"}]}"
        }
    }
}

/// A stream, event by event.
#[derive(Debug)]
pub(crate) struct Recorded {
    pub(crate) events: &'static [&'static str],
    /// This many from the start show content.
    pub(crate) with_content: usize,
}

impl Recorded {
    pub(crate) fn whole(&self) -> String {
        self.events.concat()
    }

    /// The events up to the content, and those behind it.
    pub(crate) fn at_content(&self) -> (String, String) {
        let (before, behind) = self.events.split_at(self.with_content);
        (before.concat(), behind.concat())
    }
}

/// A stream of this endpoint: comments, carriage returns, odd field orders, several data lines.
pub(crate) const fn recorded(endpoint: Endpoint) -> Recorded {
    match endpoint {
        Endpoint::Completions => COMPLETIONS,
        Endpoint::Responses => RESPONSES,
        Endpoint::Messages => MESSAGES,
        Endpoint::ChatCompletions | Endpoint::Embeddings | Endpoint::CountTokens => CHAT,
        Endpoint::GenerateContent => GEMINI,
    }
}

const GEMINI: Recorded = Recorded {
    events: &[
        "data: {\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"Hi\"}]}}]}\r\n\r\n",
        "data: {\"candidates\":[{\"content\":{\"parts\":[]},\"finishReason\":\"STOP\"}]}\r\n\r\n",
    ],
    with_content: 1,
};

const CHAT: Recorded = Recorded {
    events: &[
        "data: {\"choices\":[{\"delta\":{\"role\":\"assistant\",\"content\":\"\"},\"index\":0}]}\n\n",
        ": keep-alive\n\nid: 4\r\ndata:{\"choices\" : [{\"delta\":{\"content\":\"Hi\"}}]}\r\n\r\n",
        "data: {\"choices\":[{\"delta\":{\"content\":\" data: [DONE]\\n\\n\u{4e16}\"}}],\ndata: \"x\":1}\n\n",
        "data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n",
        "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":5}}\n\n",
        "data: [DONE]\n\n",
    ],
    with_content: 3,
};

const COMPLETIONS: Recorded = Recorded {
    events: &[
        "data: {\"choices\":[{\"text\":\"\",\"index\":0}]}\n\n",
        "data: {\"choices\":[{\"text\":\" Hi\",\"index\":0}]}\n\n",
        "data: {\"choices\":[{\"text\":\"\",\"finish_reason\":\"stop\"}]}\n\n",
        "data: [DONE]\n\n",
    ],
    with_content: 2,
};

const RESPONSES: Recorded = Recorded {
    events: &[
        "event: response.created\ndata: {\"type\":\"response.created\",\"sequence_number\":0,\"response\":{\"status\":\"in_progress\",\"error\":null}}\n\n",
        "event: response.output_item.added\ndata: {\"type\":\"response.output_item.added\",\"sequence_number\":1,\"item\":{\"type\":\"message\",\"content\":[]}}\n\n",
        "data: {\"type\":\"response.output_text.delta\",\"delta\":\"Hi\",\"sequence_number\":2}\r\nevent: response.output_text.delta\r\n\r\n",
        ": patience\nevent: response.output_text.done\ndata: {\"type\":\"response.output_text.done\",\"sequence_number\":3,\"text\":\"Hi\"}\n\n",
        "event: response.completed\ndata: {\"type\":\"response.completed\",\"sequence_number\":4,\"response\":{\"status\":\"completed\",\"error\":null,\"usage\":{\"input_tokens\":3,\"output_tokens\":5}}}\n\n",
    ],
    with_content: 3,
};

const MESSAGES: Recorded = Recorded {
    events: &[
        "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"model\":\"m\",\"usage\":{\"input_tokens\":3,\"output_tokens\":1}}}\n\n",
        "event: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":\"text\",\"text\":\"\"}}\n\n",
        "event: ping\ndata: {\"type\": \"ping\"}\n\n",
        "data: {\"type\":\"content_block_delta\",\"delta\":{\"type\":\"text_delta\",\"text\":\"\\\"message_stop\\\"\"}}\r\nevent: content_block_delta\r\n\r\n",
        "event: content_block_stop\ndata: {\"type\":\"content_block_stop\",\"index\":0}\n\n",
        "event: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\"},\"usage\":{\"output_tokens\":5}}\n\n",
        "event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n",
    ],
    with_content: 4,
};

/// A vendor's own error event.
pub(crate) const fn error_event(endpoint: Endpoint) -> &'static str {
    match endpoint {
        Endpoint::Responses => {
            "event: error\ndata: {\"type\":\"error\",\"code\":\"server_error\",\"message\":\"It broke.\",\"param\":null,\"sequence_number\":3}\n\n"
        }
        Endpoint::Messages => {
            "event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\",\"message\":\"It broke.\"}}\n\n"
        }
        _ => {
            "data: {\"error\":{\"message\":\"It broke.\",\"type\":\"server_error\",\"param\":null,\"code\":null}}\n\n"
        }
    }
}

/// The word that the record has for that event.
pub(crate) const fn error_event_word(endpoint: Endpoint) -> &'static str {
    match endpoint {
        Endpoint::Messages => "overloaded",
        _ => "server",
    }
}

/// An event of the dialect's commonest kind with these data.
pub(crate) fn event(endpoint: Endpoint, data: &str) -> String {
    match endpoint {
        Endpoint::Responses => format!("event: response.output_text.delta\ndata: {data}\n\n"),
        Endpoint::Messages => format!("event: content_block_delta\ndata: {data}\n\n"),
        _ => format!("data: {data}\n\n"),
    }
}

/// An event with content of this many bytes.
pub(crate) fn huge_event(endpoint: Endpoint, bytes: usize) -> String {
    let text = "x".repeat(bytes);
    let data = match endpoint {
        Endpoint::Responses => {
            format!(r#"{{"type":"response.output_text.delta","delta":"{text}"}}"#)
        }
        Endpoint::Messages => {
            format!(
                r#"{{"type":"content_block_delta","delta":{{"type":"text_delta","text":"{text}"}}}}"#
            )
        }
        _ => format!(r#"{{"choices":[{{"delta":{{"content":"{text}"}}}}]}}"#),
    };
    event(endpoint, &data)
}

/// What a client's parser finds in a stream.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Parsed {
    /// Success terminators.
    pub(crate) terminals: usize,
    pub(crate) errors: usize,
    /// Frames that no client can read.
    pub(crate) unreadable: usize,
    /// Whether the bytes end between two frames.
    pub(crate) closed: bool,
}

/// Reads a stream as a client of this endpoint would.
pub(crate) fn parse(endpoint: Endpoint, stream: &[u8]) -> Parsed {
    let text = String::from_utf8_lossy(stream)
        .replace("\r\n", "\n")
        .replace('\r', "\n");
    let mut parsed = Parsed {
        terminals: 0,
        errors: 0,
        unreadable: 0,
        closed: text.is_empty() || text.ends_with("\n\n"),
    };
    // What follows the last blank line is no frame, so a client does not see it.
    let whole = text.rfind("\n\n").map_or("", |end| &text[..end]);
    for frame in whole.split("\n\n") {
        let lines = frame.lines().filter_map(|line| line.strip_prefix("data:"));
        let data: Vec<&str> = lines
            .map(|value| value.strip_prefix(' ').unwrap_or(value))
            .collect();
        if !data.is_empty() {
            parsed.count(endpoint, &data.join("\n"));
        }
    }
    parsed
}

impl Parsed {
    fn count(&mut self, endpoint: Endpoint, data: &str) {
        let openai_chunks = !matches!(endpoint, Endpoint::Responses)
            && endpoint.dialect().family() == Family::OpenAi;
        if openai_chunks && data == "[DONE]" {
            self.terminals += 1;
            return;
        }
        let Ok(value) = serde_json::from_str::<Value>(data) else {
            self.unreadable += 1;
            return;
        };
        let kind = value["type"].as_str().unwrap_or_default();
        if openai_chunks {
            self.errors += usize::from(value["error"].is_object());
        } else if matches!(kind, "error" | "response.failed") {
            self.errors += 1;
        } else if matches!(
            kind,
            "message_stop" | "response.completed" | "response.incomplete"
        ) {
            self.terminals += 1;
        }
    }
}
