//! The same calls and outages, with all that the gateway does and without each part of it.

use std::thread;

use anyhow::anyhow;
use orchestra_simulation::{Measure, Report, World};

use crate::arguments::simulate::Simulate;

/// What came of one run.
#[derive(Debug)]
pub(crate) struct Run {
    /// What the gateway had to do without.
    pub(crate) without: Vec<Measure>,
    pub(crate) report: Report,
}

/// The configuration as it is first. Each run has a thread, and its own time in it.
pub(crate) fn all(world: &World, asked: &Simulate) -> anyhow::Result<Vec<Run>> {
    let mut missing = vec![Vec::new()];
    if !asked.no_comparison {
        let taken = || {
            Measure::ALL
                .into_iter()
                .filter(|measure| world.takes(*measure))
        };
        missing.extend(taken().map(|measure| vec![measure]));
        missing.push(taken().collect());
    }
    let run = |without: Vec<Measure>| {
        let world = World {
            without: without.clone(),
            ..world.clone()
        };
        let report = world.measure(asked.seed)?;
        anyhow::Ok(Run { without, report })
    };
    thread::scope(|scope| {
        let started: Vec<_> = missing
            .into_iter()
            .map(|without| scope.spawn(move || run(without)))
            .collect();
        let runs = started.into_iter().map(|thread| {
            let ran = thread.join();
            ran.unwrap_or_else(|_| Err(anyhow!("a run ended in a panic")))
        });
        runs.collect()
    })
}
