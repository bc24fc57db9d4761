//! A program of the bench: started, watched through `/proc`, ended when dropped.

use std::fs;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use anyhow::{Context, bail};

/// A running program. Dropping it ends it, so no failure leaves one behind.
#[derive(Debug)]
pub(crate) struct Process {
    child: Child,
    name: &'static str,
}

impl Process {
    /// Starts it with no input and its standard output discarded.
    ///
    /// # Errors
    /// If it cannot be started.
    pub(crate) fn start(name: &'static str, command: &mut Command) -> anyhow::Result<Self> {
        let child = command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .with_context(|| format!("cannot start {name}"))?;
        Ok(Self { child, name })
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// # Errors
    /// If it has ended.
    pub(crate) fn still_runs(&mut self) -> anyhow::Result<()> {
        match self.child.try_wait()? {
            Some(status) => bail!("{} ended with {status}", self.name),
            None => Ok(()),
        }
    }

    /// Resident memory in KiB: now, and at its highest. `None` where there is no `/proc`.
    pub(crate) fn memory(&self) -> Option<Memory> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.pid())).ok()?;
        memory_in(&status)
    }

    /// CPU ticks used so far; `None` where there is no `/proc`.
    fn ticks(&self) -> Option<u64> {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.pid())).ok()?;
        let (_, after_name) = stat.rsplit_once(')')?;
        // `utime` and `stime` of proc(5).
        let fields = after_name.split_whitespace().skip(11).take(2);
        fields.map(|field| field.parse::<u64>().ok()).sum()
    }

    /// Waits until it does nothing any more: some gateways go on working for clients that
    /// have left, and would do so on the next step's account.
    pub(crate) fn settle(&self) {
        const LOOK_EVERY: Duration = Duration::from_millis(200);
        const MOST_LOOKS: u32 = 50;
        let mut before = self.ticks();
        for _ in 0..MOST_LOOKS {
            pause(LOOK_EVERY);
            let now = self.ticks();
            let used = now.zip(before).map(|(now, before)| now - before);
            if used.is_none_or(|ticks| ticks <= 1) {
                return;
            }
            before = now;
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Both fail only if it has ended already, which is what is wanted.
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// Resident memory of a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Memory {
    pub(crate) now_kib: u64,
    pub(crate) peak_kib: u64,
}

fn memory_in(status: &str) -> Option<Memory> {
    let field = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name))?;
        line.split_whitespace().next()?.parse().ok()
    };
    Some(Memory {
        now_kib: field("VmRSS:")?,
        peak_kib: field("VmHWM:")?,
    })
}

/// Lets time pass for the measured programs.
#[expect(
    clippy::disallowed_methods,
    reason = "the toolbox has no async runtime that could be blocked"
)]
pub(crate) fn pause(time: Duration) {
    thread::sleep(time);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_memory_from_proc() {
        let status = "Name:\tx\nVmPeak:\t  9 kB\nVmHWM:\t  2048 kB\nVmRSS:\t  1024 kB\n";
        let expected = Memory {
            now_kib: 1024,
            peak_kib: 2048,
        };
        assert_eq!(memory_in(status), Some(expected));
        assert_eq!(memory_in("Name:\tx\n"), None);
    }
}
