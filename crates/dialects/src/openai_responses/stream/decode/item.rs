//! One item of a stream, whatever it is.

use super::call::Call;
use super::event::Event;
use super::tell::Tell;
use super::text::Message;
use super::thoughts::Thoughts;

use crate::canonical::{Place, ToolInput};
use crate::json::Raw;
use crate::openai_responses::answer;

/// An item as far as it has come.
#[derive(Debug)]
pub(super) struct Item {
    /// Its type.
    pub(super) kind: String,
    body: Body,
    done: bool,
}

#[derive(Debug)]
enum Body {
    Message(Message),
    Call(Call),
    Reasoning(Thoughts),
    /// Known to this dialect alone; told once it is whole.
    Other {
        at: Place,
    },
}

impl Item {
    /// An item that begins as `content`.
    pub(super) fn new(id: String, place: u64, content: Raw<'_>) -> Self {
        let at = at(place);
        let kind = answer::text(content.member("type"));
        let body = match &*kind {
            "message" => Body::Message(Message::new(at, answer::message_extras(content))),
            "function_call" => Body::Call(Call::new(at, "arguments", ToolInput::Json)),
            "custom_tool_call" => Body::Call(Call::new(at, "input", ToolInput::Text)),
            "reasoning" => Body::Reasoning(Thoughts::new(at, id.clone())),
            _ => Body::Other { at },
        };
        Self {
            kind,
            body,
            done: false,
        }
    }

    /// An item that was never announced, as an event tells of it. A call that has no name yet
    /// is told when it is whole.
    pub(super) fn unannounced(id: String, place: u64, kind: &str) -> Option<Self> {
        let at = at(place);
        let body = match kind.strip_prefix("response.")? {
            kind if kind.starts_with("reasoning_") => {
                Body::Reasoning(Thoughts::new(at, id.clone()))
            }
            kind if is_of_message(kind) => Body::Message(Message::new(at, Vec::new())),
            _ => return None,
        };
        let kind = match body {
            Body::Reasoning(_) => "reasoning",
            _ => "message",
        };
        Some(Self {
            kind: kind.to_owned(),
            body,
            done: false,
        })
    }

    /// Whether `content` may be this item once it is whole.
    pub(super) fn may_be(&self, content: Raw<'_>) -> bool {
        self.kind == answer::text(content.member("type"))
    }

    /// Tells what can be told of its beginning.
    pub(super) fn begin(&mut self, content: Raw<'_>, tell: &mut Tell<'_>) {
        if let Body::Call(call) = &mut self.body {
            call.begin(content, tell);
        }
    }

    /// Tells what an event within it says.
    pub(super) fn progress(&mut self, kind: &str, event: &Event<'_>, tell: &mut Tell<'_>) {
        if self.done {
            return;
        }
        match &mut self.body {
            Body::Message(message) => message.progress(kind, event, tell),
            Body::Call(call) => call.progress(kind, event, tell),
            Body::Reasoning(thoughts) => thoughts.progress(kind, event, tell),
            Body::Other { .. } => {}
        }
    }

    /// Tells what is new of the whole item.
    pub(super) fn complete(&mut self, content: Raw<'_>, tell: &mut Tell<'_>) {
        if std::mem::replace(&mut self.done, true) {
            return;
        }
        match &mut self.body {
            Body::Message(message) => message.complete(content, tell),
            Body::Call(call) => call.complete(content, tell),
            Body::Reasoning(thoughts) => thoughts.complete(content, tell),
            Body::Other { at } => {
                let kind = answer::text(content.member("type"));
                tell.whole(answer::opaque(&kind, content).at(*at));
            }
        }
    }

    /// Stops its open parts.
    pub(super) fn close(&mut self, tell: &mut Tell<'_>) {
        if std::mem::replace(&mut self.done, true) {
            return;
        }
        match &mut self.body {
            Body::Message(message) => message.close(tell),
            Body::Call(call) => call.close(tell),
            Body::Reasoning(thoughts) => thoughts.close(tell),
            Body::Other { .. } => {}
        }
    }
}

fn at(place: u64) -> Place {
    Place::item("output", usize::try_from(place).unwrap_or(usize::MAX))
}

fn is_of_message(kind: &str) -> bool {
    ["content_part.", "output_text.", "refusal."]
        .iter()
        .any(|group| kind.starts_with(group))
}

/// Whether an event is one within a message, a call or thoughts.
pub(super) fn knows(kind: &str) -> bool {
    let Some(kind) = kind.strip_prefix("response.") else {
        return false;
    };
    is_of_message(kind)
        || kind.starts_with("reasoning_summary_")
        || kind.starts_with("reasoning_text.")
        || kind.starts_with("function_call_arguments.")
        || kind.starts_with("custom_tool_call_input.")
}

/// Whether an event tells how far a tool at the provider is.
pub(super) fn is_progress_of_hosted_tool(kind: &str) -> bool {
    const TOOLS: [&str; 8] = [
        "web_search_call",
        "file_search_call",
        "code_interpreter_call",
        "image_generation_call",
        "mcp_call",
        "mcp_list_tools",
        "shell_call",
        "compaction",
    ];
    let kind = kind.strip_prefix("response.").unwrap_or_default();
    TOOLS.iter().any(|tool| kind.starts_with(tool))
}
