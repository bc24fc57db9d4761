//! Reads streams.

use super::super::answer::MadeIds;
use super::parts::{Choice, Piece};
use crate::codec::StreamDecode;
use crate::error::error_member;
use crate::event::StreamEvent;
use crate::json::{Cursor, Raw, Rules};
use crate::sniff::Malformed;
use crate::{EndRule, Frame, StreamEnd, UpstreamError, parse_error, usage};

/// Reads a stream of Chat Completions.
///
/// Chat says where a call begins but never where anything ends, and some servers repeat their finish
/// reason, or send it before the last text. So parts stay open until the next one begins, calls until
/// the end, and a finish is told only once the end has come.
#[derive(Debug, Default)]
pub(in super::super) struct Decoder {
    started: bool,
    end: Option<StreamEnd>,
    events: u64,
    /// How the last event began, up to the name of its `choices`: all begin alike.
    head: String,
    ids: MadeIds,
    service_tier: String,
    choices: Vec<Choice>,
}

impl StreamDecode for Decoder {
    fn frame(&mut self, frame: Frame<'_>, events: &mut Vec<StreamEvent>) {
        let data = frame.data.trim_ascii();
        self.events += 1;
        if self.end.is_some() || data.is_empty() {
            return;
        }
        if data == b"[DONE]" {
            self.finish(events);
            return;
        }
        let first = events.len();
        let fault = match self.chunk(frame.event, data, events) {
            Ok(None) => return,
            Ok(Some(error)) => error,
            Err(malformed) => malformed.as_error(self.events),
        };
        // What stood before the mistake cannot be trusted either.
        events.truncate(first);
        events.push(StreamEvent::Fault(fault));
        self.end = Some(StreamEnd::Failed);
    }

    fn end(&mut self, rule: EndRule, events: &mut Vec<StreamEvent>) -> StreamEnd {
        if let Some(end) = self.end {
            return end;
        }
        let finished =
            !self.choices.is_empty() && self.choices.iter().all(|choice| choice.finish.is_some());
        if rule == EndRule::FinishReason && finished {
            self.finish(events);
            return StreamEnd::Complete;
        }
        StreamEnd::Truncated
    }
}

impl Decoder {
    /// Reads one event; an error that it reports is handed back.
    fn chunk(
        &mut self,
        name: Option<&[u8]>,
        data: &[u8],
        events: &mut Vec<StreamEvent>,
    ) -> Result<Option<UpstreamError>, Malformed> {
        let text = std::str::from_utf8(data).map_err(|_| Malformed::NotUtf8)?;
        if !self.started {
            self.start(text, events)?;
        }
        let error = self.walk(text, events)?;
        if name == Some(b"error") && error.is_none() {
            return Ok(Some(parse_error(data).unwrap_or_else(silent_error)));
        }
        Ok(error)
    }

    fn walk(
        &mut self,
        text: &str,
        events: &mut Vec<StreamEvent>,
    ) -> Result<Option<UpstreamError>, Malformed> {
        let repeated = self.repeated_head(text);
        let mut json = match repeated {
            Some(length) => Cursor::within_object(text, length, Rules::ANSWER),
            None => Cursor::new(text, Rules::ANSWER),
        };
        if repeated.is_none() && !json.enter_object()? {
            return Err(Malformed::NotAnObject);
        }
        let mut error = None;
        while let Some(key) = json.next_key()? {
            match &*json.name(&key) {
                "choices" => {
                    if repeated.is_none() {
                        self.keep_head(text.get(..key.span.start).unwrap_or_default());
                    }
                    self.read_choices(&mut json, events)?;
                }
                "usage" => {
                    let usage = Raw::pass(&mut json)?.unless_null();
                    events.extend(usage.and_then(usage::of_openai).map(StreamEvent::Usage));
                }
                "service_tier" => {
                    let tier = Raw::pass(&mut json)?;
                    self.note_tier(tier, events);
                }
                "error" => error = error_member(Raw::pass(&mut json)?),
                _ => {
                    json.skip()?;
                }
            }
        }
        json.end()?;
        Ok(error)
    }

    fn read_choices(
        &mut self,
        json: &mut Cursor<'_>,
        events: &mut Vec<StreamEvent>,
    ) -> Result<(), Malformed> {
        let is_list = json.enter_list()?;
        while is_list && json.next_item()? {
            let piece = Piece::read(json)?;
            let Ok(index) = u32::try_from(piece.index) else {
                continue;
            };
            if self.started {
                let Self { choices, ids, .. } = self;
                choice_at(choices, index).add(&piece, ids, events);
            }
        }
        Ok(())
    }

    /// Begins with the first event that is about the answer: Azure sends one before it that is about the
    /// prompt, without id or model.
    fn start(&mut self, text: &str, events: &mut Vec<StreamEvent>) -> Result<(), Malformed> {
        let value = Raw::parse(text, Rules::ANSWER)?;
        let [id, model, created, choices, usage] =
            value.pick(["id", "model", "created", "choices", "usage"]);
        let string = |value: Option<Raw<'_>>| -> String {
            value
                .and_then(Raw::text)
                .map(Into::into)
                .unwrap_or_default()
        };
        let id = string(id);
        let says = choices.is_some_and(Raw::says_something) || usage.is_some();
        if id.is_empty() && !says {
            return Ok(());
        }
        let created = created.and_then(Raw::count).filter(|created| *created > 0);
        self.ids = MadeIds::of(&id, created);
        self.started = true;
        events.push(StreamEvent::Start {
            id,
            model: string(model),
            created,
        });
        Ok(())
    }

    fn note_tier(&mut self, tier: Raw<'_>, events: &mut Vec<StreamEvent>) {
        if let Some(tier) = tier
            .text()
            .filter(|tier| self.started && *tier != self.service_tier)
        {
            self.service_tier = tier.clone().into_owned();
            events.push(StreamEvent::ServiceTier(tier.into_owned()));
        }
    }

    /// Closes everything. Only here a finish is told.
    fn finish(&mut self, events: &mut Vec<StreamEvent>) {
        if !self.started {
            events.push(StreamEvent::Start {
                id: String::new(),
                model: String::new(),
                created: None,
            });
        }
        self.choices.sort_by_key(Choice::index);
        for choice in &mut self.choices {
            choice.close(&self.ids, events);
        }
        events.push(StreamEvent::End);
        self.end = Some(StreamEnd::Complete);
    }

    /// The length of the beginning that this event shares with the last, if a member's name follows it.
    fn repeated_head(&self, text: &str) -> Option<usize> {
        let rest = text.strip_prefix(&*self.head)?;
        (!self.head.is_empty() && rest.starts_with('"')).then_some(self.head.len())
    }

    /// Keeps the beginning of an event. Long ones are not worth it.
    fn keep_head(&mut self, head: &str) {
        const LONGEST: usize = 1024;
        self.head.clear();
        if head.len() <= LONGEST {
            self.head.push_str(head);
        }
    }
}

fn choice_at(choices: &mut Vec<Choice>, index: u32) -> &mut Choice {
    let at = choices.iter().position(|choice| choice.index() == index);
    let at = at.unwrap_or_else(|| {
        choices.push(Choice::new(index));
        choices.len() - 1
    });
    &mut choices[at]
}

fn silent_error() -> UpstreamError {
    UpstreamError {
        message: "the provider ended the stream with an error that says nothing".into(),
        ..UpstreamError::default()
    }
}
