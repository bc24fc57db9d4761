//! What runs amount to, for people and for programs.

use std::time::Duration;

use orchestra_simulation::{Load, Measure, Outage, Overlap, Report, World};
use orchestra_types::Money;
use serde_json::{Value, json};

use super::costs::cost;
use super::runs::Run;
use crate::arguments::simulate::Simulate;
use crate::output::table;

/// Outages that are listed for people; programs get all.
const LISTED: usize = 12;

fn name(run: &Run) -> String {
    match run.without.as_slice() {
        [] => "as configured".to_owned(),
        [measure] => format!("without {}", measure.as_str()),
        _ => "without any".to_owned(),
    }
}

fn scenario(asked: &Simulate) -> String {
    match &asked.outages {
        Some(path) => path.display().to_string(),
        None => asked.scenario.as_str().to_owned(),
    }
}

/// The worst that an outage's first minute cost in calls that could have been served.
fn worst_onset(report: &Report) -> Duration {
    report
        .lost_avoidably
        .iter()
        .max()
        .copied()
        .unwrap_or_default()
}

fn attempts(report: &Report) -> f64 {
    f64::from(report.attempts) / f64::from(report.calls.max(1))
}

pub(crate) fn text(asked: &Simulate, world: &World, runs: &[Run]) -> String {
    let report = &runs[0].report;
    let time = humantime::format_duration(world.traffic.lasts);
    let mut text = format!(
        "{}: {} calls of `{}` in {time}, seed {}\n\n",
        scenario(asked),
        report.calls,
        asked.model,
        asked.seed
    );
    text.push_str(&listed(world));
    text.push_str(&coinciding(world));
    text.push_str(&compared(asked, world, runs));
    text.push('\n');
    text.push_str(&loads(report));
    text
}

fn listed(world: &World) -> String {
    let row = |outage: &Outage| {
        let target = world.upstreams[outage.target].label();
        vec![
            target,
            since(outage.from),
            since(outage.until.saturating_sub(outage.from)),
            outage.trouble.to_string(),
            format!("{} %", outage.share * 100.0),
        ]
    };
    let mut outages: Vec<&Outage> = world.outages.iter().collect();
    outages.sort_by_key(|outage| outage.from);
    let rows: Vec<_> = outages
        .iter()
        .take(LISTED)
        .map(|outage| row(outage))
        .collect();
    let mut text = table(&["OUTAGE OF", "FROM", "FOR", "TROUBLE", "REQUESTS"], &rows);
    if outages.len() > LISTED {
        text.push_str(&format!(
            "and {} more (--json lists all)\n",
            outages.len() - LISTED
        ));
    }
    if outages.is_empty() {
        return "no outage in this time: try another --seed, or a longer --for\n".to_owned();
    }
    text
}

/// For how long providers were out together, if there is more than one.
fn coinciding(world: &World) -> String {
    let overlap = Overlap::of(world);
    let Some(factor) = overlap.factor() else {
        return "\n".to_owned();
    };
    let (together, chance) = (since(overlap.together), since(overlap.by_chance));
    format!(
        "two providers out at once: {together}; chance would make it {chance} ({factor:.1} times as long)\n\n"
    )
}

fn compared(asked: &Simulate, world: &World, runs: &[Run]) -> String {
    let head = [
        "",
        "WHOLE ANSWERS",
        "POSSIBLE",
        "LOST NEEDLESSLY",
        "BROKE OFF",
        "FIRST TOKEN 50 %",
        "95 %",
        "99 %",
        "SENDS PER CALL",
        "COST",
        "WORST ONSET",
    ];
    let wait = |time: Option<Duration>| time.map_or_else(|| "-".to_owned(), seconds);
    let row = |run: &Run| {
        let report = &run.report;
        vec![
            name(run),
            percent(report.availability()),
            percent(report.oracle),
            report.avoidable.unwrap_or_default().to_string(),
            report.broken.to_string(),
            wait(report.first_token_p50),
            wait(report.first_token_p95),
            wait(report.first_token_p99),
            format!("{:.3}", attempts(report)),
            dollars(cost(asked, world, report)),
            seconds(worst_onset(report)),
        ]
    };
    table(&head, &runs.iter().map(row).collect::<Vec<_>>())
}

