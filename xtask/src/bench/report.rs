//! The figures of all rounds, and the table a person reads.

use std::fmt::Write;

use serde_json::{Map, Value};

use super::steps::{BIG, C1, C64, C512, MEASURED, S16, S16_GAP, S256_GAP};
use super::systems::System;
use super::targets;

/// What was seen of each system, round by round.
#[derive(Debug)]
pub(crate) struct Results {
    by_system: Vec<(System, Vec<Value>)>,
}

impl Results {
    pub(crate) fn new(systems: &[System]) -> Self {
        let by_system = systems.iter().map(|system| (*system, Vec::new()));
        Self {
            by_system: by_system.collect(),
        }
    }

    /// Adds what one visit saw. A system that is not part of the run is left out.
    pub(crate) fn add(&mut self, system: System, seen: Value) {
        let mut entries = self.by_system.iter_mut();
        if let Some((_, rounds)) = entries.find(|(name, _)| *name == system) {
            rounds.push(seen);
        }
    }

    /// The value of most rounds: what a user would see on this machine.
    pub(crate) fn median(&self, system: System, figure: &Figure) -> Option<f64> {
        let mut values = self.values(system, figure);
        values.sort_by(f64::total_cmp);
        let middle = values.len() / 2;
        match values.len() {
            0 => None,
            odd if odd % 2 == 1 => Some(values[middle]),
            _ => Some(f64::midpoint(values[middle - 1], values[middle])),
        }
    }

    /// The lowest value: neighbours on the machine only ever add to time and memory.
    pub(crate) fn best(&self, system: System, figure: &Figure) -> Option<f64> {
        let values = self.values(system, figure).into_iter();
        values.min_by(f64::total_cmp)
    }

    fn values(&self, system: System, figure: &Figure) -> Vec<f64> {
        let rounds = self.rounds(system).iter();
        rounds.filter_map(|round| figure.of(round)).collect()
    }

    fn rounds(&self, system: System) -> &[Value] {
        let found = self.by_system.iter().find(|(name, _)| *name == system);
        found.map_or(&[], |(_, rounds)| rounds)
    }

    fn systems(&self) -> impl Iterator<Item = System> {
        self.by_system.iter().map(|(system, _)| *system)
    }

    /// Failed requests of all steps and rounds.
    fn errors(&self, system: System) -> u64 {
        let rounds = self.rounds(system).iter();
        let steps =
            rounds.flat_map(|round| MEASURED.iter().map(|step| &round[step.name]["errors"]));
        let kinds = steps.filter_map(Value::as_object).flat_map(Map::values);
        kinds.filter_map(Value::as_u64).sum()
    }

    /// Everything, for a file.
    pub(crate) fn raw(&self) -> Value {
        let entries = self.by_system.iter();
        entries
            .map(|(system, rounds)| (system.name().to_owned(), Value::from(rounds.clone())))
            .collect::<Map<_, _>>()
            .into()
    }
}

/// A place in the result of a visit, in the unit it is shown in.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Figure {
    name: &'static str,
    /// The step, then the fields below it.
    path: &'static [&'static str],
    factor: f64,
}

