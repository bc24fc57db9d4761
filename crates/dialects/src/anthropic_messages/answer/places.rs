//! Where things stand in the answers of other dialects, so that losses name what the provider wrote.

use crate::Dialect;
use crate::canonical::{Field, Part, Place};

/// Where losses of answers begin.
pub(in super::super) const ANSWER: Place = Place::member("answer");

/// One of several answers.
pub(in super::super) fn choice(from: Dialect, index: usize) -> Place {
    match from {
        Dialect::OpenAiChat => Place::item("choices", index),
        Dialect::Gemini => Place::item("candidates", index),
        _ => Place::default(),
    }
}

/// Why the first of them ended.
pub(super) fn finish(from: Dialect) -> [Place; 3] {
    let name = match from {
        Dialect::Gemini => "finishReason",
        Dialect::OpenAiResponses => "incomplete_details.reason",
        _ => "finish_reason",
    };
    [ANSWER, choice(from, 0), Place::member(name)]
}

/// The probabilities of the tokens of an answer.
pub(in super::super) fn logprobs(from: Dialect, index: usize) -> [Place; 3] {
    let name = match from {
        Dialect::Gemini => "logprobsResult",
        _ => "logprobs",
    };
    [ANSWER, choice(from, index), Place::member(name)]
}

/// What the text of a part rests on. In Responses, texts share the place of their item, in which this is the
/// one of index `within`.
pub(in super::super) fn citations(from: Dialect, at: Place, within: usize) -> Vec<Place> {
    let name = Place::member(Field::Citations.path(from));
    match from {
        // They stand beside the text.
        Dialect::OpenAiChat => vec![ANSWER, choice(from, 0), Place::member("message"), name],
        Dialect::OpenAiResponses => vec![ANSWER, at, Place::item("content", within), name],
        _ => vec![ANSWER, at, name],
    }
}

/// The probabilities of the tokens of each text of a Responses answer.
pub(super) fn logprobs_of_texts(parts: &[Part]) -> impl Iterator<Item = [Place; 4]> {
    let texts = parts.iter().enumerate();
    let texts = texts.filter(|(_, part)| part.as_text().is_some());
    texts.map(|(index, part)| {
        let within = Place::item("content", index_within(parts, index));
        [ANSWER, part.at, within, Place::member("logprobs")]
    })
}

/// How many parts before this one stand at the same place.
pub(super) fn index_within(parts: &[Part], index: usize) -> usize {
    let same = |a: Place, b: Place| a.member == b.member && a.index == b.index;
    let (before, rest) = parts.split_at(index.min(parts.len()));
    let mut before = before.iter();
    rest.first().map_or(0, |part| {
        before
            .by_ref()
            .filter(|other| same(other.at, part.at))
            .count()
    })
}
