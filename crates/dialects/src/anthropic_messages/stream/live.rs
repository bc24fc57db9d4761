//! The one block that is open towards the client.

use crate::canonical::{Extras, Part, Place, Reasoning, ToolInput};
use crate::event::Delta;
use crate::json::Writer;
use crate::{Losses, RawJson, envelope};

use super::super::answer::{ANSWER, citations, write_citation, write_input};
use super::frames::{block_delta, block_start, block_stop, send};
use super::kind::{Kind, Pieces, taken_apart};

/// A part that is being written. Its block begins with the first thing that there is to say, so that an empty part
/// is no block: clients send blocks back, and empty ones are refused.
#[derive(Debug)]
pub(super) struct Live {
    pub(super) part: u32,
    places: [Place; 2],
    kind: Kind,
    extras: Extras,
    /// The index of its block, once that was begun.
    index: Option<u32>,
}

/// Where a block is written.
pub(super) struct Sink<'a> {
    pub(super) out: &'a mut String,
    pub(super) losses: &'a mut Losses,
    /// The index of the next block.
    pub(super) next: &'a mut u32,
}

impl Live {
    /// Begins a part. `call` is what the id of a call without one is made of.
    pub(super) fn begin(part: u32, mut content: Part, call: &str, sink: &mut Sink<'_>) -> Self {
        let places = [ANSWER, content.at];
        let mut extras = std::mem::take(&mut content.extras);
        let (kind, deltas) = taken_apart(content.body);
        match &kind {
            Kind::Lost => sink.losses.dropped(&places),
            Kind::Refusal => sink.losses.approximated(&places),
            _ => {}
        }
        if !sink.losses.within_one_dialect() {
            if !matches!(kind, Kind::Lost) {
                sink.losses.dropped_extras(&places, &extras);
            }
            extras.clear();
        }
        let mut live = Self {
            part,
            places,
            kind,
            extras,
            index: None,
        };
        live.announce(call, sink);
        deltas.iter().for_each(|delta| live.add(delta, sink));
        live
    }

    /// A call and an opaque block say something from the start.
    fn announce(&mut self, id: &str, sink: &mut Sink<'_>) {
        match &mut self.kind {
            Kind::Call { call, .. } => {
                if call.id.is_empty() {
                    call.id = format!("toolu_{id}_{}", self.part);
                }
                self.open(sink);
            }
            Kind::Opaque(raw) => {
                let index = take_index(sink);
                self.index = Some(index);
                send(sink.out, "content_block_start", |object| {
                    object.count("index", index.into());
                    object.raw("content_block", raw.as_str());
                });
            }
            Kind::Text | Kind::Refusal | Kind::Thoughts { .. } | Kind::Lost => {}
        }
    }

    /// The index of the block, which begins now if it has not.
    fn open(&mut self, sink: &mut Sink<'_>) -> u32 {
        if let Some(index) = self.index {
            return index;
        }
        let index = take_index(sink);
        self.index = Some(index);
        block_start(sink.out, index, |block| {
            self.kind.write_empty(block);
            block.extras(&self.extras);
        });
        index
    }

    pub(super) fn add(&mut self, delta: &Delta, sink: &mut Sink<'_>) {
        match (&mut self.kind, delta) {
            (Kind::Text | Kind::Refusal, Delta::Text(text)) if !text.is_empty() => {
                let index = self.open(sink);
                block_delta(sink.out, index, "text_delta", |delta| {
                    delta.text("text", text);
                });
            }
            (Kind::Text, Delta::Citation(citation)) => {
                let places = citations(sink.losses.from(), self.places[1], 0);
                let written = write_citation(citation, &places, sink.losses);
                if let Some(written) = written {
                    let index = self.open(sink);
                    block_delta(sink.out, index, "citations_delta", |delta| {
                        delta.raw("citation", written.as_str());
                    });
                }
            }
            (Kind::Thoughts { .. }, Delta::Text(text)) if !text.is_empty() => {
                self.add_thought(text, sink);
            }
            (Kind::Thoughts { gap, .. }, Delta::Section) => *gap = true,
            (Kind::Thoughts { proof, .. }, Delta::Signature(piece)) => {
                proof.signature.get_or_insert_default().push_str(piece);
            }
            (Kind::Thoughts { proof, .. }, Delta::Encrypted(whole)) => {
                proof.encrypted = Some(whole.clone());
            }
            (Kind::Call { .. }, Delta::Input(piece)) => self.add_input(piece, sink),
            // The rest does not fit its part and says nothing.
            _ => {}
        }
    }