impl Figure {
    const fn new(name: &'static str, path: &'static [&'static str]) -> Self {
        Self {
            name,
            path,
            factor: 1.0,
        }
    }

    const fn times(self, factor: f64) -> Self {
        Self { factor, ..self }
    }

    fn of(&self, round: &Value) -> Option<f64> {
        let value = self.path.iter().try_fold(round, |at, key| at.get(key))?;
        value.as_f64().map(|value| value * self.factor)
    }
}

/// Microseconds to milliseconds.
const MILLI: f64 = 1e-3;

pub(crate) const CPU_C64: Figure = Figure::new(
    "CPU µs/request, 64 connections",
    &[C64, "cpu", "us_per_request"],
);
pub(crate) const CPU_C512: Figure = Figure::new(
    "CPU µs/request, 512 connections",
    &[C512, "cpu", "us_per_request"],
);
pub(crate) const CPU_BIG: Figure = Figure::new(
    "CPU µs/request, 32 KB prompt",
    &[BIG, "cpu", "us_per_request"],
);
pub(crate) const CPU_EVENT: Figure =
    Figure::new("CPU µs/event, no gap", &[S16, "cpu", "us_per_event"]);
const CPU_EVENT_GAP: Figure = Figure::new(
    "CPU µs/event, 256 streams, 20 ms gap",
    &[S256_GAP, "cpu", "us_per_event"],
);
pub(crate) const C1_P50: Figure = Figure::new("p50 µs, 1 connection", &[C1, "latency", "p50_us"]);
const C1_P99: Figure = Figure::new("p99 µs, 1 connection", &[C1, "latency", "p99_us"]);
const C64_P50: Figure =
    Figure::new("p50 ms, 64 connections", &[C64, "latency", "p50_us"]).times(MILLI);
const C64_P99: Figure =
    Figure::new("p99 ms, 64 connections", &[C64, "latency", "p99_us"]).times(MILLI);
const C512_P50: Figure =
    Figure::new("p50 ms, 512 connections", &[C512, "latency", "p50_us"]).times(MILLI);
const C512_P99: Figure =
    Figure::new("p99 ms, 512 connections", &[C512, "latency", "p99_us"]).times(MILLI);
pub(crate) const BURST_P50: Figure =
    Figure::new("whole burst stream p50 ms", &[S16, "latency", "p50_us"]).times(MILLI);
pub(crate) const FIRST_EVENT_P50: Figure = Figure::new(
    "first event p50 ms (20 ms of it the upstream's)",
    &[S16_GAP, "first_event", "p50_us"],
)
.times(MILLI);
pub(crate) const GAP_P99: Figure = Figure::new(
    "gap between events p99 ms (10 ms sent)",
    &[S16_GAP, "gap", "p99_us"],
)
.times(MILLI);
pub(crate) const IDLE_MB: Figure = Figure::new("idle RSS MB", &["idle_mb"]);
pub(crate) const PEAK_MB: Figure = Figure::new("peak RSS MB", &["peak_mb"]);
pub(crate) const BOOT_MS: Figure = Figure::new("boot to first answer ms", &["boot_s"]).times(1e3);
pub(crate) const SYSCALLS: Figure = Figure::new("system calls/request", &["syscalls_per_request"]);
pub(crate) const BINARY_MB: Figure = Figure::new("binary MB", &["binary_mb"]);
const RATE_C64: Figure = Figure::new(
    "requests/s on this machine, 64 connections",
    &[C64, "per_second"],
);

const SHOWN: &[Figure] = &[
    CPU_C64,
    CPU_C512,
    CPU_BIG,
    CPU_EVENT,
    CPU_EVENT_GAP,
    C1_P50,
    C1_P99,
    C64_P50,
    C64_P99,
    C512_P50,
    C512_P99,
    BURST_P50,
    FIRST_EVENT_P50,
    GAP_P99,
    IDLE_MB,
    PEAK_MB,
    BOOT_MS,
    SYSCALLS,
    BINARY_MB,
    RATE_C64,
];

/// Figures of systems (median / lowest round), what a gateway adds, and how Orchestra
/// stands to its targets.
pub(crate) fn markdown(results: &Results) -> String {
    let systems: Vec<System> = results.systems().collect();
    let mut text = String::from("| median / lowest |");
    for system in &systems {
        text.push_str(&format!(" {system} |"));
    }
    text.push_str("\n|---|");
    text.push_str(&"---:|".repeat(systems.len()));
    text.push('\n');
    for figure in SHOWN {
        row(&mut text, figure.name, &systems, |system| {
            let (median, best) = (results.median(system, figure), results.best(system, figure));
            format!("{} / {}", number(median), number(best))
        });
    }
    row(
        &mut text,
        "requests/s per core, 64 connections",
        &systems,
        |system| number(results.best(system, &CPU_C64).map(|micros| 1e6 / micros)),
    );
    for figure in [
        C1_P50,
        C1_P99,
        C64_P50,
        C64_P99,
        C512_P50,
        C512_P99,
        FIRST_EVENT_P50,
    ] {
        let name = format!("added {}", figure.name);
        row(&mut text, &name, &systems, |system| {
            number(added(results, system, &figure))
        });
    }
    row(&mut text, "failed requests", &systems, |system| {
        results.errors(system).to_string()
    });
    text.push_str(&targets::markdown(results));
    text
}

/// What a system takes longer than the bench alone.
pub(crate) fn added(results: &Results, system: System, figure: &Figure) -> Option<f64> {
    let alone = results.median(System::Direct, figure)?;
    results.median(system, figure).map(|with| with - alone)
}

fn row(text: &mut String, name: &str, systems: &[System], cell: impl Fn(System) -> String) {
    text.push_str(&format!("| {name} |"));
    for system in systems {
        text.push_str(&format!(" {} |", cell(*system)));
    }
    text.push('\n');
}

/// Three figures are all that two runs would agree on.
pub(crate) fn number(value: Option<f64>) -> String {
    let Some(value) = value else {
        return "–".to_owned();
    };
    let digits = match value.abs() {
        below if below < 10.0 => 2,
        below if below < 100.0 => 1,
        _ => 0,
    };
    format!("{value:.digits$}")
}

/// One line on a visit, to watch a run by.
pub(crate) fn headline(visited: &Value) -> String {
    let mut line = String::new();
    for figure in [CPU_C64, C1_P50, BURST_P50] {
        // Writing to a string cannot fail.
        let _ = write!(line, "{} {}  ", figure.name, number(figure.of(visited)));
    }
    line
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn results(values: &[f64]) -> Results {
        let mut results = Results::new(&[System::Hyper]);
        for value in values {
            let seen = json!({"c64": {"cpu": {"us_per_request": value}, "errors": {"closed": 2}}});
            results.add(System::Hyper, seen);
        }
        results
    }

    #[test]
    fn medians_and_lowest_values() {
        let odd = results(&[3.0, 1.0, 2.0]);
        assert_eq!(odd.median(System::Hyper, &CPU_C64), Some(2.0));
        assert_eq!(odd.best(System::Hyper, &CPU_C64), Some(1.0));
        let even = results(&[4.0, 1.0, 2.0, 3.0]);
        assert_eq!(even.median(System::Hyper, &CPU_C64), Some(2.5));
        assert_eq!(even.median(System::Direct, &CPU_C64), None);
        assert_eq!(even.errors(System::Hyper), 8);
    }

    #[test]
    fn what_was_not_measured_is_a_dash() {
        let text = markdown(&results(&[25.0]));
        assert!(
            text.contains("| CPU µs/request, 64 connections | 25.0 / 25.0 |"),
            "{text}"
        );
        assert!(text.contains("| peak RSS MB | – / – |"), "{text}");
        assert!(
            text.contains("| requests/s per core, 64 connections | 40000 |"),
            "{text}"
        );
    }
}
