//! Server-sent events, and those who tell a generated answer in them.

use serde::Serialize;

/// Whole events, one behind the other.
#[derive(Debug, Default)]
pub(crate) struct Events {
    bytes: Vec<u8>,
    ends: Vec<usize>,
}

/// Tells an answer in the events of one dialect.
pub(crate) trait Narrator {
    /// The events before the first piece of content.
    fn open(&mut self, out: &mut Events);
    /// The event that carries a piece.
    fn piece(&mut self, piece: &str, out: &mut Events);
    /// The events after the last piece.
    fn close(&mut self, out: &mut Events);
    /// The event that reports a failure in mid-stream, in place of the `unsent` events that were
    /// told last.
    fn error(&mut self, unsent: u64, out: &mut Events);
}

impl Events {
    /// The message of every error event.
    pub(crate) const FAULT: &str = "scripted fault in mid-stream";

    /// Divides a recorded stream after every blank line. What follows the last is an event, too.
    pub(crate) fn recorded(stream: &[u8]) -> Self {
        let mut ends: Vec<usize> = memchr::memchr_iter(b'\n', stream)
            .filter(|at| stream[..*at].ends_with(b"\n") || stream[..*at].ends_with(b"\n\r"))
            .map(|at| at + 1)
            .collect();
        if ends.last().copied().unwrap_or(0) < stream.len() {
            ends.push(stream.len());
        }
        Self {
            bytes: stream.to_vec(),
            ends,
        }
    }

    /// Adds `data:` alone.
    pub(crate) fn data<T: Serialize>(&mut self, value: &T) {
        self.bytes.extend_from_slice(b"data: ");
        serde_json::to_writer(&mut self.bytes, value)
            .expect("structs of strings and numbers always serialise");
        self.finish();
    }

    /// Adds `event:` and `data:`.
    pub(crate) fn named<T: Serialize>(&mut self, name: &str, value: &T) {
        self.bytes.extend_from_slice(b"event: ");
        self.bytes.extend_from_slice(name.as_bytes());
        self.bytes.push(b'\n');
        self.data(value);
    }

    /// Adds `data:` with something other than JSON.
    pub(crate) fn verbatim(&mut self, data: &[u8]) {
        self.bytes.extend_from_slice(b"data: ");
        self.bytes.extend_from_slice(data);
        self.finish();
    }

    /// Adds a comment, which clients skip.
    pub(crate) fn comment(&mut self, text: &str) {
        self.bytes.extend_from_slice(b": ");
        self.bytes.extend_from_slice(text.as_bytes());
        self.finish();
    }

    fn finish(&mut self) {
        self.bytes.extend_from_slice(b"\n\n");
        self.ends.push(self.bytes.len());
    }

    pub(crate) fn clear(&mut self) {
        self.bytes.clear();
        self.ends.clear();
    }

    /// How many events there are.
    pub(crate) fn len(&self) -> usize {
        self.ends.len()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &[u8]> {
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        starts
            .zip(&self.ends)
            .map(|(start, end)| &self.bytes[start..*end])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn divides_a_recording_without_losing_a_byte() {
        let check = |stream: &str, expected: &[&str]| {
            let events = Events::recorded(stream.as_bytes());
            let found: Vec<_> = events
                .iter()
                .map(|event| str::from_utf8(event).unwrap())
                .collect();
            assert_eq!(found, expected);
        };
        check("data: 1\n\ndata: 2\n\n", &["data: 1\n\n", "data: 2\n\n"]);
        check(
            "event: a\r\ndata: 1\r\n\r\ndata: 2",
            &["event: a\r\ndata: 1\r\n\r\n", "data: 2"],
        );
        check("", &[]);
    }
}
