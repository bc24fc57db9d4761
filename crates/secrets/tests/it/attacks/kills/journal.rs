//! What processes that may be killed leave behind of what they did.

use std::fmt::Display;
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::Path;

/// What was begun, and what was done.
pub(super) struct Journal {
    file: File,
    pub(super) begun: Vec<u64>,
    pub(super) done: Vec<u64>,
}

impl Journal {
    pub(super) fn open(folder: &Path) -> Self {
        let path = folder.join("journal");
        let text = std::fs::read_to_string(&path).unwrap_or_default();
        // Of a line that was cut off nobody was told.
        let whole = text.rsplit_once('\n').map_or("", |(whole, _)| whole);
        let numbers = |kind: &str| {
            let lines = whole.lines().filter_map(|line| line.strip_prefix(kind));
            lines.map(|number| number.trim().parse().unwrap()).collect()
        };
        Self {
            begun: numbers("begun"),
            done: numbers("done"),
            file: OpenOptions::new()
                .create(true)
                .append(true)
                .open(path)
                .unwrap(),
        }
    }

    pub(super) fn begin(&mut self, number: u64) {
        self.write("begun", number);
        self.begun.push(number);
    }

    pub(super) fn done(&mut self, number: u64) {
        self.write("done", number);
        self.done.push(number);
    }

    fn write(&mut self, kind: &str, number: impl Display) {
        let line = format!("{kind} {number}\n");
        self.file.write_all(line.as_bytes()).unwrap();
    }

    /// The last that is done, and the one that may be done.
    pub(super) fn ends(&self) -> (Option<u64>, Option<u64>) {
        let done = self.done.last().copied();
        let begun = self
            .begun
            .last()
            .copied()
            .filter(|begun| Some(*begun) != done);
        (done, begun)
    }

    /// The one that is done in fact: either the last that was told, or the one begun afterwards.
    pub(super) fn settle(&mut self, number: u64) {
        let (done, begun) = self.ends();
        assert!(
            [done, begun].contains(&Some(number)),
            "{number}: {done:?}, {begun:?}"
        );
        if done != Some(number) {
            self.done(number);
        }
    }
}
