//! The operator's terminal: what is asked there, and what is typed without being seen.
//!
//! It is `/dev/tty`, not standard input and output, so that a value can be piped in and a result piped out
//! while a passphrase is asked for.

mod hidden;

use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, IsTerminal, Write};

use zeroize::Zeroizing;

/// A terminal with somebody in front of it.
#[derive(Debug)]
pub(crate) struct Terminal {
    tty: File,
}

/// Why nothing was typed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NotTyped {
    /// Somebody pressed Ctrl-C.
    #[error("interrupted")]
    Interrupted,
    /// Somebody pressed Ctrl-D, or the terminal went away.
    #[error("nothing was entered")]
    Ended,
    /// A paste with line breaks: taking its first line would leave the others to the shell.
    #[error(
        "more than one line was pasted; give a value of several lines with --file or on standard input"
    )]
    Lines,
    /// An arrow or the like, which would end up in the value unseen.
    #[error("a key that is no character was pressed: type it again")]
    Control,
    /// More than any secret has.
    #[error("more than {} bytes were typed", Terminal::MOST_BYTES)]
    Long,
    /// What was typed is no text.
    #[error("what was typed is no UTF-8 text")]
    NoText,
    /// The terminal failed.
    #[error("the terminal cannot be used")]
    Failed(#[from] io::Error),
}

impl Terminal {
    /// Bytes that may be typed or pasted at once: as much as the largest key file or secret.
    pub(crate) const MOST_BYTES: usize = 64 * 1024;

    /// The terminal of this process; `None` if nobody is there to be asked.
    pub(crate) fn open() -> Option<Self> {
        let tty = OpenOptions::new().read(true).write(true).open("/dev/tty");
        let tty = tty.ok()?;
        // A background job that reads from the terminal is stopped (termios(3), SIGTTIN).
        let foreground = rustix::termios::tcgetpgrp(&tty).ok()?;
        (foreground == rustix::process::getpgrp()).then_some(Self { tty })
    }

    /// Whether somebody types what this process reads.
    pub(crate) fn is_input() -> bool {
        io::stdin().is_terminal()
    }

    /// Whether somebody sees what this process prints.
    pub(crate) fn is_output() -> bool {
        io::stdout().is_terminal()
    }

    /// Shows something.
    pub(crate) fn show(&self, text: &str) -> io::Result<()> {
        let mut tty = &self.tty;
        tty.write_all(text.as_bytes())?;
        tty.flush()
    }

    /// Asks for something that may be seen.
    pub(crate) fn line(&self, question: &str) -> Result<String, NotTyped> {
        self.show(question)?;
        let mut line = String::new();
        let read = BufReader::new(&self.tty).read_line(&mut line)?;
        if read == 0 {
            return Err(NotTyped::Ended);
        }
        Ok(line.trim().to_owned())
    }

    /// Asks for yes or no. Whatever is not yes is no.
    pub(crate) fn confirm(&self, question: &str) -> Result<bool, NotTyped> {
        let answer = self.line(&format!("{question} [y/N] "))?;
        Ok(matches!(answer.to_ascii_lowercase().as_str(), "y" | "yes"))
    }

    /// Asks for something that is not shown while it is typed.
    pub(crate) fn hidden(&self, question: &str) -> Result<Zeroizing<String>, NotTyped> {
        let typed = hidden::read(&self.tty, || self.show(question));
        // The line end was not shown either.
        self.show("\n")?;
        typed
    }
}
