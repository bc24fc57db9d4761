//! `bench`: what Orchestra costs beside a pass-through and beside no gateway at all.
//!
//! Every round visits every system once, so drift and neighbours hit all of them alike.
//! The gateway has a core to itself; the scripted upstream and the load driver share the
//! rest. CPU per request comes from the gateway's own CPU time over exactly the measured
//! window. Absolute figures do not travel between machines: compare within one run.

mod machine;
mod process;
mod report;
mod steps;
mod syscalls;
mod systems;
mod targets;
mod visit;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use serde_json::{Value, json};

use crate::arguments::Arguments;
use crate::check;
use crate::command::{self, cargo};

use self::machine::Machine;
use self::report::Results;
use self::steps::Pace;
use self::systems::{Setup, System};
use self::visit::Visitor;

/// With fewer rounds the best of them is not worth gating on.
const ROUNDS: u32 = 5;
const QUICK_ROUNDS: u32 = 2;

struct Plan {
    rounds: u32,
    pace: Pace,
    systems: Vec<System>,
    out: PathBuf,
}

/// Runs the task.
///
/// # Errors
/// If a program cannot be built or started, or does not answer.
pub(crate) fn run(arguments: &mut Arguments) -> anyhow::Result<()> {
    let workspace = check::workspace()?;
    let target = workspace.target_directory.as_std_path();
    let plan = plan(arguments, target)?;
    let setup = Setup::new(target)?;
    build(&plan.systems)?;
    let machine = Machine::new()?;
    let results = measure(&plan, &setup, &machine)?;
    let markdown = report::markdown(&results);
    write(&plan.out, &results, &machine)?;
    println!("\n{markdown}\n{}", plan.out.display());
    Ok(())
}

fn plan(arguments: &mut Arguments, target: &Path) -> anyhow::Result<Plan> {
    let quick = arguments.flag("--quick");
    let (pace, usual_rounds) = if quick {
        (Pace::Quick, QUICK_ROUNDS)
    } else {
        (Pace::Full, ROUNDS)
    };
    let rounds = arguments.value("--rounds")?.unwrap_or(usual_rounds);
    let out = arguments.value("--out")?;
    let only: Option<String> = arguments.value("--only")?;
    arguments.finish()?;
    if rounds == 0 {
        bail!("--rounds must be at least 1");
    }
    Ok(Plan {
        rounds,
        pace,
        systems: only.as_deref().map_or(Ok(System::ALL.to_vec()), named)?,
        out: out.unwrap_or_else(|| target.join("bench").join("report.json")),
    })
}

fn named(list: &str) -> anyhow::Result<Vec<System>> {
    let names = list.split(',');
    names.map(|name| name.trim().parse()).collect()
}

fn build(systems: &[System]) -> anyhow::Result<()> {
    let mut command = cargo(["build", "--release", "-p", "orchestra-bench"]);
    command.args(["-p", "orchestra-testkit"]);
    if systems.contains(&System::Orchestra) || systems.contains(&System::Translated) {
        command.args(["-p", "orchestra-server"]);
    }
    command::run(command.arg("--bins"))
}

fn measure(plan: &Plan, setup: &Setup, machine: &Machine) -> anyhow::Result<Results> {
    let upstream = setup.start_upstream(machine)?;
    let visitor = Visitor {
        setup,
        machine,
        upstream: &upstream,
        pace: plan.pace,
    };
    let mut results = Results::new(&plan.systems);
    for round in 1..=plan.rounds {
        for system in &plan.systems {
            let seen = visitor.visit(*system);
            let seen = seen.with_context(|| format!("round {round}, {system}"))?;
            println!("round {round} {system}: {}", report::headline(&seen));
            results.add(*system, seen);
        }
    }
    Ok(results)
}

fn write(path: &Path, results: &Results, machine: &Machine) -> anyhow::Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)
            .with_context(|| format!("cannot create {}", folder.display()))?;
    }
    let report: Value = json!({"machine": machine.describe(), "rounds": results.raw()});
    let text = format!("{report:#}\n");
    fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))
}
