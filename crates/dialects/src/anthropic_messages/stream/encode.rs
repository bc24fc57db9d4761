//! Writes a stream.
//!
//! Anthropic's blocks never overlap, other dialects' parts may: a part that begins while another is open waits until
//! that one stops. What the message cost is told where it is known: some providers say it at the start, most at the end.

use std::collections::VecDeque;

use orchestra_types::Usage;

use crate::canonical::{Extras, Finish, Part};
use crate::codec::{AnswerContext, StreamEncode};
use crate::event::{Delta, StreamEvent};
use crate::json::ObjectWriter;
use crate::{Dialect, ErrorView, Family, LossKind, Losses, RawJson, render_error};

use super::super::answer::{Told, logprobs, lost_choices, lost_finish, message_id, write_usage};
use super::super::nested;
use super::frames::{send, send_written};
use super::live::{Live, Sink};

/// A stream as far as it was written.
#[derive(Debug)]
pub(in super::super) struct Encoder {
    /// The call's id, from which others are made.
    call: String,
    start: Start,
    next_index: u32,
    live: Option<Live>,
    waiting: VecDeque<Waiting>,
    told: Told,
    usage: Option<Usage>,
    tier: Option<String>,
    finish: Option<Finish>,
    /// Members of Anthropic's own events.
    extras: Extras,
}

/// `message_start`, which waits for the usage of providers that tell it at once.
#[derive(Debug)]
struct Start {
    id: String,
    model: String,
    written: bool,
}

/// A part that began while another was open.
#[derive(Debug)]
struct Waiting {
    part: u32,
    content: Part,
    deltas: Vec<Delta>,
    stopped: bool,
}

impl Encoder {
    pub(in super::super) fn new(context: &AnswerContext<'_>) -> Self {
        Self {
            call: context.id.to_owned(),
            start: Start {
                id: message_id("", context, false).into_owned(),
                model: context.request.model.clone(),
                written: false,
            },
            next_index: 0,
            live: None,
            waiting: VecDeque::new(),
            told: Told::default(),
            usage: None,
            tier: None,
            finish: None,
            extras: Extras::new(),
        }
    }
}

impl StreamEncode for Encoder {
    fn event(&mut self, event: &StreamEvent, out: &mut String, losses: &mut Losses) {
        match event {
            StreamEvent::Start { id, model, .. } => return self.begin(id, model, out, losses),
            StreamEvent::Usage(usage) => return self.usage = Some(*usage),
            StreamEvent::ServiceTier(tier) => return self.tier = Some(tier.clone()),
            StreamEvent::Opaque { origin, kind, raw } => {
                return self.opaque(*origin, kind, raw, out, losses);
            }
            // How an error is worded is decided elsewhere.
            StreamEvent::Fault(_) => return,
            _ => self.write_start(out, losses),
        }
        match event {
            StreamEvent::PartStart {
                choice: 0,
                part,
                content,
            } => {
                self.told.note(content);
                self.part_start(*part, content, out, losses);
            }
            StreamEvent::PartDelta {
                choice: 0,
                part,
                delta,
            } => {
                self.part_delta(*part, delta, out, losses);
            }
            StreamEvent::PartStop { choice: 0, part } => self.part_stop(*part, out, losses),
            StreamEvent::Finish { choice: 0, reason } => self.finish = Some(reason.clone()),
            StreamEvent::PartStart { choice, .. }
            | StreamEvent::PartDelta { choice, .. }
            | StreamEvent::PartStop { choice, .. }
            | StreamEvent::Finish { choice, .. } => lost_choices(*choice as usize, losses),
            StreamEvent::Logprobs { choice, .. } => {
                let places = logprobs(losses.from(), *choice as usize);
                losses.dropped(&places);
            }
            StreamEvent::Ping => send(out, "ping", |_| {}),
            StreamEvent::End => self.end(out, losses),
            StreamEvent::Start { .. }
            | StreamEvent::Usage(_)
            | StreamEvent::ServiceTier(_)
            | StreamEvent::Opaque { .. }
            | StreamEvent::Fault(_) => {}
        }
    }

    fn fault(&mut self, view: &ErrorView<'_>, out: &mut String) {
        send_written(out, "error", &render_error(Family::Anthropic, view));
    }
}

impl Encoder {
    fn begin(&mut self, id: &str, model: &str, out: &mut String, losses: &mut Losses) {
        if losses.within_one_dialect() && !id.is_empty() {
            id.clone_into(&mut self.start.id);
        }
        if !model.is_empty() {
            model.clone_into(&mut self.start.model);
        }
        // These tell the usage of the prompt together with the start.
        let tells = matches!(losses.from(), Dialect::AnthropicMessages | Dialect::Gemini);
        if !tells {
            self.write_start(out, losses);
        }
    }

