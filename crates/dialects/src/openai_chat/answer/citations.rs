//! What the text of an answer rests on: `annotations`.

use super::ANSWER;
use crate::canonical::{Citation, Field, Place};
use crate::json::{ListWriter, Raw};
use crate::{Dialect, Losses, RawJson};

/// Reads one of `annotations`. One of another kind than `url_citation` is kept as it is.
pub(in super::super) fn read_annotation(annotation: Raw<'_>) -> Citation {
    let inner = annotation.member("url_citation");
    let [url, title, start, end] = inner.map_or([None; 4], |inner| {
        inner.pick(["url", "title", "start_index", "end_index"])
    });
    let text = |value: Option<Raw<'_>>| value.and_then(Raw::text).map(Into::into);
    Citation {
        url: text(url),
        title: text(title),
        cited_text: None,
        span: start.and_then(Raw::count).zip(end.and_then(Raw::count)),
        raw: Some(annotation.into()),
    }
}

/// Whether Chat can say this of a citation.
pub(in super::super) fn is_sayable(citation: &Citation) -> bool {
    citation.url.is_some() || own(citation).is_some()
}

/// The annotation as Chat writes it, if that is where it comes from.
fn own(citation: &Citation) -> Option<&RawJson> {
    let raw = citation.raw.as_ref()?;
    raw.raw().member("url_citation").map(|_| raw)
}

/// Writes one of `annotations`, if Chat can say it. `text` is where the cited text stands in `content`, in characters;
/// spans count from its start.
pub(in super::super) fn write_annotation(
    list: &mut ListWriter<'_>,
    citation: &Citation,
    text: (u64, u64),
) {
    if let Some(raw) = own(citation).filter(|_| text.0 == 0) {
        list.raw(raw.as_str());
        return;
    }
    let Some(url) = &citation.url else { return };
    let (start, end) = citation.span.map_or(text, |(start, end)| {
        (start.saturating_add(text.0), end.saturating_add(text.0))
    });
    list.object(|annotation| {
        annotation.text("type", "url_citation");
        annotation.object("url_citation", |inner| {
            inner.count("end_index", end);
            inner.count("start_index", start);
            inner.text("title", citation.title.as_deref().unwrap_or_default());
            inner.text("url", url);
        });
    });
}

/// What is lost of a citation of the text at `at`: Chat knows addresses and titles.
pub(in super::super) fn note_citation(at: Place, citation: &Citation, losses: &mut Losses) {
    let from = losses.from();
    let member = match from {
        // The place is the item's.
        Dialect::OpenAiResponses => "content",
        from => Field::Citations.path(from),
    };
    let path = [ANSWER, at, Place::member(member)];
    let whole = from == Dialect::OpenAiResponses && citation.span.is_some();
    if !is_sayable(citation) {
        losses.dropped(&path);
    } else if !losses.within_one_dialect() && !whole {
        losses.approximated(&path);
    }
}
