//! A relayed stream that dies and is gone on with.

use std::task::{Context, Poll};

use bytes::Bytes;

use super::lull::Lull;
use super::stream::StreamRelay;
use super::way_on::{Found, Mark, Search, may_do_better};
use crate::fault::Fault;

impl StreamRelay {
    /// Whether somebody may go on with the stream that died of `fault`.
    pub(super) fn may_go_on(&self, fault: &Fault) -> bool {
        // Put together, the events of a text may hold what none of them did.
        let fit = |told: &str| !self.access.gives_key_away(told.as_bytes());
        let wanted = self.recovery.is_some() && self.settlement.is_some();
        wanted && self.opened.events.told().is_some_and(fit) && may_do_better(fault)
    }

    /// Begins to look for somebody who does.
    pub(super) fn search(&mut self, fault: Fault) {
        if let (Some(recovery), Some(mut settlement), Some(told)) = (
            self.recovery.take(),
            self.settlement.take(),
            self.opened.events.told(),
        ) {
            // If the client leaves meanwhile, this is what is known.
            settlement.record.usage = self.opened.events.seen().usage;
            let (dead, told) = (self.access.clone(), told.to_owned());
            let heard = self.opened.events.active();
            let family = self.family;
            self.lull.get_or_insert_with(|| Lull::new(heard, family));
            self.opened.events.hang_up();
            self.search = Some(Search::new(
                recovery,
                settlement,
                dead,
                fault.unseen(),
                told,
            ));
        }
    }

    /// Goes on with the stream that was found, or gives up.
    pub(super) fn found(&mut self, found: Found, cx: &mut Context<'_>) -> Poll<Option<Bytes>> {
        let Found {
            recovery,
            settlement,
            fault,
            resumed,
        } = found;
        self.settlement = Some(settlement);
        let Some(resumed) = resumed else {
            return Poll::Ready(self.give_up(&fault, true));
        };
        let access = resumed.access.clone();
        let told = self.opened.events.told().unwrap_or_default();
        let from = match self.mark.take() {
            Some(mark) => mark.into_from(),
            None => self.access.member.provider.id().clone(),
        };
        self.mark = Some(Mark::new(from, access.member.provider.id().clone(), told));
        if !self.opened.events.go_on(resumed) {
            return Poll::Ready(self.give_up(&fault, true));
        }
        self.recovery = Some(recovery);
        self.access = access;
        let silence_ends = self.opened.events.active() + self.bounds.idle;
        let rings = self.bounds.deadline.min(silence_ends);
        self.timer.as_mut().reset(rings);
        self.poll_events(cx)
    }

    /// What the client hears while nobody goes on with a stream that died; nothing at any other time.
    pub(super) fn poll_lull(&mut self, cx: &mut Context<'_>) -> Poll<Option<Bytes>> {
        match &mut self.lull {
            Some(lull) => lull.poll(cx),
            None => Poll::Pending,
        }
    }

    /// The events, behind a mark if they are the first of a stream that goes on.
    pub(super) fn marked(&mut self, events: Bytes) -> Bytes {
        self.lull = None;
        let told = self.opened.events.told();
        let due = self.mark.take_if(|mark| mark.is_due(told));
        match (due, &mut self.settlement) {
            (Some(mark), Some(settlement)) => mark.before(&events, settlement),
            _ => events,
        }
    }
}
