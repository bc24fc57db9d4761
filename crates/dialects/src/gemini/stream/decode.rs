//! Reads a stream.

use std::collections::BTreeMap;

use orchestra_types::Usage;

use crate::canonical::Extras;
use crate::codec::StreamDecode;
use crate::error::error_member;
use crate::event::StreamEvent;
use crate::json::{Raw, Writer};
use crate::sniff::event_object;
use crate::sse::Frame;
use crate::usage::of_gemini;
use crate::{Dialect, EndRule, RawJson, StreamEnd, UpstreamError, parse_error};

use super::super::answer::{Candidate, is_blocked};
use super::super::carry::keep;
use super::super::name::{fields_if_any, items};
use super::super::{time, usage};
use super::choice::Choice;

/// Reads a stream. It has no end marker: it is whole when every candidate that was begun has said why
/// it stopped and the connection is closed in good order.
#[derive(Debug, Default)]
pub(in crate::gemini) struct Decoder {
    frames: u64,
    started: bool,
    failed: bool,
    ended: bool,
    /// The answer's id: the one that the first event gives.
    id: String,
    choices: BTreeMap<u32, Choice>,
    usage: Option<Usage>,
    tier: Option<String>,
    /// What else was said last, by its path.
    beside: BTreeMap<String, RawJson>,
}

/// An event, its members apart.
#[derive(Default)]
struct Chunk<'a> {
    id: Option<String>,
    model: Option<String>,
    created: Option<u64>,
    candidates: Vec<Candidate<'a>>,
    usage: Option<Usage>,
    tier: Option<String>,
    blocked: bool,
    extras: Extras,
}

impl StreamDecode for Decoder {
    fn frame(&mut self, frame: Frame<'_>, events: &mut Vec<StreamEvent>) {
        self.frames += 1;
        let data = frame.data.trim_ascii();
        // Some proxies end every stream as OpenAI does, which proves nothing.
        if self.failed || self.ended || data.is_empty() || data == b"[DONE]" {
            return;
        }
        match self.read(data) {
            Ok(chunk) => self.take(chunk, events),
            Err(error) => {
                self.failed = true;
                events.push(StreamEvent::Fault(error));
            }
        }
    }

    fn end(&mut self, _: EndRule, events: &mut Vec<StreamEvent>) -> StreamEnd {
        if self.failed {
            return StreamEnd::Failed;
        }
        let reasons = self.choices.values().map(Choice::reason);
        let Some(reasons) = reasons
            .collect::<Option<Vec<_>>>()
            .filter(|all| !all.is_empty())
        else {
            return StreamEnd::Truncated;
        };
        if !std::mem::replace(&mut self.ended, true) {
            for choice in self.choices.values_mut() {
                choice.close(events);
            }
            for (choice, reason) in self.choices.keys().copied().zip(reasons) {
                events.push(StreamEvent::Finish { choice, reason });
            }
            events.push(StreamEvent::End);
        }
        StreamEnd::Complete
    }
}

impl Decoder {
    fn read<'d>(&self, data: &'d [u8]) -> Result<Chunk<'d>, UpstreamError> {
        match event_object(data, self.frames) {
            Ok(value) => match value.member("error").and_then(error_member) {
                Some(error) => Err(error),
                None => Ok(Chunk::read(value)),
            },
            // Errors come as a list where a list of answers was begun.
            Err(malformed) if data.starts_with(b"[") => Err(parse_error(data).unwrap_or(malformed)),
            Err(malformed) => Err(malformed),
        }
    }

    fn take(&mut self, chunk: Chunk<'_>, events: &mut Vec<StreamEvent>) {
        self.start(&chunk, events);
        if chunk.blocked && self.choices.is_empty() {
            self.choice(0).block();
        }
        for candidate in &chunk.candidates {
            let index = candidate.index.and_then(|index| u32::try_from(index).ok());
            let id = std::mem::take(&mut self.id);
            self.choice(index.unwrap_or_default())
                .take(candidate, &id, events);
            self.id = id;
        }
        self.say_the_rest(&chunk, events);
        if chunk.tier.is_some() && chunk.tier != self.tier {
            self.tier.clone_from(&chunk.tier);
            events.extend(chunk.tier.map(StreamEvent::ServiceTier));
        }
        if chunk.usage.is_some() && chunk.usage != self.usage {
            self.usage = chunk.usage;
            events.extend(chunk.usage.map(StreamEvent::Usage));
        }
    }

    fn start(&mut self, chunk: &Chunk<'_>, events: &mut Vec<StreamEvent>) {
        if std::mem::replace(&mut self.started, true) {
            return;
        }
        self.id = chunk.id.clone().unwrap_or_default();
        events.push(StreamEvent::Start {
            id: self.id.clone(),
            model: chunk.model.clone().unwrap_or_default(),
            created: chunk.created,
        });
    }

    fn choice(&mut self, index: u32) -> &mut Choice {
        self.choices
            .entry(index)
            .or_insert_with(|| Choice::new(index))
    }

    /// Hands on what has no event of its own: each member as an event that holds nothing else. Safety ratings, say, are
    /// repeated with every piece.
    fn say_the_rest(&mut self, chunk: &Chunk<'_>, events: &mut Vec<StreamEvent>) {
        for (kind, raw) in chunk.beside() {
            if self.beside.get(&kind) != Some(&raw) {
                self.beside.insert(kind.clone(), raw.clone());
                let origin = Dialect::Gemini;
                events.push(StreamEvent::Opaque { origin, kind, raw });
            }
        }
    }
}

impl<'a> Chunk<'a> {
    fn read(value: Raw<'a>) -> Self {
        let mut chunk = Self::default();
        for field in fields_if_any(value) {
            let value = field.value;
            match &*field.name {
                "candidates" => {
                    let each = items(value).map(|(_, item)| Candidate::read(item));
                    chunk.candidates = each.collect();
                }
                "responseId" => chunk.id = value.text().map(Into::into),
                "modelVersion" => chunk.model = value.text().map(Into::into),
                "createTime" => {
                    chunk.created = value.text().as_deref().and_then(time::parse);
                }
                "usageMetadata" => {
                    chunk.usage = of_gemini(value);
                    chunk.tier = usage::service_tier(value);
                }
                name => {
                    chunk.blocked |= name == "promptFeedback" && is_blocked(value);
                    keep(&mut chunk.extras, "", &field);
                }
            }
        }
        chunk
    }

    /// What stands beside the parts: the path of each member, and an event of it alone.
    fn beside(&self) -> Vec<(String, RawJson)> {
        let mut all = Vec::new();
        for candidate in &self.candidates {
            let index = candidate.index.unwrap_or_default();
            for (name, value) in &candidate.extras {
                let event = Writer::object(|object| {
                    object.list("candidates", |list| {
                        list.object(|object| {
                            object.count("index", index);
                            object.raw(name, value.as_str());
                        });
                    });
                });
                let path = format!("candidates[{index}].{name}");
                all.push((path, RawJson::of_written(event)));
            }
        }
        for (name, value) in &self.extras {
            let event = Writer::object(|object| object.raw(name, value.as_str()));
            all.push((name.clone(), RawJson::of_written(event)));
        }
        all
    }
}
