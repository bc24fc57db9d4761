//! One choice of a stream that is written: its parts, and what was told of them.

use super::super::answer;
use super::super::finish::Held;
use super::super::reasoning::{self, Transcript};
use super::super::tool_calls::{signature_for_client, write_signature};
use super::form::{Form, Teller};
use crate::canonical::{Citation, Part, PartBody, Place, Reasoning, ToolUse};
use crate::event::Delta;

/// What was told of one choice.
#[derive(Debug)]
pub(super) struct Choice {
    pub(super) index: u32,
    pub(super) held: Held,
    pub(super) finished: bool,
    parts: Vec<Open>,
    calls: u64,
    transcript: Transcript,
    sealed: usize,
    /// The length of `content`, in characters.
    chars: u64,
    /// Whether something stood behind the last text.
    apart: bool,
    /// A signature that waits for the call behind it.
    signature: Option<Reasoning>,
}

/// A part that was begun.
#[derive(Debug)]
enum Open {
    Text {
        /// Where it begins in `content`.
        start: u64,
        citations: Vec<Citation>,
        at: Place,
    },
    Refusal,
    Thoughts {
        /// What proves them, without their texts.
        proof: Reasoning,
        spoke: bool,
    },
    Call {
        index: u64,
        form: Form,
        /// Whether any arguments were told.
        spoke: bool,
    },
    /// Nothing more is told of it.
    Silent,
}

impl Choice {
    pub(super) fn new(index: u32, old: bool) -> Self {
        Self {
            index,
            held: Held {
                old,
                ..Held::default()
            },
            finished: false,
            parts: Vec::new(),
            calls: 0,
            transcript: Transcript::default(),
            sealed: 0,
            chars: 0,
            apart: false,
            signature: None,
        }
    }

    /// Whether anything was said of it.
    pub(super) const fn began(&self) -> bool {
        !self.parts.is_empty()
    }

    /// A part begins.
    pub(super) fn begin(&mut self, part: &Part, teller: &mut Teller<'_>) {
        self.held.note(&part.body);
        self.apart |= !matches!(part.body, PartBody::Text { .. });
        let signature = match part.body {
            PartBody::ToolUse(_) => self.signature.take(),
            _ => {
                self.end(teller);
                None
            }
        };
        let open = match &part.body {
            PartBody::Text { text, citations } => {
                if std::mem::take(&mut self.apart) && self.chars > 0 {
                    self.text(answer::BETWEEN, teller);
                }
                let open = Open::Text {
                    start: self.chars,
                    citations: citations.clone(),
                    at: part.at,
                };
                citations
                    .iter()
                    .for_each(|citation| answer::note_citation(part.at, citation, teller.losses));
                self.text(text, teller);
                open
            }
            PartBody::Refusal { text } => {
                self.say("refusal", text, teller);
                Open::Refusal
            }
            PartBody::Reasoning(thoughts) => self.think(thoughts, teller),
            PartBody::ToolUse(call) => self.call(part, call, signature.as_ref(), teller),
            PartBody::Image(media) => self.image(part, answer::image_url(media), teller),
            PartBody::Audio(_)
            | PartBody::Document(_)
            | PartBody::ToolResult(_)
            | PartBody::Opaque { .. } => {
                teller.losses.dropped(&[answer::ANSWER, part.at]);
                Open::Silent
            }
        };
        if !teller.losses.within_one_dialect() {
            teller
                .losses
                .dropped_extras(&[answer::ANSWER, part.at], &part.extras);
        }
        self.parts.push(open);
    }

    /// A part goes on.
    pub(super) fn go_on(&mut self, part: u32, delta: &Delta, teller: &mut Teller<'_>) {
        let Some(at) = usize::try_from(part)
            .ok()
            .filter(|at| *at < self.parts.len())
        else {
            return;
        };
        // Taken out for the time being, so that the choice can speak.
        let mut open = std::mem::replace(&mut self.parts[at], Open::Silent);
        match (&mut open, delta) {
            (Open::Text { .. }, Delta::Text(text)) => self.text(text, teller),
            (Open::Text { citations, at, .. }, Delta::Citation(citation)) => {
                answer::note_citation(*at, citation, teller.losses);
                citations.push((**citation).clone());
            }
            (Open::Refusal, Delta::Text(text)) => self.say("refusal", text, teller),
            (Open::Thoughts { spoke, .. }, Delta::Text(text)) => {
                *spoke |= !text.is_empty();
                self.thought(text, teller);
            }
            (Open::Thoughts { .. }, Delta::Section) => self.transcript.section(),
            (Open::Thoughts { proof, .. }, Delta::Signature(more)) => {
                proof.signature.get_or_insert_default().push_str(more);
            }
            (Open::Thoughts { proof, .. }, Delta::Encrypted(whole)) => {
                proof.encrypted = Some(whole.clone());
            }
            (Open::Call { index, form, spoke }, Delta::Input(more)) => {
                *spoke |= !more.is_empty();
                form.go_on(self.index, *index, more, teller);
            }
            _ => {}
        }
        self.parts[at] = open;
    }

