//! The tests of the changed copy, built, and run until one is red.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::Context;
use cargo_metadata::{Message, TargetKind};

use super::SWITCH;
use super::lines::{Suite, Tests};
use crate::command::{by_hand, cargo, shown, succeeded};

/// The programs of tests of one state of the copy.
pub(super) struct Build {
    /// Where tests expect to be started.
    package: PathBuf,
    programs: Vec<(Suite, PathBuf)>,
}

impl Build {
    /// Builds these programs. What does not compile proves nothing.
    ///
    /// # Errors
    /// If it does not compile.
    pub(super) fn of(copy: &Path, target: &Path, suites: &[Suite]) -> anyhow::Result<Self> {
        let mut command = cargo(["test", "-p", "orchestra-secrets", "--no-run"]);
        for suite in suites {
            command.args(suite.selected());
        }
        command
            .arg("--message-format=json-render-diagnostics")
            .current_dir(copy)
            .env("CARGO_TARGET_DIR", target.join("build"))
            .stdout(Stdio::piped());
        println!("$ {}", shown(&command));
        let mut child = command.spawn().context("cargo cannot be started")?;
        let output = BufReader::new(child.stdout.take().context("cargo has no output")?);
        let mut programs = Vec::new();
        for message in Message::parse_stream(output) {
            if let Message::CompilerArtifact(artifact) = message?
                && let Some(executable) = artifact.executable
            {
                let is_apart = artifact.target.kind.contains(&TargetKind::Test);
                let suite = if is_apart {
                    Suite::Integration
                } else {
                    Suite::Unit
                };
                programs.push((suite, executable.into_std_path_buf()));
            }
        }
        succeeded(&command, child.wait())?;
        Ok(Self {
            package: copy.join("crates/secrets"),
            programs,
        })
    }

    /// Runs the tests with every line in its place, and shows what they say.
    ///
    /// # Errors
    /// If one fails, or they cannot be started.
    pub(super) fn check(&self, tests: Tests) -> anyhow::Result<()> {
        let mut command = self.command(tests)?;
        let status = command.arg("--quiet").status();
        succeeded(&command, status).context("the tests fail with every line in its place")
    }

    /// Whether a test misses the line that has this number. The first that does ends the others.
    ///
    /// # Errors
    /// If they cannot be started.
    pub(super) fn miss(&self, tests: Tests, gone: Option<usize>) -> anyhow::Result<bool> {
        let mut command = self.command(tests)?;
        command.stdout(Stdio::piped()).stderr(Stdio::null());
        if let Some(gone) = gone {
            command.env(SWITCH, gone.to_string());
        }
        let mut child = command.spawn().context("the tests cannot be started")?;
        let output = BufReader::new(child.stdout.take().context("the tests have no output")?);
        let is_red = |line: &std::io::Result<String>| {
            line.as_ref().is_ok_and(|line| line.ends_with("... FAILED"))
        };
        if let Some(Ok(line)) = output.lines().find(is_red) {
            println!("{line}");
            child.kill().context("the tests cannot be ended")?;
            child.wait()?;
            return Ok(true);
        }
        Ok(!child.wait()?.success())
    }

    fn command(&self, tests: Tests) -> anyhow::Result<Command> {
        let mut programs = self.programs.iter();
        let (_, program) = programs
            .find(|(suite, _)| *suite == tests.of)
            .context("cargo has not built these tests")?;
        let mut command = by_hand(program);
        command
            .args(tests.filters)
            .current_dir(&self.package)
            .stdin(Stdio::null());
        Ok(command)
    }
}
