//! `test`: one command for a newcomer. Checks, builds, prepares the tools that the tests
//! call, and runs every test.

use crate::arguments::Arguments;
use crate::check;
use crate::command::{self, cargo};
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
    steps.step("tests", || tests(&[python, node]))
}

fn tests(tools: &[Tools]) -> anyhow::Result<()> {
    let mut command = cargo(["test", "--workspace"]);
    for tool in tools {
        command.envs(tool.environment.iter().map(|(name, value)| (name, value)));
    }
    command::run(&mut command)
}