    fn add_thought(&mut self, text: &str, sink: &mut Sink<'_>) {
        let begun = self.index.is_some();
        let Kind::Thoughts { gap, .. } = &mut self.kind else {
            return;
        };
        let gap = std::mem::take(gap) && begun;
        let index = self.open(sink);
        let send = |out: &mut String, text: &str| {
            block_delta(out, index, "thinking_delta", |delta| {
                delta.text("thinking", text);
            });
        };
        if gap {
            send(sink.out, "\n\n");
        }
        send(sink.out, text);
    }

    /// Passes a piece of input on if it belongs to an object, and keeps it otherwise.
    fn add_input(&mut self, piece: &str, sink: &mut Sink<'_>) {
        let Kind::Call { call, pieces } = &mut self.kind else {
            return;
        };
        let piece = match pieces {
            Pieces::None => piece.trim_ascii_start(),
            Pieces::Passed | Pieces::Kept => piece,
        };
        if piece.is_empty() {
            return;
        }
        if *pieces == Pieces::None {
            *pieces = if piece.starts_with('{') {
                Pieces::Passed
            } else {
                Pieces::Kept
            };
        }
        if *pieces == Pieces::Kept {
            return call.input.text_mut().push_str(piece);
        }
        let index = self.open(sink);
        input_delta(sink.out, index, piece);
    }

    /// Ends the part.
    pub(super) fn stop(mut self, sink: &mut Sink<'_>) {
        match &mut self.kind {
            Kind::Thoughts { proof, .. } => {
                let proof = std::mem::take(proof);
                self.prove(proof, sink);
            }
            Kind::Call { call, pieces } if *pieces == Pieces::Kept => {
                let input = wrapped(&call.input, &self.places, sink.losses);
                let index = self.open(sink);
                input_delta(sink.out, index, &input);
            }
            _ => {}
        }
        if let Some(index) = self.index {
            block_stop(sink.out, index);
        }
    }

    /// Ends thoughts with their proof; that of another provider in an envelope, for which thoughts that were not
    /// shown have another kind of block.
    fn prove(&mut self, proof: Reasoning, sink: &mut Sink<'_>) {
        let own = sink.losses.within_one_dialect();
        let shown = self.index.is_some();
        let (signature, data) = match (own, shown) {
            (true, _) => (proof.signature, proof.encrypted),
            (false, true) => (Some(envelope::mark(&proof, sink.losses.from())), None),
            (false, false) => (None, envelope::seal(&proof)),
        };
        if let Some(signature) = signature {
            let index = self.open(sink);
            block_delta(sink.out, index, "signature_delta", |delta| {
                delta.text("signature", &signature);
            });
        } else if let Some(data) = data.filter(|_| !shown) {
            let index = take_index(sink);
            self.index = Some(index);
            block_start(sink.out, index, |block| {
                block.text("type", "redacted_thinking");
                block.text("data", &data);
                block.extras(&self.extras);
            });
        }
    }
}

fn take_index(sink: &mut Sink<'_>) -> u32 {
    let index = *sink.next;
    *sink.next += 1;
    index
}

fn input_delta(out: &mut String, index: u32, piece: &str) {
    block_delta(out, index, "input_json_delta", |delta| {
        delta.text("partial_json", piece);
    });
}

/// The object that stands for an input which is none.
fn wrapped(input: &ToolInput, places: &[Place], losses: &mut Losses) -> String {
    let whole = Writer::object(|object| write_input(object, input, places, losses));
    let object = RawJson::of_written(whole);
    let input = object.raw().member("input");
    input.map_or_else(|| "{}".to_owned(), |input| input.json().to_owned())
}
