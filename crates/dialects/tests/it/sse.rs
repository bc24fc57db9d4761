//! The frame reader, held to the examples and rules of the WHATWG standard.

use std::borrow::Cow;

use orchestra_dialects::{Endpoint, SseError, SseReader, StreamSniffer};
use proptest::prelude::*;

const LIMIT: usize = 1 << 12;

/// The frames as `event|data`, one per line, and how many bytes were complete in the end.
fn read<'c>(chunks: impl IntoIterator<Item = &'c [u8]>) -> (String, usize) {
    let mut reader = SseReader::new(LIMIT);
    let (mut frames, mut fed, mut complete) = (String::new(), 0, 0);
    for chunk in chunks {
        let prefix = reader
            .feed(chunk, |frame| {
                let event = frame
                    .event
                    .map(String::from_utf8_lossy)
                    .unwrap_or(Cow::Borrowed("-"));
                let data = String::from_utf8_lossy(frame.data).into_owned();
                frames.push_str(&format!("{event}|{data:?}\n"));
            })
            .expect("within the limit");
        if prefix > 0 {
            complete = fed + prefix;
        }
        fed += chunk.len();
    }
    (frames, complete)
}

#[track_caller]
fn check(stream: &str, expected: &str, held: &str) {
    let expected_frames: String = expected
        .split_whitespace()
        .map(|frame| format!("{frame}\n"))
        .collect();
    let whole = read([stream.as_bytes()]);
    assert_eq!(
        whole,
        (expected_frames, stream.len() - held.len()),
        "{stream:?}"
    );
    assert_eq!(
        read(stream.as_bytes().chunks(1)),
        whole,
        "byte by byte: {stream:?}"
    );
    for at in 0..stream.len() {
        let (left, right) = stream.as_bytes().split_at(at);
        assert_eq!(read([left, right]), whole, "cut at {at}: {stream:?}");
    }
}

