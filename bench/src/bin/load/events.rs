//! Counting server-sent events as their bytes pass, in whatever pieces they come.

use memchr::{memchr, memmem};

const DATA: &[u8] = b"data:";
/// As much of an event's data as tells whether it is the terminal one.
const LOOK: usize = 48;

/// What has been seen of one event stream.
#[derive(Debug, Default)]
pub(crate) struct Events {
    /// Lines of data so far.
    pub(crate) count: u64,
    /// Whether the event that ends a genuine stream has passed: `[DONE]` in `OpenAI`'s
    /// dialect, `message_stop` in Anthropic's.
    pub(crate) terminal: bool,
    /// The start of the current line.
    line: Vec<u8>,
}

impl Events {
    /// Takes the next piece of the body.
    pub(crate) fn feed(&mut self, mut bytes: &[u8]) {
        while let Some(end) = memchr(b'\n', bytes) {
            self.keep(&bytes[..end]);
            self.end_line();
            bytes = &bytes[end + 1..];
        }
        self.keep(bytes);
    }

    /// Forgets everything, for the next stream of the connection.
    pub(crate) fn clear(&mut self) {
        self.count = 0;
        self.terminal = false;
        self.line.clear();
    }

    fn keep(&mut self, piece: &[u8]) {
        let room = (DATA.len() + LOOK).saturating_sub(self.line.len());
        self.line.extend_from_slice(&piece[..piece.len().min(room)]);
    }

    fn end_line(&mut self) {
        if let Some(data) = self.line.strip_prefix(DATA) {
            self.count += 1;
            self.terminal |= memmem::find(data, b"[DONE]").is_some()
                || memmem::find(data, b"\"message_stop\"").is_some();
        }
        self.line.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The same stream in pieces of every size gives the same answer.
    fn check(stream: &str, count: u64, terminal: bool) {
        for size in 1..=stream.len() {
            let mut events = Events::default();
            stream
                .as_bytes()
                .chunks(size)
                .for_each(|piece| events.feed(piece));
            let seen = (events.count, events.terminal);
            assert_eq!(seen, (count, terminal), "{stream:?} by {size}");
        }
    }

    #[test]
    fn a_stream_is_complete_only_at_its_terminal_event() {
        check("data: {\"a\":1}\n\ndata: {\"b\":2}\n\n", 2, false);
        check("data: {\"a\":1}\n\ndata: [DONE]\n\n", 2, true);
        check(
            "event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n",
            1,
            true,
        );
    }

    #[test]
    fn other_lines_are_no_events() {
        check(": data: comment\nevent: data:\nid: 7\n\n", 0, false);
        check("data: [DO", 0, false);
    }
}
