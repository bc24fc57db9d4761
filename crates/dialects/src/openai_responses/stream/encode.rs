//! Writes a stream.

use orchestra_types::Usage;

use crate::canonical::{Finish, Place};
use crate::codec::{AnswerContext, StreamEncode};
use crate::event::StreamEvent;
use crate::json::Raw;
use crate::openai_responses::answer::{self, Ending, Held, Shell};
use crate::openai_responses::output::{Assembler, Sink, Tell};
use crate::sniff::responses_error_event;
use crate::{Dialect, ErrorView, Losses, RawJson};

/// Writes a stream for a client.
///
/// Every event has its number, its type in two places and the ids of what it tells of. The last one holds the
/// whole answer, as it would have come in one piece.
#[derive(Debug)]
pub(in crate::openai_responses) struct Encoder {
    shell: Shell,
    output: Assembler,
    /// The number of the next event.
    number: u64,
    held: Held,
    finish: Option<Finish>,
    usage: Option<Usage>,
    service_tier: Option<String>,
}

impl Encoder {
    pub(in crate::openai_responses) fn new(context: &AnswerContext<'_>) -> Self {
        Self {
            shell: Shell::new(context, "", None),
            output: Assembler::new(context),
            number: 0,
            held: Held::default(),
            finish: None,
            usage: None,
            service_tier: None,
        }
    }

    /// The answer begins: the first two events hold it as it is, with nothing in it.
    fn start(&self, sink: &mut Sink<'_>) {
        for kind in ["response.created", "response.in_progress"] {
            sink.event(kind, |event| {
                event.object("response", |object| self.shell.write(object, &[], None));
            });
        }
    }

    fn end(&self, sink: &mut Sink<'_>, losses: &mut Losses) {
        let outcome = answer::write_finish(self.finish.as_ref(), self.held, losses);
        // There is no terminal event for other ends, and clients wait for one.
        let kind = match outcome.status {
            "completed" => "response.completed",
            _ => "response.incomplete",
        };
        let ending = Ending {
            outcome,
            usage: self.usage.as_ref(),
            service_tier: answer::service_tier(self.service_tier.as_deref(), losses),
            extras: &[],
        };
        sink.event(kind, |event| {
            event.object("response", |object| {
                self.shell.write(object, self.output.items(), Some(&ending));
            });
        });
    }

    fn tell(&mut self, event: &StreamEvent, tell: &mut Tell<'_, '_>) {
        match event {
            StreamEvent::Start { model, created, .. } => {
                self.shell.told(model, *created);
                self.start(tell.sink);
            }
            StreamEvent::PartStart { part, content, .. } => {
                self.held.note(content);
                self.output.start(*part, content, tell);
            }
            StreamEvent::PartDelta { part, delta, .. } => self.output.delta(*part, delta, tell),
            StreamEvent::PartStop { part, .. } => self.output.stop(*part, tell),
            StreamEvent::Logprobs { tokens, .. } => self.output.logprobs(tokens, tell),
            StreamEvent::Usage(usage) => self.usage = Some(*usage),
            StreamEvent::ServiceTier(tier) => self.service_tier = Some(tier.clone()),
            StreamEvent::Finish { reason, .. } => self.finish = Some(reason.clone()),
            StreamEvent::End => {
                self.output.seal(tell);
                self.end(tell.sink, tell.losses);
            }
            StreamEvent::Opaque { origin, kind, raw } => opaque(*origin, kind, raw, tell),
            StreamEvent::Fault(_) | StreamEvent::Ping => {}
        }
    }
}

impl StreamEncode for Encoder {
    fn event(&mut self, event: &StreamEvent, out: &mut String, losses: &mut Losses) {
        if let Some(choice) = choice(event).filter(|choice| *choice > 0) {
            let choices = answer::choices_name(losses.from());
            let index = usize::try_from(choice).unwrap_or(usize::MAX);
            losses.dropped(&[Place::member("answer"), Place::item(choices, index)]);
            return;
        }
        let mut sink = Sink::new(out, self.number);
        let mut tell = Tell {
            sink: &mut sink,
            losses,
        };
        self.tell(event, &mut tell);
        self.number = sink.number();
    }

    fn fault(&mut self, view: &ErrorView<'_>, out: &mut String) {
        out.push_str(&responses_error_event(view, self.number));
    }
}

/// Which answer of several an event tells of.
const fn choice(event: &StreamEvent) -> Option<u32> {
    match event {
        StreamEvent::PartStart { choice, .. }
        | StreamEvent::PartDelta { choice, .. }
        | StreamEvent::PartStop { choice, .. }
        | StreamEvent::Logprobs { choice, .. }
        | StreamEvent::Finish { choice, .. } => Some(*choice),
        _ => None,
    }
}

/// An event that only its own dialect knows: the same with another number.
fn opaque(origin: Dialect, kind: &str, raw: &RawJson, tell: &mut Tell<'_, '_>) {
    if origin != Dialect::OpenAiResponses {
        tell.losses
            .add(format!("answer.{kind}"), crate::LossKind::Dropped);
        return;
    }
    tell.sink.event(kind, |event| {
        let members = raw.raw().members();
        for (name, value) in
            members.filter(|(name, _)| !matches!(&**name, "type" | "sequence_number"))
        {
            event.raw(&name, Raw::json(value));
        }
    });
}
