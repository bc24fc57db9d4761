//! An answer on its way to the client.

use tokio::time::Instant;

use crate::answer::{Answer, Content};
use crate::attempt::Recovery;
use crate::cache::{Hit, Storing};
use crate::conversations::Keep;
use crate::keys::Access;

/// What a client gets.
#[expect(clippy::large_enum_variant, reason = "the large one is the usual one")]
pub(crate) enum Reply {
    /// A target's answer.
    Fresh(Served),
    /// One that was kept.
    Kept(Hit),
}

/// An answer and where it came from.
pub(crate) struct Served {
    pub(crate) access: Access,
    pub(crate) answer: Answer,
    pub(crate) deadline: Instant,
    /// The conversation that is to be kept with it.
    pub(crate) keep: Option<Keep>,
    /// Whether what should be kept is, so far.
    pub(crate) kept: bool,
    /// The place in the plan whose stream may be gone on with elsewhere.
    recoverable: Option<usize>,
    /// Where it may be.
    pub(crate) recovery: Option<Box<Recovery>>,
    /// The place for the answer, if it is kept for calls that ask the same.
    pub(crate) store: Option<Box<Storing>>,
}

impl Served {
    pub(crate) const fn new(access: Access, answer: Answer, deadline: Instant) -> Self {
        Self {
            access,
            answer,
            deadline,
            keep: None,
            kept: true,
            recoverable: None,
            recovery: None,
            store: None,
        }
    }

    /// With a conversation that is to be kept with it.
    pub(crate) fn keeping(self, keep: Option<Keep>) -> Self {
        Self { keep, ..self }
    }

    /// With a place where it is kept for calls that ask the same.
    pub(crate) fn storing(self, store: Option<Box<Storing>>) -> Self {
        Self { store, ..self }
    }

    /// A stream from this place in the plan that may be gone on with elsewhere if it dies.
    pub(crate) fn recoverable(self, at: Option<usize>) -> Self {
        Self {
            recoverable: at,
            ..self
        }
    }

    /// With what is left of the plan, if the answer is a stream that may be gone on with.
    pub(crate) fn with_plan(mut self, rest: impl FnOnce(usize, Instant) -> Recovery) -> Self {
        if let (Content::Stream(_), Some(at)) = (&self.answer.content, self.recoverable) {
            self.recovery = Some(Box::new(rest(at, self.deadline)));
        }
        self
    }

    /// Keeps the conversation with an answer in one piece.
    pub(crate) async fn keep_whole(&mut self) {
        if let Content::Whole(whole) = &self.answer.content
            && let Some(keep) = self.keep.take()
        {
            let response = std::str::from_utf8(&whole.body).unwrap_or_default();
            self.kept = keep.with(response).await;
        }
    }
}
