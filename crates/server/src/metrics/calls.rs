//! Calls as clients see them.

use std::sync::atomic::{AtomicU64, Ordering};

use orchestra_dialects::Endpoint;
use orchestra_gateway::{CallRecord, Ending};

use super::histogram::{CALLS, Histogram, OWN_WORK};
use super::text::{Kind, Text};

const ENDINGS: [Ending; 5] = [
    Ending::Completed,
    Ending::Refused,
    Ending::Failed,
    Ending::Interrupted,
    Ending::ClientGone,
];

/// Classes of the status that the client got.
const STATUSES: [&str; 6] = ["none", "1xx", "2xx", "3xx", "4xx", "5xx"];

/// Whether a stream was asked for, as a label.
const STREAMED: [&str; 2] = ["false", "true"];

/// What is known of the calls to one endpoint.
#[derive(Debug)]
struct Tally {
    name: &'static str,
    ended: [[AtomicU64; STATUSES.len()]; ENDINGS.len()],
    recovered: AtomicU64,
    took: [Histogram; 2],
    first_byte: [Histogram; 2],
    own_work: Histogram,
}

impl Tally {
    const fn new(name: &'static str) -> Self {
        Self {
            name,
            ended: [const { [const { AtomicU64::new(0) }; STATUSES.len()] }; ENDINGS.len()],
            recovered: AtomicU64::new(0),
            took: [const { Histogram::new(&CALLS) }; 2],
            first_byte: [const { Histogram::new(&CALLS) }; 2],
            own_work: Histogram::new(&OWN_WORK),
        }
    }

    fn was_called(&self) -> bool {
        let mut counts = self.ended.iter().flatten();
        counts.any(|count| count.load(Ordering::Relaxed) > 0)
    }

    fn record(&self, record: &CallRecord) {
        let ending = ENDINGS.iter().position(|ending| *ending == record.ending);
        let status = usize::from(record.status / 100).min(STATUSES.len() - 1);
        if let Some(ending) = ending {
            self.ended[ending][status].fetch_add(1, Ordering::Relaxed);
        }
        if !record.recovered.is_empty() {
            let count = u64::try_from(record.recovered.len()).unwrap_or(u64::MAX);
            self.recovered.fetch_add(count, Ordering::Relaxed);
        }
        let streamed = usize::from(record.streamed);
        self.took[streamed].observe(record.took);
        let Some(first_byte) = record.first_byte else {
            return;
        };
        self.first_byte[streamed].observe(first_byte);
        // With several attempts there are rests between them, which are no work.
        if let [attempt] = record.attempts.as_slice()
            && attempt.fault.is_none()
        {
            let waited = record.waited.unwrap_or_default();
            self.own_work
                .observe(first_byte.saturating_sub(attempt.took + waited));
        }
    }
}

/// One tally for each endpoint, and one for what is on no endpoint's path.
#[derive(Debug)]
pub(super) struct Calls {
    by_endpoint: [Tally; Endpoint::ALL.len()],
    raw: Tally,
}

impl Calls {
    pub(super) fn new() -> Self {
        Self {
            by_endpoint: Endpoint::ALL.map(|endpoint| Tally::new(endpoint.name())),
            raw: Tally::new("raw"),
        }
    }

    pub(super) fn record(&self, record: &CallRecord) {
        let place = |endpoint| Endpoint::ALL.iter().position(|known| *known == endpoint);
        let tally = match record.endpoint.and_then(place) {
            Some(place) => &self.by_endpoint[place],
            None => &self.raw,
        };
        tally.record(record);
    }

    fn tallies(&self) -> impl Iterator<Item = &Tally> {
        self.by_endpoint.iter().chain([&self.raw])
    }

    pub(super) fn write(&self, text: &mut Text) {
        let name = "orchestra_calls_total";
        text.family(name, Kind::Counter, "Calls that ended.");
        for tally in self.tallies() {
            for (ending, statuses) in ENDINGS.iter().zip(&tally.ended) {
                for (status, count) in STATUSES.iter().zip(statuses) {
                    let count = count.load(Ordering::Relaxed);
                    let labels = [
                        ("endpoint", tally.name),
                        ("ending", ending.as_str()),
                        ("status", status),
                    ];
                    if count > 0 {
                        text.sample(name, &labels, count);
                    }
                }
            }
        }
        let name = "orchestra_streams_recovered_total";
        let help = "Streams that died and were gone on with by another target, or the same one.";
        text.family(name, Kind::Counter, help);
        for tally in self.tallies() {
            let count = tally.recovered.load(Ordering::Relaxed);
            if tally.was_called() {
                text.sample(name, &[("endpoint", tally.name)], count);
            }
        }
        let name = "orchestra_call_duration_seconds";
        let help = "From a call's arrival to its end.";
        self.write_times(text, name, help, |tally| &tally.took);
        let name = "orchestra_call_first_byte_seconds";
        let help = "From a call's arrival to the first bytes for the client; of a stream, to its first event.";
        self.write_times(text, name, help, |tally| &tally.first_byte);
        let name = "orchestra_added_seconds";
        text.family(
            name,
            Kind::Histogram,
            "Time to the first bytes for the client that the only attempt did not take: what the gateway added.",
        );
        for tally in self.tallies() {
            tally
                .own_work
                .write(text, name, &[("endpoint", tally.name)]);
        }
    }

    fn write_times(
        &self,
        text: &mut Text,
        name: &str,
        help: &str,
        of: impl Fn(&Tally) -> &[Histogram; 2],
    ) {
        text.family(name, Kind::Histogram, help);
        for tally in self.tallies() {
            for (streamed, histogram) in STREAMED.iter().zip(of(tally)) {
                let labels = [("endpoint", tally.name), ("streamed", streamed)];
                histogram.write(text, name, &labels);
            }
        }
    }
}