#[test]
fn reads_frames() {
    check("", "", "");
    check("data: a\n\n", r#"-|"a""#, "");
    check("data:a\n\ndata:\tb\n\n", r#"-|"a" -|"\tb""#, "");
    check("event: e\ndata: a\n\n", r#"e|"a""#, "");
    check("data: a\nevent: e\n\n", r#"e|"a""#, "");
    check(
        "event: x\nevent: e\ndata: a\n\ndata: b\n\n",
        r#"e|"a" -|"b""#,
        "",
    );
    check("data: a\ndata: b\ndata\ndata:\n\n", r#"-|"a\nb\n\n""#, "");
    check("data\n\n", r#"-|"""#, "");
    check("data:\n\n", r#"-|"""#, "");
    check("event\ndata: a\n\n", r#"|"a""#, "");
    check(
        "id: 7\nretry: 10\nunknown: x\ndatabase: y\nno colon\ndata: a\n\n",
        r#"-|"a""#,
        "",
    );
    check("event: e\n\n", "", "");
    check("event: e\n\ndata: a\n\n", r#"-|"a""#, "");
}

#[test]
fn knows_every_line_end() {
    check("data: a\r\n\r\ndata: b\r\n\r\n", r#"-|"a" -|"b""#, "");
    check("data: a\r\rdata: b\r\r", r#"-|"a" -|"b""#, "");
    check(
        "data: a\n\rdata: b\r\n\ndata: c\r\r\n",
        r#"-|"a" -|"b" -|"c""#,
        "",
    );
    check("\r\n\r\n\n\r", "", "");
}

#[test]
fn strips_a_byte_order_mark_at_the_start_only() {
    check("\u{feff}data: a\n\n", r#"-|"a""#, "");
    check("\u{feff}\n\u{feff}data: a\n\n", "", "");
    check("data: \u{feff}\n\n", r#"-|"\u{feff}""#, "");
}

#[test]
fn comments_outside_of_frames_are_complete_at_once() {
    check(": keep-alive\n", "", "");
    check(":\n:\n\n", "", "");
    check(": keep-alive", "", ": keep-alive");
    check("data: a\n: inside\ndata: b\n\n", r#"-|"a\nb""#, "");
    check("data: a\n: inside\n", "", "data: a\n: inside\n");
}

#[test]
fn an_unfinished_frame_is_held() {
    check("data: a\n\ndata: b\n", r#"-|"a""#, "data: b\n");
    check("data: a\n\ndata: b", r#"-|"a""#, "data: b");
    check("data: a\n\nd", r#"-|"a""#, "d");
    check("data: a\r\n\r\nid: 1\r\n", r#"-|"a""#, "id: 1\r\n");
}

/// Feeds chunks of `size` until the reader fails; tells how many frames came before.
fn fail(stream: &[u8], limit: usize, size: usize) -> Option<(SseError, usize)> {
    let mut reader = SseReader::new(limit);
    let mut frames = 0;
    for chunk in stream.chunks(size) {
        if let Err(error) = reader.feed(chunk, |_| frames += 1) {
            assert!(
                reader
                    .feed(b"\n\ndata: a\n\n", |_| panic!("read on"))
                    .is_err()
            );
            return Some((error, frames));
        }
    }
    None
}

#[test]
fn frames_are_bounded() {
    let frame = b"data: 0123456789\n\n";
    for size in [1, 2, 5, 1000] {
        let twice = frame.repeat(2);
        assert_eq!(fail(&twice, frame.len(), size), None);
        assert!(fail(frame, frame.len() - 1, size).is_some());
        for line in [
            "data:\n",
            "data\n",
            "id:\n",
            ": in a frame\n",
            "x",
            "event: e\r\n",
        ] {
            let endless = [&twice[..], b"data: a\n", &line.repeat(100_000).into_bytes()].concat();
            let (error, frames) = fail(&endless, 64, size).expect("an endless frame");
            assert_eq!(frames, 2, "{line:?} by {size}");
            let SseError::FrameTooLong { limit, complete } = error else {
                panic!("another error: {error}");
            };
            assert_eq!(
                (limit, complete),
                (64, if size == 1000 { twice.len() } else { 0 })
            );
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn random_streams_do_not_depend_on_chunks(
        lines in prop::collection::vec("(data|event|id|:|\u{feff})?:? ?[a-zé]{0,5}(\n|\r|\r\n|\n\n)", 0..20),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..10),
    ) {
        let stream = lines.concat().into_bytes();
        let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(stream.len() + 1)).collect();
        cuts.extend([0, stream.len()]);
        cuts.sort_unstable();
        let chunks = cuts.windows(2).map(|pair| &stream[pair[0]..pair[1]]);
        prop_assert_eq!(read(chunks), read([&*stream]));
    }

    #[test]
    fn random_bytes_never_panic(
        chunks in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..100), 0..10),
        limit in 0..300usize,
    ) {
        for endpoint in Endpoint::ALL {
            let mut sniffer = StreamSniffer::new(endpoint, limit);
            for chunk in &chunks {
                if let Ok(complete) = sniffer.feed(chunk) {
                    prop_assert!(complete <= chunk.len());
                }
            }
        }
    }

    #[test]
    fn random_events_never_panic(
        events in prop::collection::vec("[\\[\\]{}\":, a-z0-9\\\\]{0,40}", 0..10),
    ) {
        for endpoint in Endpoint::ALL {
            let mut sniffer = StreamSniffer::new(endpoint, 1000);
            let mut read = 0;
            for event in &events {
                let frame = format!("data: {{{event}}}\n\n");
                let sound = sniffer.error().is_none();
                let complete = sniffer.feed(frame.as_bytes()).unwrap();
                // Up to the first error every event is looked at, and behind it none.
                read += u64::from(sound);
                prop_assert!(complete == 0 || (sound && complete == frame.len()));
                prop_assert!(complete > 0 || sniffer.error().is_some());
            }
            prop_assert_eq!(sniffer.events(), read);
        }
    }
}
