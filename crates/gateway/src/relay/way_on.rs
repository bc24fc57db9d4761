//! The way on for a stream that dies.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use orchestra_types::ProviderId;

use crate::attempt::{Recovery, Resumed};
use crate::fault::{Fault, FaultKind, GAVE_KEY_AWAY, Verdict};
use crate::keys::Access;
use crate::record::Recovered;
use crate::settle::Settlement;

/// Other targets being asked to go on with a stream. Dropping it aborts that, and settles the call.
pub(super) struct Search(Pin<Box<dyn Future<Output = Found> + Send>>);

/// What came of it, and what was lent for it.
pub(super) struct Found {
    pub(super) recovery: Box<Recovery>,
    pub(super) settlement: Settlement,
    /// What the stream died of.
    pub(super) fault: Fault,
    /// The stream that goes on.
    pub(super) resumed: Option<Resumed>,
}

/// Whether another target may do better than the one whose stream died of `fault`. Not if it gave a key away: what it said
/// is nothing to tell others, and more than the client has.
pub(super) fn may_do_better(fault: &Fault) -> bool {
    let gave_away = matches!(&fault.kind, FaultKind::Malformed(what) if what == GAVE_KEY_AWAY);
    !gave_away && fault.verdict_if_unseen() == Verdict::NextTarget
}

impl Search {
    pub(super) fn new(
        mut recovery: Box<Recovery>,
        mut settlement: Settlement,
        dead: Access,
        fault: Fault,
        told: String,
    ) -> Self {
        Self(Box::pin(async move {
            let search = recovery.resume(&dead, &fault, &told, &mut settlement);
            let resumed = search.await;
            Found {
                recovery,
                settlement,
                fault,
                resumed,
            }
        }))
    }

    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Found> {
        self.0.as_mut().poll(cx)
    }
}

impl fmt::Debug for Search {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Search")
    }
}

/// What the client is told as soon as a stream has really been gone on with.
#[derive(Debug)]
pub(super) struct Mark {
    from: ProviderId,
    to: ProviderId,
    /// How long the text was, in bytes, and in characters.
    length: (usize, usize),
}

impl Mark {
    pub(super) fn new(from: ProviderId, to: ProviderId, told: &str) -> Self {
        Self {
            from,
            to,
            length: (told.len(), told.chars().count()),
        }
    }

    /// Whose stream died: of several that came to nothing in between, the one before them.
    pub(super) fn into_from(self) -> ProviderId {
        self.from
    }

    /// Whether the text is longer by now, or whole.
    pub(super) fn is_due(&self, told: Option<&str>) -> bool {
        told.is_none_or(|told| told.len() > self.length.0)
    }

    /// The events with a comment before them, which no client takes for one. The record is told too.
    pub(super) fn before(self, events: &Bytes, settlement: &mut Settlement) -> Bytes {
        let (Self { from, to, length }, id) = (self, settlement.record.id);
        let (_, characters) = length;
        tracing::info!(call = %id, from = %from, to = %to, characters, "stream recovered");
        let comment = format!(": orchestra recovered from={from} to={to} at={characters}\n\n");
        settlement.record.recovered.push(Recovered {
            from,
            to,
            characters,
        });
        [comment.as_bytes(), events].concat().into()
    }
}
