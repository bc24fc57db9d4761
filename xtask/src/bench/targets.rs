//! What Orchestra promises, as ratios to the reference of the same run wherever a machine
//! could change the figure.

use super::report::{
    BINARY_MB, BOOT_MS, BURST_P50, C1_P50, CPU_BIG, CPU_C64, CPU_C512, CPU_EVENT, FIRST_EVENT_P50,
    Figure, GAP_P99, IDLE_MB, PEAK_MB, Results, SYSCALLS, added, number,
};
use super::systems::System::{self, Direct, Hyper, Orchestra, Translated};

/// One promise.
struct Target {
    name: &'static str,
    better: Better,
    must: f64,
    goal: f64,
    measured: fn(&Results) -> Option<f64>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Better {
    Less,
    More,
}

impl Target {
    const fn at_most(
        name: &'static str,
        must: f64,
        goal: f64,
        measured: fn(&Results) -> Option<f64>,
    ) -> Self {
        Self {
            name,
            better: Better::Less,
            must,
            goal,
            measured,
        }
    }

    fn meets(&self, limit: f64, value: f64) -> bool {
        match self.better {
            Better::Less => value <= limit,
            Better::More => value >= limit,
        }
    }

    fn verdict(&self, value: Option<f64>) -> &'static str {
        match value {
            None => "not measured",
            Some(value) if self.meets(self.goal, value) => "goal",
            Some(value) if self.meets(self.must, value) => "met",
            Some(_) => "MISSED",
        }
    }
}

const TARGETS: &[Target] = &[
    Target {
        name: "throughput per core ÷ hyper, 64 connections",
        better: Better::More,
        must: 0.65,
        goal: 0.80,
        measured: |r| ratio(r.best(Hyper, &CPU_C64), r.best(Orchestra, &CPU_C64)),
    },
    Target::at_most("CPU of a 32 KB prompt ÷ hyper", 1.8, 1.4, |r| {
        beside_hyper(r, Orchestra, &CPU_BIG)
    }),
    Target::at_most("CPU of an event ÷ hyper, no gap", 1.3, 0.75, |r| {
        beside_hyper(r, Orchestra, &CPU_EVENT)
    }),
    Target::at_most(
        "translated: CPU of an event ÷ hyper, no gap",
        1.6,
        1.1,
        |r| beside_hyper(r, Translated, &CPU_EVENT),
    ),
    Target::at_most("translated: CPU of a request ÷ hyper", 2.5, 1.8, |r| {
        beside_hyper(r, Translated, &CPU_C64)
    }),
    Target::at_most(
        "translated: CPU of a 32 KB prompt ÷ hyper",
        4.5,
        3.0,
        |r| beside_hyper(r, Translated, &CPU_BIG),
    ),
    Target::at_most("added p50 ÷ hyper's, 1 connection", 1.3, 1.1, |r| {
        ratio(added(r, Orchestra, &C1_P50), added(r, Hyper, &C1_P50))
    }),
    Target::at_most("first event p50 − hyper's, ms", 0.5, 0.1, |r| {
        let ours = r.median(Orchestra, &FIRST_EVENT_P50)?;
        Some(ours - r.median(Hyper, &FIRST_EVENT_P50)?)
    }),
    Target::at_most("gap between events p99 ÷ hyper", 1.5, 1.1, |r| {
        beside_hyper(r, Orchestra, &GAP_P99)
    }),
    Target::at_most("whole burst stream p50 ÷ direct", 2.0, 1.3, |r| {
        ratio(
            r.median(Orchestra, &BURST_P50),
            r.median(Direct, &BURST_P50),
        )
    }),
    Target::at_most("CPU at 512 ÷ at 64 connections", 2.0, 1.4, |r| {
        ratio(r.best(Orchestra, &CPU_C512), r.best(Orchestra, &CPU_C64))
    }),
    Target::at_most("idle RSS, MB", 25.0, 12.0, |r| {
        r.median(Orchestra, &IDLE_MB)
    }),
    Target::at_most("peak RSS, MB", 80.0, 45.0, |r| {
        r.median(Orchestra, &PEAK_MB)
    }),
    Target::at_most("boot to first answer, ms", 100.0, 25.0, |r| {
        r.best(Orchestra, &BOOT_MS)
    }),
    Target::at_most("system calls per request", 4.5, 4.2, |r| {
        r.median(Orchestra, &SYSCALLS)
    }),
    Target::at_most("stripped binary, MB", 25.0, 15.0, |r| {
        r.median(Orchestra, &BINARY_MB)
    }),
];

/// The targets as a table; empty when Orchestra was not measured.
pub(crate) fn markdown(results: &Results) -> String {
    if results.median(Orchestra, &CPU_C64).is_none() {
        return String::new();
    }
    let mut text =
        String::from("\n| target | must | goal | measured | |\n|---|---:|---:|---:|---|\n");
    for target in TARGETS {
        let sign = match target.better {
            Better::Less => '≤',
            Better::More => '≥',
        };
        let value = (target.measured)(results);
        text.push_str(&format!(
            "| {} | {sign} {} | {sign} {} | {} | {} |\n",
            target.name,
            target.must,
            target.goal,
            number(value),
            target.verdict(value),
        ));
    }
    text
}

fn beside_hyper(results: &Results, system: System, figure: &Figure) -> Option<f64> {
    ratio(results.best(system, figure), results.best(Hyper, figure))
}

fn ratio(ours: Option<f64>, theirs: Option<f64>) -> Option<f64> {
    let theirs = theirs.filter(|theirs| *theirs > 0.0)?;
    ours.map(|ours| ours / theirs)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn results(ours: f64) -> Results {
        let mut results = Results::new(&System::ALL);
        for (system, micros) in [(Hyper, 20.0), (Orchestra, ours)] {
            results.add(system, json!({"c64": {"cpu": {"us_per_request": micros}}}));
        }
        results
    }

    fn check(ours: f64, verdict: &str) {
        let text = markdown(&results(ours));
        let line = text
            .lines()
            .find(|line| line.contains("throughput"))
            .unwrap();
        assert!(line.ends_with(&format!("{verdict} |")), "{line}");
    }

    #[test]
    fn more_throughput_is_better() {
        check(24.0, "goal");
        check(30.0, "met");
        check(40.0, "MISSED");
    }

    #[test]
    fn what_was_not_measured_is_not_judged() {
        let text = markdown(&results(24.0));
        assert!(
            text.contains("| idle RSS, MB | ≤ 25 | ≤ 12 | – | not measured |"),
            "{text}"
        );
        assert_eq!(markdown(&Results::new(&[Hyper])), "");
    }
}
