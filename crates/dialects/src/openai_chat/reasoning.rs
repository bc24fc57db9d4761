//! Thoughts on their way through a Chat client.
//!
//! Their text stands in `reasoning_content`, as DeepSeek and most compatible servers have it. What proves or
//! encrypts them stands beside it in `reasoning_details`, as items of the type `reasoning.encrypted`
//! (OpenRouter's shape, which clients return unread). The `data` of such an item is an envelope
//! with the places of its texts behind it, `#0-120,122-300` in bytes of `reasoning_content`:
//! Anthropic refuses a signature whose thoughts are not returned to the letter, and one message may
//! hold several.

use std::fmt::Write as _;
use std::ops::Range;

use crate::canonical::{Part, PartBody, Place, Reasoning};
use crate::envelope;
use crate::json::{ListWriter, ObjectWriter, Raw, Writer};
use crate::{Dialect, RawJson};

/// Stands between two texts, sections or thoughts.
const BETWEEN: &str = "\n\n";

/// Reads the thoughts of a message: its text and where that stood, and its details. Details of other kinds
/// than ours are handed back.
pub(super) fn read(
    text: Option<(Place, String)>,
    details: Option<Raw<'_>>,
) -> (Vec<Part>, Option<RawJson>) {
    let mut sealed = Vec::new();
    let mut others = Vec::new();
    for item in details.into_iter().flat_map(Raw::items) {
        match open(item) {
            Some(found) => sealed.push(found),
            None => others.push(item.json()),
        }
    }
    let others = (!others.is_empty()).then(|| Writer::list_of(others.into_iter()));
    if sealed.is_empty() {
        let plain = text.map(|(at, text)| plain(text).at(at));
        return (plain.into_iter().collect(), others);
    }
    let (at, text) = text.unwrap_or_default();
    let mut parts = Vec::new();
    let mut from = 0;
    for (mut thoughts, spans) in sealed {
        let texts: Option<Vec<&str>> = spans.iter().map(|span| text.get(span.clone())).collect();
        // A client that changed the text has broken the proof of it.
        let Some(texts) = texts else { continue };
        let first = spans.first().map_or(from, |span| span.start);
        parts.extend(between(&text, from..first));
        from = spans.last().map_or(from, |span| span.end);
        thoughts.texts = texts.into_iter().map(str::to_owned).collect();
        parts.push(PartBody::Reasoning(thoughts).into());
    }
    parts.extend(between(&text, from..text.len()));
    for part in &mut parts {
        part.at = at;
    }
    (parts, others)
}

/// An envelope, and where its texts stand.
fn open(item: Raw<'_>) -> Option<(Reasoning, Vec<Range<usize>>)> {
    let data = item.member("data")?.text()?;
    let (sealed, spans) = data.split_once('#').unwrap_or((&data, ""));
    let thoughts = envelope::open(sealed)?;
    let spans: Option<Vec<_>> = spans
        .split(',')
        .filter(|span| !span.is_empty())
        .map(parse_span)
        .collect();
    Some((thoughts, spans?))
}

fn parse_span(span: &str) -> Option<Range<usize>> {
    let (start, end) = span.split_once('-')?;
    Some(start.parse().ok()?..end.parse().ok()?)
}

/// Thoughts without proof that stand between others with it.
fn between(text: &str, span: Range<usize>) -> Option<Part> {
    let text = text.get(span)?;
    let text = text.strip_prefix(BETWEEN).unwrap_or(text);
    let text = text.strip_suffix(BETWEEN).unwrap_or(text);
    (!text.is_empty()).then(|| plain(text.to_owned()))
}

fn plain(text: String) -> Part {
    PartBody::Reasoning(Reasoning {
        texts: vec![text],
        ..Reasoning::default()
    })
    .into()
}

/// Whether these thoughts are nothing but the signature that Gemini ties to the call behind them.
pub(super) fn gemini_signature(thoughts: &Reasoning) -> Option<&str> {
    let bare = thoughts.texts.is_empty() && thoughts.encrypted.is_none();
    let gemini = thoughts.origin == Some(Dialect::Gemini);
    thoughts.signature.as_deref().filter(|_| bare && gemini)
}

/// How far the text of a choice's thoughts has come, and where the texts of the latest thoughts stand in it.
#[derive(Debug, Default)]
pub(super) struct Transcript {
    length: usize,
    spans: Vec<Range<usize>>,
    /// Whether the next piece begins a new text.
    fresh: bool,
}

impl Transcript {
    /// New thoughts begin.
    pub(super) fn begin(&mut self) {
        self.spans.clear();
        self.fresh = true;
    }

    /// A new section of the same thoughts begins.
    pub(super) const fn section(&mut self) {
        self.fresh = true;
    }

