//! Somebody at a terminal: the real command on a pseudo-terminal, its questions and what is typed.

use std::io::{Read, Write};
use std::os::fd::AsFd;
use std::process::{Child, ExitStatus};
use std::sync::{Arc, Condvar, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use pty_process::blocking::{Command, Pts, Pty};
use rustix::termios::{LocalModes, tcgetattr};

use crate::canary;
use crate::place::{ORCHESTRA, Place};

/// Longer than anything takes, stretching a passphrase on a busy machine included.
const PATIENCE: Duration = Duration::from_secs(120);

/// A command at work on a terminal.
pub(crate) struct Session {
    pty: Pty,
    /// Held open, so that what was printed last is not lost, and the terminal can be looked at afterwards.
    _pts: Pts,
    child: Child,
    screen: Arc<Screen>,
    reader: Option<JoinHandle<()>>,
    /// What of the screen was dealt with.
    read_to: usize,
    before: LocalModes,
}

#[derive(Default)]
struct Screen {
    shown: Mutex<String>,
    more: Condvar,
}

impl Session {
    /// Starts a command with everything on the terminal.
    pub(crate) fn start(place: &Place, arguments: &[&str]) -> Self {
        Self::start_with(place, arguments, |command| command)
    }

    pub(crate) fn start_with(
        place: &Place,
        arguments: &[&str],
        change: impl FnOnce(Command) -> Command,
    ) -> Self {
        let (pty, pts) = pty_process::blocking::open().unwrap();
        let before = tcgetattr(pty.as_fd()).unwrap().local_modes;
        let command = Command::new(ORCHESTRA)
            .args(arguments)
            .current_dir(place.file(""))
            .env_clear()
            .envs(place.environment());
        let child = change(command).spawn_borrowed(&pts).unwrap();
        let screen = Arc::new(Screen::default());
        let reader = read_on(&pty, Arc::clone(&screen));
        Self {
            pty,
            _pts: pts,
            child,
            screen,
            reader: Some(reader),
            read_to: 0,
            before,
        }
    }

    /// Waits until this is shown, and gives what was shown up to there since the last wait.
    #[track_caller]
    pub(crate) fn waits_for(&mut self, words: &str) -> String {
        let deadline = Instant::now() + PATIENCE;
        let mut shown = self.screen.shown.lock().unwrap();
        loop {
            if let Some(at) = shown[self.read_to..].find(words) {
                let end = self.read_to + at + words.len();
                let part = shown[self.read_to..end].to_owned();
                self.read_to = end;
                return part;
            }
            let left = deadline.saturating_duration_since(Instant::now());
            assert!(!left.is_zero(), "`{words}` was never shown: {}", *shown);
            shown = self.screen.more.wait_timeout(shown, left).unwrap().0;
        }
    }

    /// Types this and presses Enter.
    pub(crate) fn types(&mut self, text: &str) {
        self.presses(format!("{text}\r").as_bytes());
    }

    pub(crate) fn presses(&mut self, keys: &[u8]) {
        self.pty.write_all(keys).unwrap();
    }

    /// Answers a question for something that is not shown.
    #[track_caller]
    pub(crate) fn answers(&mut self, question: &str, text: &str) {
        self.waits_for(question);
        let modes = tcgetattr(self.pty.as_fd()).unwrap().local_modes;
        assert!(
            !modes.contains(LocalModes::ECHO),
            "typing is shown at `{question}`"
        );
        self.types(text);
    }

    /// Waits for the end; gives the exit code and all that was shown. No canary may be on the screen, and the terminal
    /// must be as it was.
    #[track_caller]
    pub(crate) fn ends(mut self) -> (Option<i32>, String) {
        let status = self.child_ends();
        let modes = tcgetattr(self.pty.as_fd()).unwrap().local_modes;
        assert_eq!(modes, self.before, "the terminal is not as it was");
        // Whatever is still on its way comes before this.
        const END: &str = "[end of the session]";
        let mut tty = std::fs::File::from(self._pts.as_fd().try_clone_to_owned().unwrap());
        tty.write_all(END.as_bytes()).unwrap();
        self.waits_for(END);
        let shown = self.screen.shown.lock().unwrap().replace(END, "");
        if let Some(secret) = canary::find(shown.as_bytes(), &[]) {
            panic!("`{secret}` was shown:\n{shown}");
        }
        (status.code(), shown)
    }

    /// Succeeds; gives all that was shown.
    #[track_caller]
    pub(crate) fn succeeds(self) -> String {
        let (code, shown) = self.ends();
        assert_eq!(code, Some(0), "{shown}");
        shown
    }

    #[track_caller]
    fn child_ends(&mut self) -> ExitStatus {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            let shown = || self.screen.shown.lock().unwrap().clone();
            assert!(Instant::now() < deadline, "it does not end: {}", shown());
            let shown = self.screen.shown.lock().unwrap();
            // Printing is a reason to look again, and so is time.
            drop(
                self.screen
                    .more
                    .wait_timeout(shown, Duration::from_millis(20)),
            );
        }
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        // A test that failed leaves it running; one that ended has it ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
        drop(self.reader.take());
    }
}

fn read_on(pty: &Pty, screen: Arc<Screen>) -> JoinHandle<()> {
    let mut source = std::fs::File::from(pty.as_fd().try_clone_to_owned().unwrap());
    std::thread::spawn(move || {
        let mut buffer = [0; 4096];
        // The end of a terminal is an error (EIO).
        while let Ok(count @ 1..) = source.read(&mut buffer) {
            let text = String::from_utf8_lossy(&buffer[..count]).into_owned();
            screen.shown.lock().unwrap().push_str(&text);
            screen.more.notify_all();
        }
    })
}
