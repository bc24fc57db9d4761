//! A call as it is sent to one target.

use super::Attempts;
use crate::answer::Answer;
use crate::cache::Slot;
use crate::call::Call;
use crate::outgoing::{Outgoing, Step, Unsendable, prepare};
use crate::routes::edit;
use crate::stage::{Candidate, Stage};

/// What is sent to a target, and the call as its place in the tree has changed it.
#[derive(Debug)]
pub(super) struct Letter {
    /// `None` where the tree changes nothing.
    pub(super) edited: Option<Box<Call>>,
    pub(super) outgoing: Outgoing,
    /// Where the answer is kept, if it is.
    pub(super) slot: Option<Box<Slot>>,
}

/// How a target is asked.
pub(super) enum Written {
    Letter(Letter),
    /// It need not be asked.
    Estimate(Answer),
}

impl Letter {
    /// Writes the call for a target, with what its stage changes of it.
    ///
    /// # Errors
    /// [`Unsendable`] if the target cannot be asked that.
    pub(super) fn write(
        attempts: &Attempts<'_>,
        stage: &Stage,
        target: &Candidate,
    ) -> Result<Written, Unsendable> {
        let edited = edit(attempts.call, &stage.settings, &attempts.settings.head);
        let edited = edited.map_err(Unsendable::Here)?;
        let edited = edited.map(Box::new);
        let call = edited.as_deref().unwrap_or(attempts.call);
        Ok(match prepare(call, target)? {
            Step::Estimate(answer) => Written::Estimate(answer),
            Step::Send(outgoing) => {
                let outgoing = Outgoing {
                    forwards: stage.settings.forward_headers.clone().unwrap_or_default(),
                    ..outgoing
                };
                Written::Letter(Self {
                    slot: attempts.slot(call, stage, target, &outgoing),
                    outgoing,
                    edited,
                })
            }
        })
    }

    /// The same attempts, of the call as it was written.
    pub(super) fn attempts<'l>(&'l self, attempts: &Attempts<'l>, stage: &Stage) -> Attempts<'l> {
        let call = self.edited.as_deref().unwrap_or(attempts.call);
        let rules = &attempts.settings.recovery;
        let memory = rules.memory(call, &stage.settings, &self.outgoing);
        let held = &attempts.settings.hold_back_more;
        Attempts {
            call,
            hold_back: held.of(attempts.call.head.model(), stage.settings.hold_back),
            request_timeout: stage.settings.request_timeout,
            memory,
            ..*attempts
        }
    }
}