    fn write_start(&mut self, out: &mut String, losses: &mut Losses) {
        if std::mem::replace(&mut self.start.written, true) {
            return;
        }
        let extras = std::mem::take(&mut self.extras);
        let tier = self.tier.take();
        send(out, "message_start", |object| {
            object.object("message", |message| {
                message.text("id", &self.start.id);
                message.text("type", "message");
                message.text("role", "assistant");
                message.text("model", &self.start.model);
                message.list("content", |_| {});
                message.null("stop_reason");
                message.null("stop_sequence");
                message.object("usage", |usage| {
                    let counts = self.usage.unwrap_or_default();
                    write_usage(usage, &counts, tier.as_deref(), losses);
                    nested::restore(usage, "usage", &extras);
                });
                nested::restore_plain(message, &extras);
            });
        });
    }

    /// Members of Anthropic's own events return to such; whole events of unknown kinds pass.
    fn opaque(
        &mut self,
        origin: Dialect,
        kind: &str,
        raw: &RawJson,
        out: &mut String,
        losses: &mut Losses,
    ) {
        if origin != Dialect::AnthropicMessages {
            losses.add(format!("answer.{kind}"), LossKind::Dropped);
            return;
        }
        let is_event = raw.raw().member("type").and_then(|kind| kind.text());
        if is_event.as_deref() == Some(kind) {
            self.write_start(out, losses);
            return send_written(out, kind, raw.as_str());
        }
        self.extras.retain(|(known, _)| known != kind);
        self.extras.push((kind.to_owned(), raw.clone()));
    }

    fn part_start(&mut self, part: u32, content: &Part, out: &mut String, losses: &mut Losses) {
        let waiting = Waiting {
            part,
            content: content.clone(),
            deltas: Vec::new(),
            stopped: false,
        };
        self.waiting.push_back(waiting);
        self.go_on(out, losses);
    }

    fn part_delta(&mut self, part: u32, delta: &Delta, out: &mut String, losses: &mut Losses) {
        let next = &mut self.next_index;
        match &mut self.live {
            Some(live) if live.part == part => {
                live.add(delta, &mut Sink { out, losses, next });
            }
            _ => {
                if let Some(waiting) = self.waiting.iter_mut().find(|one| one.part == part) {
                    waiting.deltas.push(delta.clone());
                }
            }
        }
    }

    fn part_stop(&mut self, part: u32, out: &mut String, losses: &mut Losses) {
        let next = &mut self.next_index;
        match self.live.take_if(|live| live.part == part) {
            Some(live) => {
                live.stop(&mut Sink { out, losses, next });
                self.go_on(out, losses);
            }
            None => {
                if let Some(waiting) = self.waiting.iter_mut().find(|one| one.part == part) {
                    waiting.stopped = true;
                }
            }
        }
    }

    /// Writes what waits, up to the first part that is not whole yet.
    fn go_on(&mut self, out: &mut String, losses: &mut Losses) {
        while self.live.is_none()
            && let Some(waiting) = self.waiting.pop_front()
        {
            let next = &mut self.next_index;
            let mut sink = Sink { out, losses, next };
            let mut live = Live::begin(waiting.part, waiting.content, &self.call, &mut sink);
            for delta in &waiting.deltas {
                live.add(delta, &mut sink);
            }
            if waiting.stopped {
                live.stop(&mut sink);
            } else {
                self.live = Some(live);
            }
        }
    }

    fn end(&mut self, out: &mut String, losses: &mut Losses) {
        let own = losses.within_one_dialect();
        if self.usage.is_none() && !own {
            losses.defaulted("answer.usage");
        }
        let finish = self.finish.as_ref();
        let reason = finish.map(|finish| self.told.stop_reason(finish, own));
        if reason.as_ref().is_some_and(|reason| !reason.exact) {
            lost_finish(finish, losses);
        }
        send(out, "message_delta", |object| {
            object.object("delta", |delta| {
                let word = reason.as_ref().map(|reason| &*reason.word);
                delta.text_or_null("stop_reason", word);
                delta.text_or_null("stop_sequence", reason.as_ref().and_then(|r| r.sequence));
                self.write_extras(delta, Self::belongs_to_the_delta);
            });
            object.object("usage", |usage| {
                let counts = self.usage.unwrap_or_default();
                write_usage(usage, &counts, self.tier.as_deref(), losses);
                nested::restore(usage, "usage", &self.extras);
            });
            self.write_extras(object, |name| !Self::belongs_to_the_delta(name));
        });
        send(out, "message_stop", |_| {});
    }

    /// The members of `message_delta.delta` (`RawMessageDeltaEvent` of the SDK).
    fn belongs_to_the_delta(name: &str) -> bool {
        matches!(name, "stop_details" | "container")
    }

    fn write_extras(&self, object: &mut ObjectWriter<'_>, belongs: impl Fn(&str) -> bool) {
        let extras = self.extras.iter();
        for (name, value) in extras.filter(|(name, _)| !name.contains('.') && belongs(name)) {
            object.raw(name, value.as_str());
        }
    }
}
