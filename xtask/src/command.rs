//! Starting other programs: what is run is shown, and a failure says which program it was.

use std::ffi::{OsStr, OsString};
use std::io::{self, ErrorKind};
use std::process::{Command, ExitStatus, Stdio};

use anyhow::{Context, bail};

/// A `cargo` command that behaves as if typed by hand.
pub(crate) fn cargo<const N: usize>(arguments: [&str; N]) -> Command {
    let program = std::env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo"));
    let mut command = by_hand(program);
    command.args(arguments);
    command
}

/// A command in the environment that it would have if typed by hand.
///
/// `cargo run` describes the running package in the environment. Some build scripts
/// watch those variables, and would be run again in each change between a nested build
/// and one by hand; so they are taken away.
pub(crate) fn by_hand(program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new(program);
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        if text.starts_with("CARGO_PKG_") || text.starts_with("CARGO_MANIFEST_") {
            command.env_remove(&name);
        }
    }
    command
}

/// Shows the command, runs it to its end on our own streams.
///
/// # Errors
/// If it cannot be started or does not succeed.
pub(crate) fn run(command: &mut Command) -> anyhow::Result<()> {
    println!("$ {}", shown(command));
    let status = command.status();
    succeeded(command, status)
}

/// # Errors
/// If the command could not be started or did not succeed.
pub(crate) fn succeeded(command: &Command, status: io::Result<ExitStatus>) -> anyhow::Result<()> {
    let status = status.with_context(|| format!("cannot start `{}`", shown(command)))?;
    if !status.success() {
        bail!("`{}` ended with {status}", shown(command));
    }
    Ok(())
}

/// What the program prints on its standard output, trimmed; `None` if it is not installed.
///
/// # Errors
/// If it is installed and fails.
pub(crate) fn output_if_installed(command: &mut Command) -> anyhow::Result<Option<String>> {
    let output = match command.stdin(Stdio::null()).output() {
        Ok(output) => output,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => {
            return Err(error).with_context(|| format!("cannot start `{}`", shown(command)));
        }
    };
    if !output.status.success() {
        let complaint = String::from_utf8_lossy(&output.stderr);
        bail!("`{}` failed: {}", shown(command), complaint.trim());
    }
    let text = String::from_utf8_lossy(&output.stdout);
    Ok(Some(text.trim().to_owned()))
}

/// The command as one would type it.
pub(crate) fn shown(command: &Command) -> String {
    let program = command.get_program();
    // The full path of cargo inside a toolchain says nothing that its name does not.
    let program = std::path::Path::new(program)
        .file_name()
        .unwrap_or(program)
        .to_string_lossy();
    let mut line = program.into_owned();
    for argument in command.get_args() {
        line.push(' ');
        line.push_str(&argument.to_string_lossy());
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_absent_program_is_no_failure() {
        let mut absent = Command::new("orchestra-no-such-program");
        assert_eq!(output_if_installed(&mut absent).unwrap(), None);
    }

    #[test]
    fn nested_cargo_forgets_which_package_runs() {
        let command = cargo(["build"]);
        let removed = command
            .get_envs()
            .any(|(name, value)| name == "CARGO_PKG_NAME" && value.is_none());
        assert!(removed);
        assert!(shown(&command).ends_with("build"));
    }
}
