//! Signals, while something must be cleaned up: they end the command that runs, and the toolbox goes on to its own
//! orderly end.

use std::os::unix::process::CommandExt;
use std::process::{Child, Command};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;

use anyhow::{Context, bail};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use signal_hook::low_level;

use crate::command;

/// Passes on what would otherwise have ended the toolbox, from its making to the end of the process.
pub(crate) struct Interrupts(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    received: Option<i32>,
    running: Option<Running>,
}

/// Who gets the signals.
#[derive(Clone, Copy)]
enum Running {
    Process(u32),
    Group(u32),
}

/// Which process group a command runs in.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Group {
    /// Its own, so that a signal reaches all that it started, and nobody else.
    Own,
    /// The toolbox's, for a command that reads from the terminal: others are stopped when they try.
    /// A key pressed there reaches the whole group without our help; other signals reach the command only.
    Ours,
}

impl Interrupts {
    /// # Errors
    /// If the system refuses the handlers.
    pub(crate) fn watch() -> anyhow::Result<Self> {
        let wanted = [SIGHUP, SIGINT, SIGTERM]
            .into_iter()
            .filter(|signal| !is_ignored(name(*signal)));
        let mut signals = Signals::new(wanted).context("cannot watch for signals")?;
        let state = Arc::new(Mutex::new(State::default()));
        let shared = Arc::clone(&state);
        thread::spawn(move || {
            for signal in signals.forever() {
                lock(&shared).pass_on(signal);
            }
        });
        Ok(Self(state))
    }

    /// Shows the command and runs it to its end; a signal ends it, and a second one kills it.
    ///
    /// # Errors
    /// If it cannot be started or does not succeed, or if a signal came, even before.
    pub(crate) fn run(&self, command: &mut Command, group: Group) -> anyhow::Result<()> {
        println!("$ {}", command::shown(command));
        let mut child = self.start(command, group)?;
        let status = child.wait();
        if let Some(signal) = lock(&self.0).ended() {
            bail!("interrupted by SIG{}", name(signal));
        }
        command::succeeded(command, status)
    }

    /// Under the lock, so that no signal falls between the start and the note of who is to get it.
    fn start(&self, command: &mut Command, group: Group) -> anyhow::Result<Child> {
        let mut state = lock(&self.0);
        if let Some(signal) = state.received {
            bail!("interrupted by SIG{}", name(signal));
        }
        if group == Group::Own {
            command.process_group(0);
        }
        let child = command
            .spawn()
            .with_context(|| format!("cannot start `{}`", command::shown(command)))?;
        state.running = Some(match group {
            Group::Own => Running::Group(child.id()),
            Group::Ours => Running::Process(child.id()),
        });
        Ok(child)
    }
}

impl State {
    fn pass_on(&mut self, signal: i32) {
        let first = self.received.replace(signal).is_none();
        match self.running {
            Some(running) => running.send(if first { name(signal) } else { "KILL" }),
            // What is being prepared is waited for, but not against the user's will.
            None if !first => {
                low_level::emulate_default_handler(signal).ok();
            }
            None => {}
        }
    }

    /// The signal that ended the command, if one did. Nothing that it started is left then.
    fn ended(&mut self) -> Option<i32> {
        let running = self.running.take();
        if let (Some(_), Some(group @ Running::Group(_))) = (self.received, running) {
            group.see_off();
        }
        self.received
    }
}

/// Sends `$1` to `$2`.
const SEND: &str = r#"kill -s "$1" -- "$2""#;

/// Waits 2 seconds at most until none of `$1` is left, then kills what is.
const SEE_OFF: &str = r#"
looks=0
while kill -s 0 -- "$1"; do
    [ "$looks" -lt 40 ] || { kill -s KILL -- "$1"; exit; }
    looks=$((looks + 1))
    sleep 0.05
done
"#;

/// Succeeds if `$1` reaches it: a signal that was ignored when a shell began stays so, whatever it sets (POSIX, `trap`).
const FEEL: &str = r#"trap 'exit 0' "$1"; kill -s "$1" $$; exit 1"#;

/// Whether whoever started us has made us deaf to a signal, as `nohup` does.
fn is_ignored(signal: &str) -> bool {
    !shell(FEEL, &[signal])
}

impl Running {
    /// This and the next fail if there is no one left, which is what is wanted.
    fn send(self, signal: &str) {
        shell(SEND, &[signal, &self.target()]);
    }

    /// The command has ended; what it started may still be at it.
    fn see_off(self) {
        shell(SEE_OFF, &[&self.target()]);
    }

    fn target(self) -> String {
        match self {
            Self::Process(id) => id.to_string(),
            Self::Group(id) => format!("-{id}"),
        }
    }
}

/// Whether the script succeeds. Small systems have no program `kill`, but every shell knows it.
fn shell(script: &str, arguments: &[&str]) -> bool {
    let mut shell = Command::new("sh");
    shell.args(["-c", script, "sh"]).args(arguments);
    command::output_if_installed(&mut shell).is_ok()
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

fn name(signal: i32) -> &'static str {
    match signal {
        SIGHUP => "HUP",
        SIGINT => "INT",
        _ => "TERM",
    }
}
