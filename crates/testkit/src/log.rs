//! What the upstream received and how each request ended: the other side of the gateway's own
//! records.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use serde::{Serialize, Serializer};
use tokio::sync::Notify;
use tokio::time::Instant;

use crate::request::{KEPT_LIMIT_BYTES, Request};

/// As many requests are kept, the newest ones.
const ENTRIES_LIMIT: usize = 10_000;

/// As many bytes of bodies are kept altogether; older requests give way.
const BODIES_LIMIT_BYTES: usize = 64 * 1024 * 1024;

/// A request that the upstream received.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct Received {
    /// Its number, from 1, since the start or the last reset
    pub seq: u64,
    /// The number of the connection it came over, from 1
    pub connection: u64,
    /// When its last byte came, counted from the start of the upstream
    #[serde(rename = "at_ms", serialize_with = "millis")]
    pub at: Duration,
    /// Such as `POST`
    pub method: String,
    /// Without the query
    pub path: String,
    /// What follows the question mark, or nothing
    pub query: String,
    /// Names in lower case, values as text, in the order of arrival
    pub headers: Vec<(String, String)>,
    /// The first 256 KiB of the body
    #[serde(serialize_with = "lossy")]
    pub body: Bytes,
    /// How long the whole body was
    pub body_bytes: u64,
    /// How it ended
    pub outcome: Outcome,
}

/// How a request ended, seen from the upstream. Byte counts are those of the reply's body,
/// chunk framing not counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Outcome {
    /// It has not ended yet.
    Open,
    /// All that was to be sent was handed to the operating system.
    Completed,
    /// The client left first (or while still sending its request).
    ClientGone {
        /// Handed to the operating system before that
        after_bytes: u64,
    },
    /// The script had the connection closed or reset.
    Cut {
        /// Handed to the operating system before that
        after_bytes: u64,
    },
}

impl Received {
    /// The first value of a header; the name in any case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self
            .headers
            .iter()
            .find(|(known, _)| known.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }

    /// The body as JSON.
    ///
    /// # Errors
    /// When it is not JSON, or longer than what is kept of a body.
    pub fn json(&self) -> Result<serde_json::Value, serde_json::Error> {
        serde_json::from_slice(&self.body)
    }

    /// Whether the client left before the end.
    #[must_use]
    pub fn is_gone(&self) -> bool {
        matches!(self.outcome, Outcome::ClientGone { .. })
    }
}

/// The requests received, and a bell for those who wait for them.
#[derive(Debug)]
pub(crate) struct Log {
    start: Instant,
    /// Since the last reset.
    requests: AtomicU64,
    kept: Mutex<Kept>,
    changed: Notify,
}

#[derive(Debug, Default)]
struct Kept {
    entries: VecDeque<Received>,
    body_bytes: usize,
    /// Set apart by each reset, so that a request from before it changes nothing after it.
    era: u64,
}

/// A request whose end is still to be recorded.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ticket {
    pub(crate) seq: u64,
    era: u64,
}

impl Log {
    pub(crate) fn new() -> Self {
        Self {
            start: Instant::now(),
            requests: AtomicU64::new(0),
            kept: Mutex::default(),
            changed: Notify::new(),
        }
    }

    /// Counts a request, and keeps it if wanted.
    pub(crate) fn begin(&self, request: &Request, connection: u64, keep: bool) -> Ticket {
        let ticket = if keep {
            // Counted under the lock, so that the entries are in the order of their numbers.
            let mut kept = self.lock();
            let seq = self.count();
            kept.push(received(request, seq, connection, self.start.elapsed()));
            Ticket { seq, era: kept.era }
        } else {
            Ticket {
                seq: self.count(),
                era: 0,
            }
        };
        self.changed.notify_waiters();
        ticket
    }

    fn count(&self) -> u64 {
        1 + self.requests.fetch_add(1, Ordering::Relaxed)
    }

    /// Records how a kept request ended.
    pub(crate) fn end(&self, ticket: Ticket, outcome: Outcome) {
        let mut kept = self.lock();
        if kept.era == ticket.era {
            kept.end(ticket.seq, outcome);
        }
        drop(kept);
        self.changed.notify_waiters();
    }

    pub(crate) fn entries(&self) -> Vec<Received> {
        self.lock().entries.iter().cloned().collect()
    }

    pub(crate) fn requests(&self) -> u64 {
        self.requests.load(Ordering::Relaxed)
    }

    pub(crate) fn reset(&self) {
        let mut kept = self.lock();
        *kept = Kept {
            era: kept.era + 1,
            ..Kept::default()
        };
        self.requests.store(0, Ordering::Relaxed);
    }

    /// Asks again with every change until there is an answer.
    pub(crate) async fn wait<T>(&self, mut ask: impl FnMut(&Self) -> Option<T>) -> T {
        loop {
            let changed = self.changed.notified();
            tokio::pin!(changed);
            // Listening begins before the question, so no change falls between the two.
            changed.as_mut().enable();
            if let Some(answer) = ask(self) {
                return answer;
            }
            changed.await;
        }
    }

    /// The first kept request of which this holds.
    pub(crate) fn find(&self, mut wanted: impl FnMut(&Received) -> bool) -> Option<Received> {
        self.lock()
            .entries
            .iter()
            .find(|entry| wanted(entry))
            .cloned()
    }

    fn lock(&self) -> MutexGuard<'_, Kept> {
        // No code that holds the lock leaves the entries in disorder.
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Kept {
    fn push(&mut self, entry: Received) {
        self.body_bytes += entry.body.len();
        self.entries.push_back(entry);
        while self.entries.len() > ENTRIES_LIMIT || self.body_bytes > BODIES_LIMIT_BYTES {
            let Some(oldest) = self.entries.pop_front() else {
                return;
            };
            self.body_bytes -= oldest.body.len();
        }
    }

    fn end(&mut self, seq: u64, outcome: Outcome) {
        let place = self.entries.binary_search_by_key(&seq, |entry| entry.seq);
        if let Some(entry) = place.ok().and_then(|place| self.entries.get_mut(place)) {
            entry.outcome = outcome;
        }
    }
}

fn received(request: &Request, seq: u64, connection: u64, at: Duration) -> Received {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let headers = request.head.headers();
    Received {
        seq,
        connection,
        at,
        method: request.head.method.clone(),
        path: request.head.path.clone(),
        query: request.head.query.clone(),
        headers: headers
            .map(|(name, value)| (text(name).to_lowercase(), text(value)))
            .collect(),
        // Copied, since the original is part of a larger read buffer that would be kept with it.
        body: Bytes::copy_from_slice(&request.body[..request.body.len().min(KEPT_LIMIT_BYTES)]),
        body_bytes: request.body_bytes,
        outcome: Outcome::Open,
    }
}

fn millis<S: Serializer>(time: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64(time.as_secs_f64() * 1_000.0)
}

fn lossy<S: Serializer>(body: &Bytes, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&String::from_utf8_lossy(body))
}
