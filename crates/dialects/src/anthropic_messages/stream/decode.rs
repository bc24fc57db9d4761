//! Reads a stream.

use crate::canonical::Extras;
use crate::codec::StreamDecode;
use crate::error::error_member;
use crate::event::StreamEvent;
use crate::json::Raw;
use crate::sniff::event_object;
use crate::usage::AnthropicCounts;
use crate::{Dialect, EndRule, Frame, RawJson, StreamEnd, UpstreamError, parse_error};

use super::super::answer::keep_usage_extras;
use super::super::{stop_reason, text_of};
use super::blocks::Blocks;

/// A stream as far as it was read.
#[derive(Debug, Default)]
pub(in super::super) struct Decoder {
    frames: u64,
    state: State,
    counts: AnthropicCounts,
    blocks: Blocks,
    finished: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    #[default]
    Fresh,
    Started,
    Ended,
    Failed,
}

impl StreamDecode for Decoder {
    fn frame(&mut self, frame: Frame<'_>, events: &mut Vec<StreamEvent>) {
        let data = frame.data.trim_ascii();
        if matches!(self.state, State::Ended | State::Failed) || data.is_empty() {
            return;
        }
        self.frames += 1;
        // Some servers add OpenAI's marker, which proves nothing here.
        if data == b"[DONE]" {
            return;
        }
        match event_object(data, self.frames) {
            Ok(event) => {
                let kind = text_of(event, "type");
                let name = frame.event.and_then(|name| std::str::from_utf8(name).ok());
                let kind = kind.as_deref().or(name).unwrap_or_default();
                self.event(kind, event, events);
            }
            Err(error) => self.fail(error, events),
        }
    }

    fn end(&mut self, rule: EndRule, events: &mut Vec<StreamEvent>) -> StreamEnd {
        match (self.state, rule) {
            (State::Ended, _) => StreamEnd::Complete,
            (State::Failed, _) => StreamEnd::Failed,
            (_, EndRule::FinishReason) if self.finished => {
                self.stop(events);
                StreamEnd::Complete
            }
            _ => StreamEnd::Truncated,
        }
    }
}

impl Decoder {
    fn event(&mut self, kind: &str, event: Raw<'_>, events: &mut Vec<StreamEvent>) {
        match kind {
            "ping" => return events.push(StreamEvent::Ping),
            "error" => return self.fail(reported(event), events),
            "message_start" => return self.message_start(event, events),
            _ => {}
        }
        if let Some(error) = event.member("error").and_then(error_member) {
            return self.fail(error, events);
        }
        self.begin(StreamStart::default(), events);
        match kind {
            "content_block_start" => self.blocks.start(event, events),
            "content_block_delta" => self.blocks.delta(event, events),
            "content_block_stop" => self.blocks.stop(event, events),
            "message_delta" => self.message_delta(event, events),
            "message_stop" => self.stop(events),
            _ => events.push(opaque(kind, event.into())),
        }
    }

    fn fail(&mut self, error: UpstreamError, events: &mut Vec<StreamEvent>) {
        self.state = State::Failed;
        events.push(StreamEvent::Fault(error));
    }

    fn begin(&mut self, start: StreamStart, events: &mut Vec<StreamEvent>) {
        if self.state == State::Fresh {
            self.state = State::Started;
            events.push(StreamEvent::Start {
                id: start.id,
                model: start.model,
                created: None,
            });
        }
    }

    fn message_start(&mut self, event: Raw<'_>, events: &mut Vec<StreamEvent>) {
        let Some(message) = event
            .member("message")
            .filter(|_| self.state == State::Fresh)
        else {
            return;
        };
        let start = StreamStart {
            id: text_of(message, "id").unwrap_or_default(),
            model: text_of(message, "model").unwrap_or_default(),
        };
        self.begin(start, events);
        for (name, value) in message.members() {
            match &*name {
                "id" | "model" | "type" | "role" | "stop_reason" | "stop_sequence" => {}
                "usage" => self.usage(value, events),
                "content" => value
                    .items()
                    .for_each(|block| self.blocks.whole(block, events)),
                _ => events.push(opaque(&name, value.into())),
            }
        }
    }

    fn usage(&mut self, usage: Raw<'_>, events: &mut Vec<StreamEvent>) {
        self.counts.update(usage);
        events.push(StreamEvent::Usage(self.counts.usage()));
        if let Some(tier) = text_of(usage, "service_tier") {
            events.push(StreamEvent::ServiceTier(tier));
        }
        let mut extras = Extras::new();
        keep_usage_extras(&mut extras, usage);
        events.extend(extras.into_iter().map(|(name, value)| opaque(&name, value)));
    }

    fn message_delta(&mut self, event: Raw<'_>, events: &mut Vec<StreamEvent>) {
        let [delta, usage] = event.pick(["delta", "usage"]);
        self.blocks.stop_all(events);
        if let Some(usage) = usage {
            self.usage(usage, events);
        }
        let of_delta = delta.into_iter().flat_map(Raw::members);
        let beside = event.members();
        for (name, value) in of_delta.chain(beside) {
            match &*name {
                "type" | "delta" | "usage" | "stop_reason" | "stop_sequence" => {}
                _ => events.push(opaque(&name, value.into())),
            }
        }
        if let Some(delta) = delta {
            self.finish(delta, events);
        }
    }

    fn finish(&mut self, delta: Raw<'_>, events: &mut Vec<StreamEvent>) {
        let word = text_of(delta, "stop_reason").filter(|word| !word.is_empty());
        if let Some(word) = word
            && !std::mem::replace(&mut self.finished, true)
        {
            let finish = stop_reason::read(&word, text_of(delta, "stop_sequence"));
            events.push(StreamEvent::Finish {
                choice: 0,
                reason: self.blocks.finish(finish),
            });
        }
    }

    fn stop(&mut self, events: &mut Vec<StreamEvent>) {
        self.blocks.stop_all(events);
        self.state = State::Ended;
        events.push(StreamEvent::End);
    }
}

/// How an answer introduces itself.
#[derive(Default)]
struct StreamStart {
    id: String,
    model: String,
}

/// Something that only Anthropic's own clients know.
pub(super) fn opaque(kind: &str, raw: RawJson) -> StreamEvent {
    StreamEvent::Opaque {
        origin: Dialect::AnthropicMessages,
        kind: kind.to_owned(),
        raw,
    }
}

fn reported(event: Raw<'_>) -> UpstreamError {
    parse_error(event.json().as_bytes()).unwrap_or_else(|| UpstreamError {
        message: "the provider ended the stream with an error that says nothing".into(),
        ..UpstreamError::default()
    })
}
