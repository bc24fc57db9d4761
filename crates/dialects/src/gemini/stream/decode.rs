//! Reads a stream.

use std::collections::BTreeMap;

use orchestra_types::Usage;

use crate::canonical::Extras;
use crate::codec::StreamDecode;
use crate::error::error_member;
use crate::event::StreamEvent;
use crate::json::{ObjectWriter, Raw, Rules, Writer};
use crate::sse::Frame;
use crate::usage::of_gemini;
use crate::{
    Dialect, EndRule, JsonKind, MALFORMED_EVENT, RawJson, StreamEnd, UpstreamError, parse_error,
};

use super::super::answer::{Candidate, is_blocked};
use super::super::carry::{keep, write};
use super::super::name::{fields_if_any, items};
use super::super::time;
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
}

/// An event, its members apart.
#[derive(Default)]
struct Chunk<'a> {
    id: Option<String>,
    model: Option<String>,
    created: Option<u64>,
    candidates: Vec<Candidate<'a>>,
    usage: Option<Usage>,
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
        let number = self.frames;
        let malformed = |what: String| UpstreamError {
            code: Some(MALFORMED_EVENT.into()),
            message: format!("event {number} of the stream is {what}"),
            ..UpstreamError::default()
        };
        let text = std::str::from_utf8(data).map_err(|_| malformed("not UTF-8".into()))?;
        let value = Raw::parse(text, Rules::ANSWER).map_err(|syntax| {
            let (offset, problem) = (syntax.offset, syntax.problem);
            malformed(format!("not valid JSON at byte {offset}: {problem}"))
        })?;
        if value.kind() == Some(JsonKind::Object) {
            return match value.member("error").and_then(error_member) {
                Some(error) => Err(error),
                None => Ok(Chunk::read(value)),
            };
        }
        // Errors come as a list where a list of answers was begun.
        let error = parse_error(data).filter(|_| value.kind() == Some(JsonKind::List));
        Err(error.unwrap_or_else(|| malformed("not a JSON object".into())))
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

    /// Hands on what has no event of its own, as an event that holds nothing else.
    fn say_the_rest(&mut self, chunk: &Chunk<'_>, events: &mut Vec<StreamEvent>) {
        let mut all = chunk.extras.iter().map(|(name, _)| name);
        let within = chunk
            .candidates
            .iter()
            .flat_map(|candidate| &candidate.extras);
        let Some(kind) = all.next().or_else(|| within.map(|(name, _)| name).next()) else {
            return;
        };
        let raw = RawJson::of_written(chunk.beside());
        let first = chunk
            .candidates
            .first()
            .and_then(|candidate| candidate.index);
        let first = first
            .and_then(|index| u32::try_from(index).ok())
            .unwrap_or_default();
        // Safety ratings, say, are repeated with every piece.
        if self
            .choice_if_any(first)
            .is_none_or(|choice| choice.is_new(&raw))
        {
            let origin = Dialect::Gemini;
            let kind = kind.clone();
            events.push(StreamEvent::Opaque { origin, kind, raw });
        }
    }

    fn choice_if_any(&mut self, index: u32) -> Option<&mut Choice> {
        self.choices.get_mut(&index)
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
                "usageMetadata" => chunk.usage = of_gemini(value),
                name => {
                    chunk.blocked |= name == "promptFeedback" && is_blocked(value);
                    keep(&mut chunk.extras, "", &field);
                }
            }
        }
        chunk
    }

    /// An event of what stands beside the parts alone.
    fn beside(&self) -> String {
        let candidates = || {
            self.candidates
                .iter()
                .filter(|candidate| !candidate.extras.is_empty())
        };
        Writer::object(|object: &mut ObjectWriter<'_>| {
            if candidates().next().is_some() {
                object.list("candidates", |list| {
                    for candidate in candidates() {
                        list.object(|object| {
                            object.count("index", candidate.index.unwrap_or_default());
                            write(object, "", &candidate.extras);
                        });
                    }
                });
            }
            write(object, "", &self.extras);
        })
    }
}
