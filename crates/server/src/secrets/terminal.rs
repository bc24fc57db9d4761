//! Asking for a passphrase at the terminal.

use std::fs::File;
use std::io::{self, Write};
use std::os::fd::AsFd;

use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcgetpgrp, tcsetattr};
use zeroize::Zeroizing;

use super::Prompt;

/// The terminal that the process was started from, whatever its standard input and output are.
#[derive(Clone, Copy, Debug, Default)]
pub struct Terminal;

/// The longest line that is read. A passphrase has at most 1024 bytes.
const LONGEST_LINE: usize = 4096;

impl Prompt for Terminal {
    fn passphrase(&self, what: &str) -> io::Result<Option<Zeroizing<String>>> {
        let Some(mut terminal) = open()? else {
            return Ok(None);
        };
        write!(terminal, "{what}: ")?;
        let _silent = Silent::begin(&terminal)?;
        read_line(&terminal)
    }
}

/// The terminal, if there is one and this process is the one that people type to. Reading as a background job would stop
/// the whole process (termios(3), SIGTTIN).
fn open() -> io::Result<Option<File>> {
    let Ok(terminal) = File::options().read(true).write(true).open("/dev/tty") else {
        return Ok(None);
    };
    let foreground = tcgetpgrp(&terminal).ok();
    Ok((foreground == Some(rustix::process::getpgrp())).then_some(terminal))
}

/// While it lives, what is typed is not shown.
struct Silent<'t> {
    terminal: &'t File,
    before: Termios,
}

impl<'t> Silent<'t> {
    fn begin(terminal: &'t File) -> io::Result<Self> {
        let before = tcgetattr(terminal)?;
        let mut silent = before.clone();
        silent.local_modes -= LocalModes::ECHO;
        silent.local_modes |= LocalModes::ECHONL | LocalModes::ICANON;
        tcsetattr(terminal, OptionalActions::Now, &silent)?;
        Ok(Self { terminal, before })
    }
}

impl Drop for Silent<'_> {
    fn drop(&mut self) {
        // Nothing else can be done for it.
        let _ = tcsetattr(self.terminal, OptionalActions::Now, &self.before);
    }
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
