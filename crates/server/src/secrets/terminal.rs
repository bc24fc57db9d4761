//! Asking for a passphrase at the terminal.

use std::fs::File;
use std::io::{self, Write};
use std::os::fd::AsFd;
use std::sync::{Mutex, PoisonError};

use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcgetpgrp, tcsetattr};
use zeroize::Zeroizing;

use super::Prompt;

/// The longest line that is read. A passphrase has at most 1024 bytes.
const LONGEST_LINE: usize = 4096;

/// The terminal that the process was started from, whatever its standard input and output are.
#[derive(Debug, Default)]
pub struct Terminal {
    /// How it was before something was asked, while it is asked.
    before: Mutex<Option<(File, Termios)>>,
}

impl Terminal {
    /// Gives the terminal back as it was, even while another thread waits at it. For a process that ends.
    pub fn restore(&self) {
        let before = self.before.lock();
        let before = before.unwrap_or_else(PoisonError::into_inner).take();
        if let Some((terminal, before)) = before {
            // Nothing else can be done for it.
            let _ = tcsetattr(&terminal, OptionalActions::Now, &before);
        }
    }

    /// From now on what is typed is not shown.
    fn silence(&self, terminal: &File) -> io::Result<()> {
        let before = tcgetattr(terminal)?;
        let mut silent = before.clone();
        silent.local_modes -= LocalModes::ECHO;
        silent.local_modes |= LocalModes::ECHONL | LocalModes::ICANON;
        let kept = (terminal.try_clone()?, before);
        *self.before.lock().unwrap_or_else(PoisonError::into_inner) = Some(kept);
        Ok(tcsetattr(terminal, OptionalActions::Now, &silent)?)
    }
}

impl Prompt for Terminal {
    fn passphrase(&self, what: &str) -> io::Result<Option<Zeroizing<String>>> {
        let Some(mut terminal) = open() else {
            return Ok(None);
        };
        write!(terminal, "{what}: ")?;
        self.silence(&terminal)?;
        let line = read_line(&terminal);
        self.restore();
        line
    }
}

/// The terminal, if there is one and this process is the one that people type to. Reading as a background job would stop
/// the whole process (termios(3), SIGTTIN).
fn open() -> Option<File> {
    let terminal = File::options().read(true).write(true).open("/dev/tty");
    let terminal = terminal.ok()?;
    let foreground = tcgetpgrp(&terminal).ok()?;
    (foreground == rustix::process::getpgrp()).then_some(terminal)
}

/// One line without its end; `None` if the terminal is closed. Byte by byte into one buffer, so that no copy is left
/// behind.
fn read_line(terminal: &File) -> io::Result<Option<Zeroizing<String>>> {
    let mut line = Zeroizing::new(Vec::with_capacity(LONGEST_LINE));
    let mut byte = Zeroizing::new([0]);
    loop {
        match rustix::io::retry_on_intr(|| rustix::io::read(terminal.as_fd(), &mut byte[..]))? {
            0 if line.is_empty() => return Ok(None),
            0 => break,
            _ if byte[0] == b'\n' => break,
            _ if line.len() == LONGEST_LINE => {
                return Err(io::Error::other("the line is too long"));
            }
            _ => line.push(byte[0]),
        }
    }
    let text = std::str::from_utf8(&line).map_err(|_| io::Error::other("it is not UTF-8"))?;
    Ok(Some(Zeroizing::new(text.to_owned())))
}
