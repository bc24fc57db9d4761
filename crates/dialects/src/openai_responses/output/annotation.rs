//! Citations and probabilities in the words of this dialect.

use crate::canonical::Citation;
use crate::json::{Raw, Writer};
use crate::{Dialect, RawJson};

/// A citation as an annotation of a text of `length` characters. `None` if it names no address: the other kinds point
/// to files at OpenAI.
pub(super) fn of_citation(citation: &Citation, from: Dialect, length: u64) -> Option<RawJson> {
    if from == Dialect::OpenAiResponses
        && let Some(raw) = &citation.raw
    {
        return Some(raw.clone());
    }
    let url = citation.url.as_deref()?;
    // Without a span, what it supports is all that was said so far.
    let (start, end) = citation.span.unwrap_or((0, length));
    Some(RawJson::of_written(Writer::object(|object| {
        object.text("type", "url_citation");
        object.count("start_index", start);
        object.count("end_index", end);
        object.text("url", url);
        object.text("title", citation.title.as_deref().unwrap_or(url));
    })))
}

/// The probabilities of tokens. Chat leaves out bytes and others where this dialect requires them.
pub(super) fn of_tokens(tokens: &RawJson, from: Dialect) -> Vec<RawJson> {
    let items = tokens.raw().items();
    if from == Dialect::OpenAiResponses {
        return items.map(Into::into).collect();
    }
    items
        .map(|token| RawJson::of_written(with_bytes(token, true)))
        .collect()
}

fn with_bytes(token: Raw<'_>, with_others: bool) -> String {
    let [text, bytes, logprob, others] = token.pick(["token", "bytes", "logprob", "top_logprobs"]);
    let text = text.and_then(Raw::text).unwrap_or_default();
    Writer::object(|object| {
        object.text("token", &text);
        match bytes {
            Some(bytes) => object.raw("bytes", bytes.json()),
            None => object.list("bytes", |list| {
                for byte in text.bytes() {
                    list.raw(&byte.to_string());
                }
            }),
        }
        object.raw("logprob", logprob.map_or("0", Raw::json));
        if with_others {
            object.list("top_logprobs", |list| {
                for other in others.into_iter().flat_map(Raw::items) {
                    list.raw(&with_bytes(other, false));
                }
            });
        }
    })
}
