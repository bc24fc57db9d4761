//! `check`: all that can be said about the code without running it, fastest first.

use std::process::Command;

use cargo_metadata::{Metadata, MetadataCommand};

use crate::arguments::Arguments;
use crate::command::{self, cargo};
use crate::steps::Steps;
use crate::{arrows, inheritance, sizes, unsafety};

/// Runs the task.
///
/// # Errors
/// The first check that fails.
pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<()> {
    arguments.finish()?;
    all(&mut Steps::default())
}

/// All checks, as steps of a longer task.
///
/// # Errors
/// The first check that fails.
pub(crate) fn all(steps: &mut Steps) -> anyhow::Result<()> {
    steps.step("format", || {
        command::run(&mut cargo(["fmt", "--all", "--check"]))
    })?;
    let workspace = workspace()?;
    steps.step("arrows", || refuse(&arrows::problems(&workspace)))?;
    steps.step("inheritance", || {
        refuse(&inheritance::problems(&workspace)?)
    })?;
    steps.step("unsafety", || refuse(&unsafety::problems(&workspace)?))?;
    steps.step("sizes", || sizes::report(&workspace))?;
    steps.step("clippy", clippy)?;
    steps.step("documentation", documentation)?;
    steps.step("dependencies", dependencies)
}

/// The members of the workspace and what each asks for; nothing is resolved or downloaded.
///
/// # Errors
/// If a manifest cannot be read.
pub(crate) fn workspace() -> anyhow::Result<Metadata> {
    Ok(MetadataCommand::new().no_deps().exec()?)
}

fn refuse(problems: &[String]) -> anyhow::Result<()> {
    if problems.is_empty() {
        return Ok(());
    }
    for problem in problems {
        eprintln!("{problem}");
    }
    anyhow::bail!("{} found", problems.len())
}

fn clippy() -> anyhow::Result<()> {
    let mut command = cargo(["clippy", "--workspace", "--all-targets"]);
    command::run(command.args(["--", "-D", "warnings"]))
}

fn documentation() -> anyhow::Result<()> {
    let mut command = cargo([
        "doc",
        "--workspace",
        "--no-deps",
        "--document-private-items",
    ]);
    command::run(command.env("RUSTDOCFLAGS", "-D warnings"))
}

fn dependencies() -> anyhow::Result<()> {
    let version = command::output_if_installed(Command::new("cargo-deny").arg("--version"))?;
    if version.is_none() {
        println!(
            "SKIPPED: cargo-deny is not installed, so advisories, licences and sources were not \
             looked at (cargo install --locked cargo-deny)"
        );
        return Ok(());
    }
    command::run(&mut cargo(["deny", "--workspace", "check"]))
}
