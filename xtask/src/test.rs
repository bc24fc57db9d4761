//! `test`: one command for a newcomer. Checks, builds, prepares the tools that the tests
//! call, and runs every test.

use std::process::Stdio;

use crate::arguments::Arguments;
use crate::check;
use crate::command::{self, cargo};
use crate::interrupts::{Group, Interrupts};
use crate::postgres;
use crate::steps::Steps;
use crate::tools::{self, Tools};

/// Runs the task.
///
/// # Errors
/// The first step that fails.
pub(crate) fn run(arguments: &mut Arguments) -> anyhow::Result<()> {
    let checks = !arguments.flag("--no-check");
    arguments.finish()?;
    let mut steps = Steps::default();
    if checks {
        check::all(&mut steps)?;
    }
    // The tests of the whole system start the real binaries, which `cargo test` alone
    // builds only for the package that owns them.
    steps.step("build", || {
        command::run(&mut cargo(["build", "--workspace", "--bins"]))
    })?;
    let workspace = check::workspace()?;
    let python = steps.step("python tools", || tools::python(&workspace))?;
    let node = steps.step("node tools", || tools::node(&workspace))?;
    // From here on there is something to clean up.
    let interrupts = Interrupts::watch()?;
    let server = steps.step("postgres", || postgres::server(&workspace))?;
    let tools = [python, node, server.tools()];
    steps.step("tests", || tests(&interrupts, &tools))
}

fn tests(interrupts: &Interrupts, tools: &[Tools]) -> anyhow::Result<()> {
    let mut command = cargo(["test", "--workspace"]);
    for tool in tools {
        tool.give_to(&mut command);
    }
    // A group of their own must not read from the terminal.
    interrupts.run(command.stdin(Stdio::null()), Group::Own)
}
