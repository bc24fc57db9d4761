//! What is held back of a stream, and until when.

use std::collections::VecDeque;

use bytes::Bytes;
use orchestra_routing::HoldBack;
use tokio::time::Instant;

use super::Spare;
use crate::fault::Reached;
use crate::relay::Seen;
use crate::settings::Settings;

/// The beginning of a stream that the client has not seen yet.
pub(super) struct Held {
    pieces: VecDeque<Bytes>,
    bytes: usize,
    /// Whether a failure can still be hidden.
    spare: Spare,
    rule: HoldBack,
    /// When its first content is waited for no longer.
    released: Instant,
    /// When its first content came.
    began: Option<Instant>,
}

impl Held {
    pub(super) fn new(spare: Spare, settings: &Settings, rule: HoldBack) -> Self {
        Self {
            pieces: VecDeque::new(),
            bytes: 0,
            spare,
            rule,
            released: Instant::now() + settings.hold_back,
            began: None,
        }
    }

    /// How many pieces of the answer need be counted.
    pub(super) fn counts(&self) -> u32 {
        if self.spare == Spare::None {
            1
        } else {
            self.rule.tokens
        }
    }

    pub(super) fn add(&mut self, piece: Bytes, seen: Seen<'_>) {
        self.bytes += piece.len();
        self.pieces.push_back(piece);
        if self.began.is_none() && seen.pieces > 0 {
            let now = Instant::now();
            self.began = Some(now);
            self.released = now + self.rule.time;
        }
    }

    /// Until when more may be waited for; `None` for as long as the target may be silent. With nothing in hand there is nothing
    /// that the client could be shown.
    pub(super) fn until(&self) -> Option<Instant> {
        (!self.pieces.is_empty()).then_some(self.released)
    }

    /// Whether an error would come behind what the client is shown.
    pub(super) fn shows_content(&self, seen: Seen<'_>) -> bool {
        seen.pieces >= self.counts()
    }

    /// Whether the client is to have it.
    pub(super) fn is_enough(&self, seen: Seen<'_>) -> bool {
        self.spare == Spare::None
            || self.shows_content(seen)
            || seen.ended
            || Instant::now() >= self.released
            || self.bytes > Settings::MAX_HELD_BYTES
    }

    /// How far the exchange has come.
    pub(super) fn reached(&self) -> Reached {
        match self.began {
            None => Reached::Answered,
            Some(_) => Reached::Begun,
        }
    }

    /// What was held back, and since when there was content in it.
    pub(super) fn release(self) -> (VecDeque<Bytes>, Option<Instant>) {
        (self.pieces, self.began)
    }
}
