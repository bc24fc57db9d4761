//! Streams, read and written in every dialect.

use orchestra_dialects::{
    Dialect, EndRule, LawKeeper, MALFORMED_EVENT, SseReader, StreamEnd, StreamEvent,
    StreamTranslator,
};

use super::contexts::{DIALECTS, context};

const FRAME_LIMIT: usize = 1 << 14;

/// Cuts `data` in a way that depends on nothing else.
pub(crate) fn chunks(data: &[u8]) -> Vec<&[u8]> {
    let sum = data.iter().fold(1, |sum: u32, byte| {
        sum.wrapping_mul(31).wrapping_add(u32::from(*byte))
    });
    let (mut state, mut rest, mut pieces) = (sum, data, Vec::new());
    while !rest.is_empty() {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        // Mostly single bytes and short pieces, now and then a long one.
        let length = match state >> 29 {
            0..=2 => 1,
            3..=6 => (state >> 16 & 31) as usize + 1,
            _ => (state >> 16 & 1023) as usize + 1,
        };
        let (piece, behind) = rest.split_at(length.min(rest.len()));
        pieces.push(piece);
        rest = behind;
    }
    pieces
}

/// Events keep their laws, chunks do not matter, and what a client is told says the same.
pub(crate) fn read(from: Dialect, data: &[u8]) {
    let whole = events(from, &[data], EndRule::FinishReason);
    let cut = events(from, &chunks(data), EndRule::FinishReason);
    assert_eq!(whole, cut, "chunks do not matter");
    if events(from, &[data], EndRule::Marker).end == Some(StreamEnd::Complete) {
        assert_eq!(
            whole.end,
            Some(StreamEnd::Complete),
            "the marker is the stricter rule"
        );
    }
    for to in DIALECTS {
        translate(from, to, data);
    }
}

/// What a decoder makes of a stream.
#[derive(Debug, PartialEq)]
struct Told {
    events: Vec<StreamEvent>,
    /// `None` if the stream cannot be read on.
    end: Option<StreamEnd>,
}

fn events(dialect: Dialect, chunks: &[&[u8]], rule: EndRule) -> Told {
    let codec = dialect.codec().expect("a dialect with conversations");
    let mut decoder = codec.stream_decoder();
    let mut reader = SseReader::new(FRAME_LIMIT);
    let mut events = Vec::new();
    let mut readable = true;
    for chunk in chunks {
        let fed = reader.feed(chunk, |frame| decoder.frame(frame, &mut events));
        readable = readable && fed.is_ok();
        if !readable {
            break;
        }
    }
    let end = readable.then(|| decoder.end(rule, &mut events));
    let mut laws = LawKeeper::default();
    for event in &events {
        if let Err(law) = laws.check(event) {
            panic!("{dialect:?}: {law}: {event:?}");
        }
    }
    Told { events, end }
}

fn translate(from: Dialect, to: Dialect, data: &[u8]) {
    let mut out = String::new();
    let context = context(to);
    let translator = StreamTranslator::new(from, &context, FRAME_LIMIT);
    let mut translator = translator.expect("dialects with conversations");
    for chunk in chunks(data) {
        if translator.feed(chunk, &mut out).is_err() {
            return;
        }
    }
    let end = translator.end(EndRule::FinishReason, &mut out);
    let rule = match to {
        Dialect::Gemini => EndRule::FinishReason,
        _ => EndRule::Marker,
    };
    let told = events(to, &[out.as_bytes()], rule);
    let faults = told.events.iter().filter_map(|event| match event {
        StreamEvent::Fault(error) => Some(error),
        _ => None,
    });
    for fault in faults {
        assert_ne!(
            fault.code.as_deref(),
            Some(MALFORMED_EVENT),
            "{from:?} to {to:?}: {out}"
        );
    }
    // Gemini's streams end with the reason for it, which some markers come without.
    let may_lack_its_end = to == Dialect::Gemini && end == StreamEnd::Complete;
    let complete = |end| end == StreamEnd::Complete;
    assert!(
        may_lack_its_end || told.end.map(complete) == Some(complete(end)),
        "{from:?} to {to:?}: {end:?} is told as {:?}: {out}",
        told.end
    );
}
