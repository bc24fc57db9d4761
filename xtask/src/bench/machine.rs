//! The cores of this machine and who runs on which.

use std::ffi::OsStr;
use std::process::Command;
use std::thread::available_parallelism;

use anyhow::Context;
use serde_json::{Value, json};

/// Which side of the measurement a program stands on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    /// What is measured: alone on the first core.
    Gateway,
    /// The upstream and the load driver: the other cores.
    Around,
}

/// How programs are placed on cores.
#[derive(Debug)]
pub(crate) struct Machine {
    cores: usize,
    pins: bool,
}

impl Machine {
    /// Looks at the machine; says so when programs cannot be pinned.
    ///
    /// # Errors
    /// If the number of cores is unknown.
    pub(crate) fn new() -> anyhow::Result<Self> {
        let cores = available_parallelism()
            .context("cannot count the cores")?
            .get();
        let pinned = Self { cores, pins: true };
        // A container may own other cores than the first: only trying tells.
        let can_pin = |side| {
            let mut trial = pinned.command(side, "true");
            trial.output().is_ok_and(|output| output.status.success())
        };
        let pins = cores > 1 && can_pin(Side::Gateway) && can_pin(Side::Around);
        if !pins {
            println!("programs cannot be pinned to cores here: expect more noise");
        }
        Ok(Self { cores, pins })
    }

    /// A command for `program` that stays on the cores of its side.
    pub(crate) fn command(&self, side: Side, program: impl AsRef<OsStr>) -> Command {
        if !self.pins {
            return Command::new(program);
        }
        let cores = match side {
            Side::Gateway => "0".to_owned(),
            Side::Around => format!("1-{}", self.cores - 1),
        };
        let mut command = Command::new("taskset");
        command.args(["--cpu-list", &cores]).arg(program);
        command
    }

    /// What a reader of the figures must know of the machine.
    pub(crate) fn describe(&self) -> Value {
        json!({
            "cores": self.cores,
            "pinned": self.pins,
            "os": std::env::consts::OS,
            "architecture": std::env::consts::ARCH,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(command: &Command) -> Vec<String> {
        let words = std::iter::once(command.get_program()).chain(command.get_args());
        words
            .map(|word| word.to_string_lossy().into_owned())
            .collect()
    }

    #[test]
    fn the_gateway_has_a_core_to_itself() {
        let machine = Machine {
            cores: 4,
            pins: true,
        };
        let gateway = machine.command(Side::Gateway, "a");
        assert_eq!(words(&gateway), ["taskset", "--cpu-list", "0", "a"]);
        let around = machine.command(Side::Around, "b");
        assert_eq!(words(&around), ["taskset", "--cpu-list", "1-3", "b"]);
    }

    #[test]
    fn without_pinning_the_program_starts_as_it_is() {
        let machine = Machine {
            cores: 1,
            pins: false,
        };
        assert_eq!(words(&machine.command(Side::Around, "b")), ["b"]);
    }
}
