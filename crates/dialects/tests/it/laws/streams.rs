//! Streams: events, chunks, cuts.

use orchestra_dialects::canonical::{Answer, Part, PartBody, ToolInput, ToolUse};
use orchestra_dialects::{
    Dialect, EndRule, Fold, LawKeeper, SseReader, StreamEnd, StreamEvent, StreamTranslator,
};

use serde_json::{Map, Value};

use super::DIALECTS;
use super::answers::{comparable, told_in};
use super::fixture::{Asked, Failures, Fixture, codec};

const FRAME_LIMIT: usize = 1 << 20;

/// What a decoder made of a stream, and how it judged its end.
#[derive(Debug, PartialEq)]
struct Read {
    events: Vec<StreamEvent>,
    end: StreamEnd,
}

fn read<'a>(dialect: Dialect, chunks: impl Iterator<Item = &'a [u8]>, rule: EndRule) -> Read {
    let mut decoder = codec(dialect).stream_decoder();
    let mut reader = SseReader::new(FRAME_LIMIT);
    let mut events = Vec::new();
    for chunk in chunks {
        let fed = reader.feed(chunk, |frame| decoder.frame(frame, &mut events));
        fed.expect("no frame is too long");
    }
    let end = decoder.end(rule, &mut events);
    Read { events, end }
}

fn whole(fixture: &Fixture, stream: &str) -> Read {
    read(
        fixture.dialect,
        std::iter::once(stream.as_bytes()),
        EndRule::Marker,
    )
}

fn fold(events: &[StreamEvent]) -> Fold {
    let mut fold = Fold::default();
    events.iter().for_each(|event| fold.add(event));
    fold
}

/// What must be the same however an answer came: the parts without what only one of the two ways
/// carries (extras, places), why it stopped, what it took.
#[derive(Debug, PartialEq)]
struct Told {
    id: String,
    model: String,
    service_tier: Option<String>,
    choices: Vec<String>,
}

fn told(answer: &Answer) -> Told {
    let choices = answer.choices.iter().map(|choice| {
        let parts: Vec<String> = choice.parts.iter().filter_map(essence).collect();
        format!("{parts:?} {:?} {:?}", choice.finish, choice.logprobs)
    });
    Told {
        id: answer.id.clone(),
        model: answer.model.clone(),
        service_tier: answer.service_tier.clone(),
        choices: choices.collect(),
    }
}

/// A part in comparable words; `None` for text that says nothing.
fn essence(part: &Part) -> Option<String> {
    match &part.body {
        PartBody::Text { text, citations } if text.is_empty() && citations.is_empty() => None,
        PartBody::ToolUse(call) => {
            let input = as_the_model_wrote_it(&call.input);
            let call = ToolUse {
                input,
                ..call.clone()
            };
            Some(format!("{call:?}"))
        }
        body => Some(format!("{body:?}")),
    }
}

/// Where arguments must be an object, text that is none stands in one as `arguments`. A stream passes on a call that
/// was cut short before anybody can know that it will be.
fn as_the_model_wrote_it(input: &ToolInput) -> ToolInput {
    let whole: Option<Map<String, Value>> = serde_json::from_str(input.as_str()).ok();
    let text = whole.as_ref().filter(|members| members.len() == 1);
    match text.and_then(|members| members.get("arguments")) {
        Some(Value::String(text)) => ToolInput::Json(text.clone()),
        _ => input.clone(),
    }
}

pub(super) fn folded_equals_unary(fixture: &Fixture, failures: &mut Failures) {
    let (Some(stream), Some(answer)) = (&fixture.stream, fixture.answer()) else {
        return;
    };
    let Some(answer) = failures.check(answer) else {
        return;
    };
    let read = whole(fixture, stream);
    if read.end != StreamEnd::Complete {
        failures.add(format!("the stream ended {:?}", read.end));
    }
    let folded = fold(&read.events).finish();
    if told(&folded) != told(&answer) {
        failures.add(format!(
            "streamed: {:#?}\nwhole: {:#?}",
            told(&folded),
            told(&answer)
        ));
    }
    // A Chat client may not have asked for usage in the stream.
    if folded.usage.is_some() && folded.usage != answer.usage {
        failures.add(format!(
            "usage streamed {:?}, whole {:?}",
            folded.usage, answer.usage
        ));
    }
}

pub(super) fn events_keep_the_laws(fixture: &Fixture, failures: &mut Failures) {
    let Some(stream) = &fixture.stream else {
        return;
    };
    let mut laws = LawKeeper::default();
    for event in whole(fixture, stream).events {
        if let Err(law) = laws.check(&event) {
            failures.add(format!("{law}: {event:?}"));
            return;
        }
    }
}

pub(super) fn chunks_do_not_matter(fixture: &Fixture, failures: &mut Failures) {
    let Some(stream) = &fixture.stream else {
        return;
    };
    let bytes = stream.as_bytes();
    let expected = whole(fixture, stream);
    let single = read(fixture.dialect, bytes.chunks(1), EndRule::Marker);
    if single != expected {
        failures.add("byte by byte other events come");
    }
    for at in 0..bytes.len() {
        let (a, b) = bytes.split_at(at);
        if read(fixture.dialect, [a, b].into_iter(), EndRule::Marker) != expected {
            failures.add(format!("split at byte {at} other events come"));
            return;
        }
    }
}