    /// A part is whole.
    pub(super) fn stop(&mut self, part: u32, teller: &mut Teller<'_>) {
        let Some(at) = usize::try_from(part)
            .ok()
            .filter(|at| *at < self.parts.len())
        else {
            return;
        };
        match std::mem::replace(&mut self.parts[at], Open::Silent) {
            Open::Text {
                start, citations, ..
            } => self.annotate((start, self.chars), &citations, teller),
            Open::Thoughts { proof, spoke } => {
                if !spoke && reasoning::gemini_signature(&proof).is_some() {
                    self.signature = Some(proof);
                } else {
                    self.seal(&proof, teller);
                }
            }
            Open::Call { index, form, spoke } => form.stop(self.index, index, spoke, teller),
            Open::Refusal | Open::Silent => {}
        }
    }

    /// Nothing follows that a waiting signature could belong to.
    pub(super) fn end(&mut self, teller: &mut Teller<'_>) {
        if let Some(proof) = self.signature.take() {
            self.transcript.begin();
            self.seal(&proof, teller);
        }
    }

    fn text(&mut self, text: &str, teller: &mut Teller<'_>) {
        self.chars += u64::try_from(text.chars().count()).unwrap_or(u64::MAX);
        self.say("content", text, teller);
    }

    fn say(&self, member: &str, text: &str, teller: &mut Teller<'_>) {
        if !text.is_empty() {
            teller.delta(self.index, |delta| delta.text(member, text));
        }
    }

    fn think(&mut self, thoughts: &Reasoning, teller: &mut Teller<'_>) -> Open {
        self.transcript.begin();
        for (at, text) in thoughts.texts.iter().enumerate() {
            if at > 0 {
                self.transcript.section();
            }
            self.thought(text, teller);
        }
        Open::Thoughts {
            spoke: thoughts.texts.iter().any(|text| !text.is_empty()),
            proof: Reasoning {
                texts: Vec::new(),
                ..thoughts.clone()
            },
        }
    }

    fn thought(&mut self, text: &str, teller: &mut Teller<'_>) {
        let before = self.transcript.piece(text);
        if before.is_empty() {
            self.say("reasoning_content", text, teller);
        } else {
            self.say("reasoning_content", &format!("{before}{text}"), teller);
        }
    }

    /// Gives the client what proves the thoughts, to be handed back.
    fn seal(&mut self, proof: &Reasoning, teller: &mut Teller<'_>) {
        let foreign = (!teller.losses.within_one_dialect()).then(|| teller.losses.from());
        let Some(data) = self.transcript.seal(proof, foreign) else {
            return;
        };
        let index = self.sealed;
        self.sealed += 1;
        teller.delta(self.index, |delta| {
            delta.list("reasoning_details", |list| {
                reasoning::write_detail(list, index, &data);
            });
        });
    }

    fn annotate(&self, text: (u64, u64), citations: &[Citation], teller: &mut Teller<'_>) {
        if citations.iter().any(answer::is_sayable) {
            teller.delta(self.index, |delta| {
                delta.list("annotations", |list| {
                    for citation in citations {
                        answer::write_annotation(list, citation, text);
                    }
                });
            });
        }
    }

    fn image(&self, part: &Part, url: Option<String>, teller: &mut Teller<'_>) -> Open {
        match url {
            Some(url) => teller.delta(self.index, |delta| {
                delta.list("images", |list| answer::write_image(list, &url));
            }),
            None => teller.losses.dropped(&[answer::ANSWER, part.at]),
        }
        Open::Silent
    }

    fn call(
        &mut self,
        part: &Part,
        call: &ToolUse,
        signature: Option<&Reasoning>,
        teller: &mut Teller<'_>,
    ) -> Open {
        if teller.tools.old && self.calls > 0 {
            teller.losses.dropped(&[answer::ANSWER, part.at]);
            return Open::Silent;
        }
        let index = self.calls;
        self.calls += 1;
        answer::note_call(part, call, teller.tools, teller.losses);
        let form = Form::of(call, teller.tools);
        let own = teller.losses.within_one_dialect();
        let sealed = signature.and_then(|thoughts| signature_for_client(thoughts, own));
        form.begin(self.index, index, call, teller, |object| {
            if let Some(sealed) = sealed {
                write_signature(object, &sealed);
            }
        });
        let input = call.input.as_str();
        let mut open = Open::Call {
            index,
            form,
            spoke: !input.is_empty(),
        };
        if let Open::Call { form, .. } = &mut open
            && !input.is_empty()
        {
            form.go_on(self.index, index, input, teller);
        }
        open
    }
}