    /// What must be told before this piece of text; notes the piece.
    pub(super) fn piece(&mut self, text: &str) -> &'static str {
        if text.is_empty() {
            return "";
        }
        let fresh = std::mem::take(&mut self.fresh);
        let before = if fresh && self.length > 0 {
            BETWEEN
        } else {
            ""
        };
        let start = self.length + before.len();
        self.length = start + text.len();
        match self.spans.last_mut() {
            Some(span) if !fresh => span.end = self.length,
            _ => self.spans.push(start..self.length),
        }
        before
    }

    /// The `data` that brings back the proof of the latest thoughts, if they have any, and if they
    /// are those of another dialect, `foreign`, tells so.
    pub(super) fn seal(&self, thoughts: &Reasoning, foreign: Option<Dialect>) -> Option<String> {
        let mut data = match foreign.filter(|_| !self.spans.is_empty()) {
            Some(from) => envelope::mark(thoughts, from),
            None => envelope::seal(thoughts)?,
        };
        for (at, span) in self.spans.iter().enumerate() {
            let before = if at == 0 { '#' } else { ',' };
            // Writing to a string cannot fail.
            let _ = write!(data, "{before}{}-{}", span.start, span.end);
        }
        Some(data)
    }
}

/// The thoughts of one answer, in the members that a Chat message has for them.
#[derive(Debug, Default)]
pub(super) struct Told {
    transcript: Transcript,
    text: Option<String>,
    sealed: Vec<String>,
}

impl Told {
    /// Adds thoughts, if of another dialect than the client's with its name.
    pub(super) fn add(&mut self, thoughts: &Reasoning, foreign: Option<Dialect>) {
        self.transcript.begin();
        for text in &thoughts.texts {
            let before = self.transcript.piece(text);
            let all = self.text.get_or_insert_default();
            all.push_str(before);
            all.push_str(text);
            self.transcript.section();
        }
        self.sealed.extend(self.transcript.seal(thoughts, foreign));
    }

    /// Writes the members; `name` is that of the text.
    pub(super) fn write(&self, message: &mut ObjectWriter<'_>, name: &str) {
        message.text_if(name, self.text.as_deref());
        if !self.sealed.is_empty() {
            message.list("reasoning_details", |list| {
                for (index, data) in self.sealed.iter().enumerate() {
                    write_detail(list, index, data);
                }
            });
        }
    }
}

/// Writes one item of `reasoning_details`.
pub(super) fn write_detail(list: &mut ListWriter<'_>, index: usize, data: &str) {
    list.object(|item| {
        item.text("type", "reasoning.encrypted");
        item.text("data", data);
        item.text("format", "unknown");
        item.count("index", u64::try_from(index).unwrap_or(u64::MAX));
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    fn signed(texts: &[&str], signature: &str) -> Reasoning {
        Reasoning {
            texts: texts.iter().map(|&text| text.to_owned()).collect(),
            signature: Some(signature.into()),
            origin: Some(Dialect::AnthropicMessages),
            ..Reasoning::default()
        }
    }

    fn returned(all: &[Reasoning]) -> Vec<Reasoning> {
        let mut told = Told::default();
        all.iter().for_each(|thoughts| told.add(thoughts, None));
        let message = Writer::object(|message| told.write(message, "reasoning_content"));
        let message = RawJson::parse(&message).expect("valid JSON");
        let [text, details] = message
            .raw()
            .pick(["reasoning_content", "reasoning_details"]);
        let text = text
            .and_then(Raw::text)
            .map(|text| (Place::default(), text.into_owned()));
        let (parts, others) = read(text, details);
        assert_eq!(others, None);
        parts
            .iter()
            .filter_map(Part::as_reasoning)
            .cloned()
            .collect()
    }

    #[test]
    fn thoughts_come_back_each_with_its_own_texts() {
        let plain = Reasoning {
            texts: vec!["no proof".into()],
            ..Reasoning::default()
        };
        let hidden = signed(&[], "redacted");
        for all in [
            vec![signed(&["one"], "a")],
            vec![signed(&["é one", "two"], "a"), signed(&["three\n\n"], "b")],
            vec![plain.clone(), signed(&["one"], "a"), plain.clone()],
            vec![hidden.clone(), signed(&["one"], "a"), hidden],
            vec![plain],
        ] {
            assert_eq!(returned(&all), all);
        }
    }

    #[test]
    fn a_changed_text_loses_its_proof() {
        let mut told = Told::default();
        told.add(&signed(&["a long thought"], "a"), None);
        let details = Writer::list(|list| write_detail(list, 0, &told.sealed[0]));
        let details = RawJson::parse(&details).expect("valid JSON");
        let text = Some((Place::default(), "short".to_owned()));
        let (parts, _) = read(text, Some(details.raw()));
        assert_eq!(parts, [plain("short".into())]);
    }

    #[test]
    fn details_of_others_are_kept() {
        let theirs = RawJson::parse(r#"[{"type":"reasoning.text","text":"x"}]"#).expect("JSON");
        let (parts, others) = read(None, Some(theirs.raw()));
        assert_eq!((parts.len(), others), (0, Some(theirs)));
    }
}
