//! Directives: a behaviour written as `key=number` pairs, short enough for a prompt.
//!
//! A request carries them as `[[fake status=503 retry_after=2 every=3]]` anywhere in its body.
//! The text has no quotes, escapes or line breaks, so any gateway hands it on unchanged.

use std::borrow::Cow;
use std::time::Duration;

use memchr::memmem;

use crate::behaviour::{After, Answer, At, Behaviour, ErrorReply, How, Interruption, Reply, Spoil};

/// A directive that is not understood.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("directive `{0}` is not understood; write known_key=number, see the testkit's README")]
pub struct InvalidDirective(
    /// The pair as it was written
    pub String,
);

const OPENING: &[u8] = b"[[fake ";
const CLOSING: &[u8] = b"]]";

/// The directives in a body: the last ones, since earlier ones belong to earlier turns.
pub(crate) fn find(body: &[u8]) -> Option<Cow<'_, str>> {
    let rest = &body[memmem::rfind(body, OPENING)? + OPENING.len()..];
    Some(String::from_utf8_lossy(
        &rest[..memmem::find(rest, CLOSING)?],
    ))
}

/// How often the faults among the directives strike: `every=K`, or 1.
pub(crate) fn every(text: &str) -> Result<u64, InvalidDirective> {
    let mut every = 1;
    for pair in pairs(text) {
        let (key, number) = pair?;
        if key == "every" {
            every = number;
        }
    }
    Ok(every)
}

/// Adds directives to a behaviour, its faults only if asked to.
pub(crate) fn apply(text: &str, faults: bool, to: &mut Behaviour) -> Result<(), InvalidDirective> {
    for pair in pairs(text) {
        let (key, number) = pair?;
        let invalid = || InvalidDirective(format!("{key}={number}"));
        // Tried on a copy when the faults are not wanted, so that a wrong key is always noticed.
        if !shape(key, number, to) {
            let mut spare = Behaviour::answer();
            let target = if faults { &mut *to } else { &mut spare };
            fault(key, number, target).ok_or_else(invalid)?;
        }
    }
    Ok(())
}

fn pairs(text: &str) -> impl Iterator<Item = Result<(&str, u64), InvalidDirective>> {
    let words = text
        .split([' ', ',', ';', '&'])
        .filter(|word| !word.is_empty());
    words.map(|word| {
        let pair = word
            .split_once('=')
            .and_then(|(key, value)| Some((key, value.parse().ok()?)));
        pair.ok_or_else(|| InvalidDirective(word.to_owned()))
    })
}

/// What a healthy answer looks like. False if the key is none of these.
fn shape(key: &str, number: u64, to: &mut Behaviour) -> bool {
    let size = usize::try_from(number).unwrap_or(usize::MAX);
    match key {
        "every" => {}
        "chunks" => answer(to, |answer| answer.chunks = Some(size)),
        "size" => answer(to, |answer| answer.size = Some(size)),
        "quote" => answer(to, |answer| answer.quote = number != 0),
        "ttft" => to.first_event = Duration::from_millis(number),
        "gap" => to.gap = Duration::from_millis(number),
        "coalesce" => to.coalesce = number != 0,
        _ => return false,
    }
    true
}

/// What goes wrong. `None` if the key is none of these or the number cannot be.
fn fault(key: &str, number: u64, to: &mut Behaviour) -> Option<()> {
    let events = u32::try_from(number).unwrap_or(u32::MAX);
    let bytes = usize::try_from(number).unwrap_or(usize::MAX);
    match key {
        "status" => {
            let status = u16::try_from(number)
                .ok()
                .filter(|status| (200..600).contains(status))?;
            if status != 200 {
                to.reply = Reply::Error(ErrorReply {
                    status,
                    code: None,
                    message: None,
                });
            }
        }
        "retry_after" => to
            .headers
            .push(("retry-after".to_owned(), number.to_string())),
        "delay" => to.delay = Duration::from_millis(number),
        "drip" => to.drip = Duration::from_millis(number),
        "hang" => interrupt(to, number != 0, At::BeforeHeaders, How::Hang),
        "hang_headers" => interrupt(to, number != 0, At::AfterHeaders, How::Hang),
        "hang_events" => interrupt(to, true, At::AfterEvents(events), How::Hang),
        "cut_bytes" => interrupt(to, true, At::AfterBytes(number), How::Close),
        "cut_events" => interrupt(to, true, At::AfterEvents(events), How::Close),
        "reset_bytes" => interrupt(to, true, At::AfterBytes(number), How::Reset),
        "reset_events" => interrupt(to, true, At::AfterEvents(events), How::Reset),
        "refuse" => interrupt(to, number != 0, At::BeforeHeaders, How::Close),
        "end_events" => interrupt(to, true, At::AfterEvents(events), How::End),
        "err" => {
            to.spoil = Some(Spoil::ErrorEvent {
                after_events: events,
            })
        }
        "malformed" => {
            to.spoil = Some(Spoil::MalformedJson {
                after_events: events,
            })
        }
        "utf8" => {
            to.spoil = Some(Spoil::InvalidUtf8 {
                after_events: events,
            })
        }
        "huge" => to.spoil = Some(Spoil::HugeEvent { bytes }),
        "no_end" => to.spoil = (number != 0).then_some(Spoil::NoTerminal),
        "endless" => to.spoil = (number != 0).then_some(Spoil::Endless),
        "close" if number != 0 => to.after = After::Close,
        "close" => to.after = After::Keep,
        _ => return None,
    }
    Some(())
}

fn interrupt(to: &mut Behaviour, wanted: bool, at: At, how: How) {
    to.interruption = wanted.then_some(Interruption { at, how });
}

/// Changes the settings of a generated answer; an error or a recording has none, and stays.
fn answer(to: &mut Behaviour, change: impl FnOnce(&mut Answer)) {
    if let Reply::Answer(answer) = &mut to.reply {
        change(answer);
    }
}
