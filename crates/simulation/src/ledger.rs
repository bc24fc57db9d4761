//! Where everything that happens is written down.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use orchestra_gateway::{CallRecord, Sink};
use orchestra_types::Clock;

use crate::clock::VirtualClock;
use crate::event::{Event, Happening};

/// The metadata under which a call's number goes through the gateway into its record.
pub(crate) const CALL: &str = "call";

/// The world's own log. Also takes the gateway's records.
#[derive(Debug)]
pub(crate) struct Ledger {
    clock: VirtualClock,
    events: Mutex<Vec<Event>>,
}

impl Ledger {
    pub(crate) fn new(clock: VirtualClock) -> Arc<Self> {
        Arc::new(Self {
            clock,
            events: Mutex::default(),
        })
    }

    pub(crate) fn now(&self) -> Duration {
        self.clock.monotonic()
    }

    pub(crate) fn note(&self, what: Happening) {
        let event = Event {
            at: self.now(),
            what,
        };
        let mut events = self.events.lock().unwrap_or_else(PoisonError::into_inner);
        events.push(event);
    }

    /// All events so far, in their order.
    pub(crate) fn take(&self) -> Vec<Event> {
        let mut events = self.events.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut *events)
    }
}

impl Sink for Ledger {
    fn settled(&self, record: CallRecord) {
        let attempts = record.attempts.iter();
        self.note(Happening::Recorded {
            call: record.metadata.get(CALL).and_then(|call| call.parse().ok()),
            ending: record.ending.as_str(),
            status: record.status,
            attempts: attempts
                .map(|attempt| (attempt.provider.to_string(), attempt.fault))
                .collect(),
        });
    }
}
