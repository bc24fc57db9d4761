//! Calls that waited for a place, or got none.

use std::sync::atomic::{AtomicU64, Ordering};

use orchestra_gateway::{CallRecord, ShedAt, ShedReason};

use super::histogram::{CALLS, Histogram};
use super::text::{Kind, Text};

/// What is counted of them.
#[derive(Debug)]
pub(super) struct Overload {
    waited: Histogram,
    shed: [[AtomicU64; ShedReason::ALL.len()]; ShedAt::ALL.len()],
}

impl Overload {
    pub(super) const fn new() -> Self {
        Self {
            waited: Histogram::new(&CALLS),
            shed: [const { [const { AtomicU64::new(0) }; ShedReason::ALL.len()] };
                ShedAt::ALL.len()],
        }
    }

    pub(super) fn record(&self, record: &CallRecord) {
        if let Some(waited) = record.waited {
            self.waited.observe(waited);
        }
        let Some(shed) = record.shed else {
            return;
        };
        let at = ShedAt::ALL.iter().position(|at| *at == shed.at);
        let reason = ShedReason::ALL.iter().position(|one| *one == shed.reason);
        if let (Some(at), Some(reason)) = (at, reason) {
            self.shed[at][reason].fetch_add(1, Ordering::Relaxed);
        }
    }

    pub(super) fn write(&self, text: &mut Text) {
        let name = "orchestra_queue_wait_seconds";
        let help = "How long calls waited for places, those that got none among them; without those that did not wait.";
        text.family(name, Kind::Histogram, help);
        self.waited.write(text, name, &[]);
        let name = "orchestra_shed_total";
        let help = "Calls that ended without an answer for lack of room, by who had none and why.";
        text.family(name, Kind::Counter, help);
        for (at, reasons) in ShedAt::ALL.iter().zip(&self.shed) {
            for (reason, count) in ShedReason::ALL.iter().zip(reasons) {
                let labels = [("at", at.as_str()), ("reason", reason.as_str())];
                text.sample(name, &labels, count.load(Ordering::Relaxed));
            }
        }
    }
}
