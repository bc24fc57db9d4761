//! Typing that is not shown.

use std::fs::File;
use std::io::{self, Read};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::termios::{
    LocalModes, OptionalActions, SpecialCodeIndex, Termios, tcgetattr, tcsetattr,
};
use zeroize::Zeroizing;

use super::{NotTyped, Terminal};

/// What keys send (ASCII).
const CTRL_C: u8 = 0x03;
const CTRL_D: u8 = 0x04;
const BACKSPACE: u8 = 0x08;
const CTRL_U: u8 = 0x15;
const DELETE: u8 = 0x7f;

/// How long the rest of a paste may take to come, in nanoseconds: terminals send it at once.
const PASTE: Timespec = Timespec {
    tv_sec: 0,
    tv_nsec: 20_000_000,
};

/// A terminal that shows nothing and hands on each key, Ctrl-C included, until this is dropped.
///
/// So Ctrl-C cannot end the process before the terminal is as it was.
struct Quiet<'t> {
    tty: &'t File,
    before: Termios,
}

impl<'t> Quiet<'t> {
    /// Forgets what was typed before the question was there to be read.
    fn begin(tty: &'t File) -> io::Result<Self> {
        let before = tcgetattr(tty)?;
        let mut quiet = before.clone();
        let shown = LocalModes::ECHO | LocalModes::ECHONL;
        quiet
            .local_modes
            .remove(shown | LocalModes::ICANON | LocalModes::ISIG);
        quiet.special_codes[SpecialCodeIndex::VMIN] = 1;
        quiet.special_codes[SpecialCodeIndex::VTIME] = 0;
        tcsetattr(tty, OptionalActions::Flush, &quiet)?;
        Ok(Self { tty, before })
    }

    /// Whether more is there to be read.
    fn has_more(&self) -> io::Result<bool> {
        let mut ready = [PollFd::new(self.tty, PollFlags::IN)];
        loop {
            match poll(&mut ready, Some(&PASTE)) {
                Ok(count) => return Ok(count > 0),
                Err(Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }
}

impl Drop for Quiet<'_> {
    fn drop(&mut self) {
        // What came behind the line must not reach the shell. If the terminal is gone, there is nothing to restore.
        let _ = tcsetattr(self.tty, OptionalActions::Flush, &self.before);
    }
}

/// Asks, and reads a line without showing it.
pub(super) fn read(
    tty: &File,
    ask: impl FnOnce() -> io::Result<()>,
) -> Result<Zeroizing<String>, NotTyped> {
    let quiet = Quiet::begin(tty)?;
    // Whoever sees the question may answer at once.
    ask()?;
    let mut line = Line::default();
    let mut key = Zeroizing::new([0]);
    loop {
        let mut input = tty;
        match input.read(&mut key[..]) {
            Ok(0) => return Err(NotTyped::Ended),
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error.into()),
        }
        if line.press(key[0])? {
            break;
        }
    }
    if quiet.has_more()? {
        return Err(NotTyped::Lines);
    }
    line.text()
}

/// What was typed so far. Its buffer never moves, so nothing stays behind.
struct Line(Zeroizing<Vec<u8>>);

impl Default for Line {
    fn default() -> Self {
        Self(Zeroizing::new(Vec::with_capacity(Terminal::MOST_BYTES)))
    }
}

impl Line {
    /// Takes a key, and says whether it ended the line.
    fn press(&mut self, key: u8) -> Result<bool, NotTyped> {
        match key {
            b'\r' | b'\n' => return Ok(true),
            CTRL_C => return Err(NotTyped::Interrupted),
            CTRL_D if self.0.is_empty() => return Err(NotTyped::Ended),
            CTRL_D => return Ok(true),
            CTRL_U => self.0.clear(),
            BACKSPACE | DELETE => self.erase(),
            key if key.is_ascii_control() => return Err(NotTyped::Control),
            _ if self.0.len() == Terminal::MOST_BYTES => return Err(NotTyped::Long),
            _ => self.0.push(key),
        }
        Ok(false)
    }

    /// Takes the last character back, with all its bytes.
    fn erase(&mut self) {
        let continues = |byte: u8| byte & 0b1100_0000 == 0b1000_0000;
        while self.0.pop().is_some_and(continues) {}
    }

    fn text(&self) -> Result<Zeroizing<String>, NotTyped> {
        let text = std::str::from_utf8(&self.0).map_err(|_| NotTyped::NoText)?;
        Ok(Zeroizing::new(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn typed(keys: &[u8]) -> Result<String, NotTyped> {
        let mut line = Line::default();
        for key in keys {
            if line.press(*key)? {
                break;
            }
        }
        line.text().map(|text| text.to_string())
    }

    #[test]
    fn keys_do_what_they_do_elsewhere() {
        assert_eq!(typed(b"abc\r").unwrap(), "abc");
        assert_eq!(typed(b"abx\x7fc\n").unwrap(), "abc");
        assert_eq!(typed("aä\x7fb\n".as_bytes()).unwrap(), "ab");
        assert_eq!(typed(b"\x7fa\n").unwrap(), "a");
        assert_eq!(typed(b"wrong\x15right\n").unwrap(), "right");
        assert_eq!(typed(b"abc\x04").unwrap(), "abc");
        assert!(matches!(typed(b"\x04"), Err(NotTyped::Ended)));
        assert!(matches!(typed(b"abc\x03"), Err(NotTyped::Interrupted)));
        assert!(matches!(typed(b"\xff\n"), Err(NotTyped::NoText)));
        assert!(matches!(typed(b"ab\x1b[D"), Err(NotTyped::Control)));
        let long = vec![b'a'; Terminal::MOST_BYTES + 1];
        assert!(matches!(typed(&long), Err(NotTyped::Long)));
    }
}
