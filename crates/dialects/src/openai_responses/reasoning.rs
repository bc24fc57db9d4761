//! Reasoning items, which requests and answers share.

use super::members::others;
use crate::Dialect;
use crate::canonical::{Part, PartBody, Reasoning, ReasoningForm};
use crate::json::Raw;

/// The members that a reasoning item is read from.
const KNOWN: [&str; 5] = ["type", "id", "summary", "content", "encrypted_content"];

/// The thoughts of an item: a summary, or the thoughts themselves, or one part of each with the same
/// id. `None` if there is something else in it, so that it is best kept as it stands.
pub(super) fn parts(item: Raw<'_>) -> Option<Vec<Part>> {
    let [id, summary, content, encrypted] =
        item.pick(["id", "summary", "content", "encrypted_content"]);
    let summary = texts(summary, "summary_text")?;
    let content = texts(content, "reasoning_text")?;
    let encrypted = text(encrypted)?;
    let first = Reasoning {
        form: ReasoningForm::Summary,
        texts: summary,
        origin: encrypted.is_some().then_some(Dialect::OpenAiResponses),
        encrypted,
        id: text(id)?,
        ..Reasoning::default()
    };
    let mut parts = both(first, content).map(|one| Part::from(PartBody::Reasoning(one)));
    let rest = others(item, &KNOWN);
    let first = parts.next().map(|first| Part {
        extras: rest,
        ..first
    });
    Some(first.into_iter().chain(parts).collect())
}

/// The thoughts in their forms. Only what is there, but for thoughts of which nothing is shown.
fn both(summary: Reasoning, content: Vec<String>) -> impl Iterator<Item = Reasoning> {
    let mut list = vec![summary];
    if !content.is_empty() {
        let full = Reasoning {
            form: ReasoningForm::Full,
            texts: content,
            id: list[0].id.clone(),
            ..Reasoning::default()
        };
        if list[0].texts.is_empty() {
            list[0].form = full.form;
            list[0].texts = full.texts;
        } else {
            list.push(full);
        }
    }
    list.into_iter()
}

/// The texts of a list of parts of one kind, without empty ones; `None` if anything else is in it.
fn texts(list: Option<Raw<'_>>, kind: &str) -> Option<Vec<String>> {
    let Some(list) = list else {
        return Some(Vec::new());
    };
    let mut found = Vec::new();
    for item in list.items() {
        let [its_kind, text] = item.pick(["type", "text"]);
        let plain =
            its_kind.and_then(Raw::text).as_deref() == Some(kind) && item.members().count() == 2;
        let text = text.and_then(Raw::text).filter(|_| plain)?;
        if !text.is_empty() {
            found.push(text.into_owned());
        }
    }
    Some(found)
}

/// A text that may be absent; `None` if it is something else.
#[expect(clippy::option_option, reason = "absent is not the same as wrong")]
fn text(value: Option<Raw<'_>>) -> Option<Option<String>> {
    match value {
        None => Some(None),
        Some(value) => value.text().map(|text| Some(text.into_owned())),
    }
}
