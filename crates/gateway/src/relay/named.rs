//! Errors within a stream by the name `error`.

use bytes::Bytes;
use orchestra_dialects::{EndRule, ErrorView, Loss, StreamEnd};

use super::gathered::Gathered;
use super::passage::{Passage, Seen, Unreadable};
use crate::attempt::Resumed;

const NAME: &str = "event: error\n";

/// Another passage, whose error events have a name. Portkey's client for Node raises nothing else, and to it an event of
/// Chat Completions without one is a piece of the answer.
#[derive(Debug)]
pub(crate) struct Named(Box<dyn Passage>);

impl Named {
    pub(crate) fn new(passage: Box<dyn Passage>) -> Self {
        Self(passage)
    }
}

impl Passage for Named {
    fn take(&mut self, chunk: Bytes, out: &mut Gathered) -> Result<(), Unreadable> {
        let mut fresh = Gathered::Nothing;
        let taken = self.0.take(chunk, &mut fresh);
        let mut events = fresh.into_bytes();
        // Nothing comes behind an error: if the upstream's own is among the events, it is the last.
        if self.0.seen().error.is_some() && self.0.passes_errors_on() {
            events = last_named(&events);
        }
        if !events.is_empty() {
            out.add(events);
        }
        taken
    }

    fn end(&mut self, rule: EndRule, out: &mut Gathered) -> StreamEnd {
        self.0.end(rule, out)
    }

    fn seen(&self) -> Seen<'_> {
        self.0.seen()
    }

    fn passes_errors_on(&self) -> bool {
        self.0.passes_errors_on()
    }

    fn error_event(&mut self, view: &ErrorView<'_>) -> String {
        let events = self.0.error_event(view);
        let named = last_named(events.as_bytes());
        String::from_utf8(named.into()).unwrap_or(events)
    }

    fn losses(&self) -> &[Loss] {
        self.0.losses()
    }

    fn told(&self) -> Option<&str> {
        self.0.told()
    }

    fn go_on(&mut self, resumed: &Resumed) -> bool {
        self.0.go_on(resumed)
    }
}

/// The events with a name for the last of them, unless it has one.
fn last_named(events: &[u8]) -> Bytes {
    let mut start = 0;
    let mut at = 0;
    let mut ended = false;
    for line in events.split_inclusive(|byte| *byte == b'\n') {
        let blank = line == b"\n" || line == b"\r\n";
        if ended && !blank {
            start = at;
        }
        ended = blank;
        at += line.len();
    }
    let (before, last) = events.split_at(start);
    let mut lines = last.split(|byte| *byte == b'\n');
    if last.is_empty() || lines.any(|line| line.starts_with(b"event:")) {
        return Bytes::copy_from_slice(events);
    }
    [before, NAME.as_bytes(), last].concat().into()
}

#[cfg(test)]
mod tests {
    use orchestra_dialects::{Endpoint, StreamSniffer};

    use super::super::passage::Direct;
    use super::*;

    #[test]
    fn the_last_event_gets_a_name_if_it_has_none() {
        for (events, expected) in [
            ("", ""),
            ("data: {}\n\n", "event: error\ndata: {}\n\n"),
            (
                "data: 1\n\n\ndata: 2\ndata: 3\n\n",
                "data: 1\n\n\nevent: error\ndata: 2\ndata: 3\n\n",
            ),
            (
                "data: 1\r\n\r\n: still here\r\ndata: 2\r\n\r\n\r\n",
                "data: 1\r\n\r\nevent: error\n: still here\r\ndata: 2\r\n\r\n\r\n",
            ),
            (
                "data: 1\n\nevent: error\ndata: 2\n\n",
                "data: 1\n\nevent: error\ndata: 2\n\n",
            ),
            (
                "event: error\ndata: 1\n\ndata: 2\n\n",
                "event: error\ndata: 1\n\nevent: error\ndata: 2\n\n",
            ),
        ] {
            assert_eq!(last_named(events.as_bytes()), expected, "{events:?}");
        }
    }

    /// However the stream is cut, and with nothing changed before the error.
    #[test]
    fn an_upstreams_own_error_gets_a_name() {
        let chunk = r#"data: {"choices":[{"index":0,"delta":{"content":"Hel"}}]}"#;
        let error = r#"data: {"error":{"message":"overloaded"}}"#;
        let stream = format!("{chunk}\n\n{error}\n\n{chunk}\n\n");
        for size in [1, 7, stream.len()] {
            let sniffer = StreamSniffer::new(Endpoint::ChatCompletions, 4096);
            let mut passage = Named::new(Box::new(Direct::new(sniffer, false)));
            let mut out = Gathered::Nothing;
            for piece in stream.as_bytes().chunks(size) {
                if passage.seen().error.is_some() {
                    break;
                }
                passage
                    .take(Bytes::copy_from_slice(piece), &mut out)
                    .unwrap();
            }
            let expected = format!("{chunk}\n\nevent: error\n{error}\n\n");
            assert_eq!(out.into_bytes(), expected, "{size}");
        }
    }
}