/// However the stream is cut: it counts as whole only if all that matters has come.
pub(super) fn a_cut_is_no_end(fixture: &Fixture, failures: &mut Failures) {
    let Some(stream) = &fixture.stream else {
        return;
    };
    for rule in [EndRule::Marker, EndRule::FinishReason] {
        let bytes = stream.as_bytes();
        let expected = fold(&read(fixture.dialect, std::iter::once(bytes), rule).events).finish();
        for at in 0..bytes.len() {
            let cut = read(fixture.dialect, std::iter::once(&bytes[..at]), rule);
            let ended = matches!(cut.events.last(), Some(StreamEvent::End));
            if (cut.end == StreamEnd::Complete) != ended {
                failures.add(format!(
                    "cut at byte {at}: {:?} after {:?}",
                    cut.end,
                    cut.events.last()
                ));
                return;
            }
            let mut laws = LawKeeper::default();
            if let Some(law) = cut.events.iter().find_map(|event| laws.check(event).err()) {
                failures.add(format!("cut at byte {at}: {law}"));
                return;
            }
            if ended && told(&fold(&cut.events).finish()).choices != told(&expected).choices {
                failures.add(format!("cut at byte {at} it looks whole ({rule:?})"));
                return;
            }
        }
    }
}

/// What a translated stream says to a client, and its end.
pub(super) fn translated(
    from: Dialect,
    stream: &[u8],
    asked: &Asked,
) -> (String, StreamEnd, StreamTranslator) {
    let mut out = String::new();
    let mut translator = StreamTranslator::new(from, &asked.context(), FRAME_LIMIT)
        .expect("dialects with conversations");
    translator
        .feed(stream, &mut out)
        .expect("no frame is too long");
    let end = translator.end(EndRule::Marker, &mut out);
    (out, end, translator)
}

/// The client's own decoder reads in the translated stream what it reads in the translated answer.
pub(super) fn translated_equals_unary(fixture: &Fixture, failures: &mut Failures) {
    let (Some(stream), Some(answer)) = (&fixture.stream, fixture.answer()) else {
        return;
    };
    let Some(answer) = failures.check(answer) else {
        return;
    };
    for client in DIALECTS {
        let asked = Asked::plain(client);
        let (text, end, translator) = translated(fixture.dialect, stream.as_bytes(), &asked);
        if end != StreamEnd::Complete {
            failures.add(format!("{}: it ended {end:?}", client.name()));
            continue;
        }
        let read = read(client, std::iter::once(text.as_bytes()), EndRule::Marker);
        let mut laws = LawKeeper::default();
        if let Some(law) = read.events.iter().find_map(|event| laws.check(event).err()) {
            failures.add(format!("{}: {law}\n{text}", client.name()));
            continue;
        }
        if read.end != StreamEnd::Complete {
            failures.add(format!(
                "{}: the client sees {:?}\n{text}",
                client.name(),
                read.end
            ));
            continue;
        }
        let folded = fold(&read.events).finish();
        let (body, _) =
            orchestra_dialects::encode_answer(&answer, fixture.dialect, &asked.context());
        let unary = codec(client).decode_answer(&body);
        let Some(unary) = failures.check(unary.map_err(|error| error.to_string())) else {
            continue;
        };
        if told(&folded) != told(&unary) {
            failures.add(format!(
                "{}: streamed {:#?}\nwhole {:#?}\n{text}",
                client.name(),
                told(&folded),
                told(&unary)
            ));
        }
        let expected = told_in(client, comparable(translator.usage()));
        if translator.usage().is_some() && comparable(folded.usage) != expected {
            failures.add(format!(
                "{}: usage {expected:?} became {:?}\n{text}",
                client.name(),
                folded.usage
            ));
        }
    }
}

/// Where a cut makes a difference to what reads whole frames: around the end of each. That the bytes in between
/// make none is [`a_cut_is_no_end`]'s to show.
fn cuts(stream: &str) -> impl Iterator<Item = usize> {
    let ends = stream.match_indices("\n\n").map(|(at, _)| at);
    ends.flat_map(|at| [at, at + 1, at + 2, at + 3])
        .filter(|at| *at < stream.len())
}

/// A client never takes a cut stream for a whole one, wherever it was cut upstream.
pub(super) fn a_cut_is_no_end_for_the_client(fixture: &Fixture, failures: &mut Failures) {
    let Some(stream) = &fixture.stream else {
        return;
    };
    for client in DIALECTS {
        let asked = Asked::plain(client);
        let (_, end, full) = translated(fixture.dialect, stream.as_bytes(), &asked);
        for at in cuts(stream) {
            let (text, cut, _) = translated(fixture.dialect, &stream.as_bytes()[..at], &asked);
            if cut == end {
                continue;
            }
            let seen = read(client, std::iter::once(text.as_bytes()), EndRule::Marker);
            // Gemini has no end marker: a finish reason is all that there is to see.
            let looks_whole = seen.end == StreamEnd::Complete
                && (client != Dialect::Gemini || full.finish().is_none());
            if looks_whole {
                failures.add(format!(
                    "{}: cut at byte {at} it looks whole\n{text}",
                    client.name()
                ));
                return;
            }
        }
    }
}