fn loads(report: &Report) -> String {
    let all: u32 = report.loads.iter().map(|load| load.requests).sum();
    let row = |load: &Load| {
        let share = |part: u32, all: u32| f64::from(part) / f64::from(all.max(1));
        vec![
            load.name.clone(),
            load.requests.to_string(),
            format!("{:.1} %", share(load.requests, all) * 100.0),
            format!("{} of {}", load.busiest, load.capacity),
            load.refused.to_string(),
        ]
    };
    let rows: Vec<_> = report.loads.iter().map(row).collect();
    table(
        &["TARGET", "REQUESTS", "SHARE", "BUSIEST", "TURNED AWAY"],
        &rows,
    )
}

fn percent(share: f64) -> String {
    // Never rounded up to all.
    let floor = (share * 1e6).floor() / 1e4;
    format!("{floor:.4} %")
}

fn dollars(cost: Option<Money>) -> String {
    let Some(cost) = cost else {
        return "-".to_owned();
    };
    let cents = cost.pico() / 10_000_000_000;
    format!("$ {}.{:02}", cents / 100, cents % 100)
}

fn seconds(time: Duration) -> String {
    format!("{:.2} s", time.as_secs_f64())
}

fn since(time: Duration) -> String {
    humantime::format_duration(Duration::from_secs(time.as_secs())).to_string()
}

pub(crate) fn json(asked: &Simulate, world: &World, runs: &[Run]) -> Value {
    let outage = |outage: &Outage| {
        json!({
            "target": world.upstreams[outage.target].label(),
            "start_seconds": outage.from.as_secs_f64(),
            "duration_seconds": outage.until.saturating_sub(outage.from).as_secs_f64(),
            "trouble": outage.trouble.to_string(),
            "share": outage.share,
        })
    };
    let overlap = Overlap::of(world);
    json!({
        "scenario": scenario(asked),
        "model": asked.model,
        "seed": asked.seed,
        "rate": asked.rate,
        "seconds": world.traffic.lasts.as_secs_f64(),
        "outages": world.outages.iter().map(outage).collect::<Vec<_>>(),
        "two_providers_out": {
            "seconds": overlap.together.as_secs_f64(),
            "seconds_by_chance": overlap.by_chance.as_secs_f64(),
            "times": overlap.factor(),
            "times_asked": asked.together,
        },
        "runs": runs.iter().map(|one| run(asked, world, one)).collect::<Vec<_>>(),
    })
}

fn run(asked: &Simulate, world: &World, run: &Run) -> Value {
    let report = &run.report;
    let ms = |time: Option<Duration>| time.map(|time| time.as_secs_f64() * 1_000.0);
    let seconds = |times: &[Duration]| times.iter().map(Duration::as_secs_f64).collect::<Vec<_>>();
    let load = |load: &Load| {
        json!({
            "target": load.name,
            "requests": load.requests,
            "refused": load.refused,
            "overrun": load.overrun,
            "billed": load.billed,
            "busiest": load.busiest,
            "capacity": load.capacity,
        })
    };
    json!({
        "without": run.without.iter().copied().map(Measure::as_str).collect::<Vec<_>>(),
        "calls": report.calls,
        "served": report.served,
        "availability": report.availability(),
        "oracle": report.oracle,
        "avoidable": report.avoidable,
        "broken": report.broken,
        "first_token_ms": {
            "p50": ms(report.first_token_p50),
            "p95": ms(report.first_token_p95),
            "p99": ms(report.first_token_p99),
        },
        "attempts": report.attempts,
        "attempts_per_call": attempts(report),
        "cost_usd": cost(asked, world, report).map(|cost| cost.to_string()),
        "lost_seconds_by_outage": seconds(&report.lost),
        "lost_avoidably_seconds_by_outage": seconds(&report.lost_avoidably),
        "targets": report.loads.iter().map(load).collect::<Vec<_>>(),
    })
}
