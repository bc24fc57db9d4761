//! What happened within the measured window.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};

use crate::histogram::Histogram;

/// Whether what happens now is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Window {
    /// Not yet: everything is warming up.
    Ahead,
    Open,
    Closed,
}

/// One request answered in full.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Completion {
    /// From the first byte sent to the last byte read.
    pub(crate) latency: Duration,
    /// From the first byte sent to the first event read.
    pub(crate) first_event: Option<Duration>,
}

/// The counts of all connections. Only what ends while the window is open is counted, so
/// that counts and CPU time cover the same span.
#[derive(Debug)]
pub(crate) struct Tally {
    pub(crate) window: Window,
    serial: u64,
    done: u64,
    events: u64,
    latency: Histogram,
    first_event: Histogram,
    gap: Histogram,
    errors: BTreeMap<&'static str, u64>,
    /// For each connection, whether anything ended on it.
    heard_of: Vec<bool>,
}

impl Tally {
    pub(crate) fn new(connections: usize) -> Self {
        Self {
            window: Window::Ahead,
            serial: 0,
            done: 0,
            events: 0,
            latency: Histogram::new(),
            first_event: Histogram::new(),
            gap: Histogram::new(),
            errors: BTreeMap::new(),
            heard_of: vec![false; connections],
        }
    }

    /// A number that no earlier request of this run had.
    pub(crate) fn next_serial(&mut self) -> u64 {
        self.serial += 1;
        self.serial
    }

    pub(crate) fn complete(&mut self, connection: usize, completion: &Completion) {
        if self.window != Window::Open {
            return;
        }
        self.done += 1;
        self.heard_of[connection] = true;
        self.latency.add(completion.latency);
        if let Some(first) = completion.first_event {
            self.first_event.add(first);
        }
    }

    /// Events that came in one read, and the time since the read before.
    pub(crate) fn events(&mut self, count: u64, gap: Option<Duration>) {
        if self.window != Window::Open {
            return;
        }
        self.events += count;
        if let Some(gap) = gap {
            self.gap.add(gap);
        }
    }

    pub(crate) fn fail(&mut self, connection: usize, kind: &'static str) {
        if self.window != Window::Open {
            return;
        }
        self.heard_of[connection] = true;
        *self.errors.entry(kind).or_default() += 1;
    }

    /// The figures of the run.
    ///
    /// A connection on which nothing ended counts as an error of kind `stalled`: choose a
    /// window longer than any answer should take.
    pub(crate) fn report(&self, window: Duration, cpu: Option<Duration>) -> Value {
        let seconds = window.as_secs_f64();
        let mut errors = self.errors.clone();
        let stalled = self.heard_of.iter().filter(|heard| !**heard).count();
        if stalled > 0 {
            errors.insert("stalled", stalled as u64);
        }
        json!({
            "seconds": seconds,
            "sent": self.serial,
            "done": self.done,
            "per_second": self.done as f64 / seconds,
            "events": self.events,
            "errors": errors,
            "latency": self.latency.report(),
            "first_event": self.first_event.report(),
            "gap": self.gap.report(),
            "cpu": cpu.map(|cpu| self.cpu_report(cpu)),
        })
    }

    fn cpu_report(&self, cpu: Duration) -> Value {
        let each = |count: u64| (count > 0).then(|| cpu.as_secs_f64() * 1e6 / count as f64);
        json!({
            "seconds": cpu.as_secs_f64(),
            "us_per_request": each(self.done),
            "us_per_event": each(self.events),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const QUICK: Completion = Completion {
        latency: Duration::from_millis(2),
        first_event: None,
    };

    #[test]
    fn only_the_open_window_counts() {
        let mut tally = Tally::new(1);
        for window in [Window::Ahead, Window::Open, Window::Closed] {
            tally.window = window;
            tally.complete(0, &QUICK);
            tally.events(3, Some(Duration::from_millis(1)));
        }
        let second = Duration::from_secs(1);
        let report = tally.report(second, Some(Duration::from_millis(30)));
        assert_eq!(report["done"], 1);
        assert_eq!(report["events"], 3);
        assert_eq!(report["cpu"]["us_per_event"], 10_000.0);
        assert_eq!(report["errors"], json!({}));
    }

    #[test]
    fn a_silent_connection_is_an_error() {
        let mut tally = Tally::new(3);
        tally.window = Window::Open;
        tally.complete(0, &QUICK);
        tally.fail(1, "closed");
        let report = tally.report(Duration::from_secs(1), None);
        assert_eq!(report["errors"], json!({"closed": 1, "stalled": 1}));
        assert_eq!(report["cpu"], Value::Null);
    }
}
