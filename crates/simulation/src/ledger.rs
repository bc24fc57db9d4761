//! Where everything that happens is written down.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use orchestra_gateway::{CallRecord, Sink};
use orchestra_types::Clock;

use crate::clock::VirtualClock;
use crate::event::{Attempted, Charge, Event, Happening};
use crate::tally::Tally;

/// The metadata under which a call's number goes through the gateway into its record.
pub(crate) const CALL: &str = "call";

/// What becomes of what happens.
#[derive(Debug)]
pub(crate) enum Book {
    /// All of it is kept.
    Log(Vec<Event>),
    /// It is counted, and forgotten.
    Count(Box<Tally>),
}

/// The world's own log. Also takes the gateway's records.
#[derive(Debug)]
pub(crate) struct Ledger {
    clock: VirtualClock,
    book: Mutex<Book>,
}

impl Ledger {
    pub(crate) fn new(clock: VirtualClock, book: Book) -> Arc<Self> {
        Arc::new(Self {
            clock,
            book: Mutex::new(book),
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
        let mut book = self.book.lock().unwrap_or_else(PoisonError::into_inner);
        match &mut *book {
            Book::Log(events) => events.push(event),
            Book::Count(tally) => tally.take(&event),
        }
    }

    /// What was written so far.
    pub(crate) fn take(&self) -> Book {
        let mut book = self.book.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::replace(&mut *book, Book::Log(Vec::new()))
    }
}

impl Sink for Ledger {
    fn settled(&self, record: CallRecord) {
        let attempts = record.attempts.iter().map(|attempt| Attempted {
            provider: attempt.provider.to_string(),
            fault: attempt.fault,
            estimate: attempt.estimated_cost,
        });
        self.note(Happening::Recorded {
            call: record.metadata.get(CALL).and_then(|call| call.parse().ok()),
            ending: record.ending.as_str(),
            status: record.status,
            attempts: attempts.collect(),
            charge: Charge {
                usage: record.usage,
                cost: record.cost,
            },
            recovered: record.recovered.len(),
        });
    }
}
