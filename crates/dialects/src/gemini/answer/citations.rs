//! What an answer rests on: `groundingMetadata` and `citationMetadata`.

use crate::canonical::{Citation, Field, Part, PartBody, Place};
use crate::json::{ListWriter, ObjectWriter, Raw};
use crate::{Dialect, Losses};

use super::super::name::{fields_if_any, items, member};

/// A citation whose place in the text is still counted in bytes.
pub(in crate::gemini) struct Found {
    /// The index of the part on the wire; a lone text part needs none.
    part: usize,
    bytes: Option<(usize, usize)>,
    citation: Citation,
}

/// All citations of a candidate.
pub(in crate::gemini) fn found(
    grounding: Option<Raw<'_>>,
    citations: Option<Raw<'_>>,
) -> Vec<Found> {
    let mut all = grounding.map_or_else(Vec::new, of_grounding);
    all.extend(citations.map_or_else(Vec::new, of_citations));
    all
}

/// Each support names a segment of the text and the chunks that it rests on.
fn of_grounding(metadata: Raw<'_>) -> Vec<Found> {
    let sources: Vec<Citation> = list(metadata, "groundingChunks").map(source).collect();
    let supports = list(metadata, "groundingSupports");
    supports
        .flat_map(|support| of_support(support, &sources))
        .collect()
}

fn of_support(support: Raw<'_>, sources: &[Citation]) -> Vec<Found> {
    let segment = member(support, "segment");
    let number =
        |name| Some(usize::try_from(member(segment?, name)?.count()?).unwrap_or(usize::MAX));
    // Proto JSON leaves zeros out.
    let start = number("startIndex").unwrap_or_default();
    let bytes = number("endIndex").map(|end| (start, end));
    let indexes = list(support, "groundingChunkIndices");
    let cited = indexes.filter_map(|index| sources.get(usize::try_from(index.count()?).ok()?));
    cited
        .map(|source| Found {
            part: number("partIndex").unwrap_or_default(),
            bytes,
            citation: source.clone(),
        })
        .collect()
}

/// A chunk is of the web, of a store of documents, or of a map.
fn source(chunk: Raw<'_>) -> Citation {
    let inner = fields_if_any(chunk).next().map(|field| field.value);
    let text = |name| Some(member(inner?, name)?.text()?.into_owned());
    Citation {
        url: text("uri"),
        title: text("title"),
        cited_text: text("text"),
        ..Citation::default()
    }
}

/// Sources that the answer quotes at length. The API calls the list `citationSources`, the SDKs and Vertex
/// `citations`.
fn of_citations(metadata: Raw<'_>) -> Vec<Found> {
    let all = list(metadata, "citationSources").chain(list(metadata, "citations"));
    let read = |citation: Raw<'_>| {
        let text = |name| Some(member(citation, name)?.text()?.into_owned());
        let number = |name| usize::try_from(member(citation, name)?.count()?).ok();
        let start = number("startIndex").unwrap_or_default();
        Found {
            part: 0,
            bytes: number("endIndex").map(|end| (start, end)),
            citation: Citation {
                url: text("uri"),
                title: text("title"),
                ..Citation::default()
            },
        }
    };
    all.map(read).collect()
}

fn list<'a>(object: Raw<'a>, name: &str) -> impl Iterator<Item = Raw<'a>> + use<'a> {
    let list = member(object, name);
    list.into_iter()
        .flat_map(|list| items(list).map(|(_, item)| item))
}

impl Found {
    /// The citation of `text`, its place counted in characters.
    pub(in crate::gemini) fn within(self, text: &str) -> Citation {
        let characters = |bytes: usize| {
            let before = text.char_indices().take_while(|(at, _)| *at < bytes);
            before.count() as u64
        };
        let span = self
            .bytes
            .map(|(start, end)| (characters(start), characters(end)));
        Citation {
            span,
            ..self.citation
        }
    }
}

/// Gives each citation to the text it is of: that at its index on the wire, else the first.
pub(super) fn attach_to(parts: &mut [Part], wire_indexes: &[usize], all: Vec<Found>) {
    for found in all {
        let is_text = |index: &usize| {
            parts
                .get(*index)
                .is_some_and(|part| part.as_text().is_some())
        };
        let meant = wire_indexes
            .iter()
            .position(|wire| *wire == found.part)
            .filter(is_text);
        let place = meant.or_else(|| (0..parts.len()).find(is_text));
        let body = place
            .and_then(|index| parts.get_mut(index))
            .map(|part| &mut part.body);
        if let Some(PartBody::Text { text, citations }) = body {
            citations.push(found.within(text));
        }
    }
}

/// Whether a citation of the text at `at` can be told here, with what that loses: there are addresses, titles and words,
/// and no places within a source.
pub(in crate::gemini) fn is_sayable(at: Place, citation: &Citation, losses: &mut Losses) -> bool {
    let from = losses.from();
    let member = match from {
        // The place is the item's.
        Dialect::OpenAiResponses => "content",
        _ => Field::Citations.path(from),
    };
    let path = [Place::member("answer"), at, Place::member(member)];
    let sayable =
        citation.url.is_some() || citation.title.is_some() || citation.cited_text.is_some();
    if !sayable {
        losses.dropped(&path);
    } else if from == Dialect::AnthropicMessages || citation.url.is_none() {
        losses.approximated(&path);
    }
    sayable
}

/// Writes `groundingMetadata` for the citations of texts, each with its text and its index on the wire.
pub(in crate::gemini) fn write(
    metadata: &mut ObjectWriter<'_>,
    texts: &[(usize, &str, &[Citation])],
) {
    let all: Vec<(usize, &str, &Citation)> = texts
        .iter()
        .flat_map(|(index, text, citations)| citations.iter().map(|one| (*index, *text, one)))
        .collect();
    metadata.list("groundingChunks", |list| {
        all.iter()
            .for_each(|(_, _, citation)| write_chunk(list, citation));
    });
    metadata.list("groundingSupports", |list| {
        for (chunk, (index, text, citation)) in all.iter().enumerate() {
            write_support(list, chunk, *index, text, citation);
        }
    });
}

fn write_chunk(list: &mut ListWriter<'_>, citation: &Citation) {
    // A map or a store has documents without an address; the web has none.
    let kind = if citation.url.is_some() && citation.cited_text.is_none() {
        "web"
    } else {
        "retrievedContext"
    };
    list.object(|chunk| {
        chunk.object(kind, |source| {
            source.text_if("uri", citation.url.as_deref());
            source.text_if("title", citation.title.as_deref());
            source.text_if("text", citation.cited_text.as_deref());
        });
    });
}

fn write_support(
    list: &mut ListWriter<'_>,
    chunk: usize,
    index: usize,
    text: &str,
    citation: &Citation,
) {
    list.object(|support| {
        if let Some((start, end)) = citation.span {
            let (start, end) = (bytes_before(text, start), bytes_before(text, end));
            support.object("segment", |segment| {
                segment.count("partIndex", index as u64);
                segment.count("startIndex", start as u64);
                segment.count("endIndex", end as u64);
                segment.text_if("text", text.get(start..end));
            });
        }
        support.list("groundingChunkIndices", |list| list.raw(&chunk.to_string()));
    });
}

fn bytes_before(text: &str, characters: u64) -> usize {
    let characters = usize::try_from(characters).unwrap_or(usize::MAX);
    let place = text.char_indices().nth(characters);
    place.map_or(text.len(), |(at, _)| at)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::Writer;

    const TEXT: &str = "Grüße aus Köln. Ende.";

    #[test]
    fn segments_are_bytes_on_the_wire_and_characters_here() {
        let metadata = r#"{"groundingChunks":[{"web":{"uri":"https://a.example","title":"A"}},{"retrievedContext":{"title":"B","text":"b"}}],
            "groundingSupports":[{"segment":{"endIndex":18,"text":"Grüße aus Köln."},"groundingChunkIndices":[0,1,9]}]}"#;
        let found = found(Some(Raw::of_validated(metadata)), None);
        let citations: Vec<Citation> = found.into_iter().map(|found| found.within(TEXT)).collect();
        assert_eq!(citations.len(), 2);
        assert_eq!(citations[0].span, Some((0, 15)));
        assert_eq!(citations[0].url.as_deref(), Some("https://a.example"));
        assert_eq!(citations[1].cited_text.as_deref(), Some("b"));
    }

    #[test]
    fn what_is_written_is_found_again() {
        let citation = Citation {
            url: Some("https://a.example".into()),
            title: Some("A".into()),
            span: Some((6, 14)),
            ..Citation::default()
        };
        let texts = [(0, TEXT, std::slice::from_ref(&citation))];
        let written = Writer::object(|metadata| write(metadata, &texts));
        assert!(written.contains(r#""text":"aus Köln""#), "{written}");
        let found = found(Some(Raw::of_validated(&written)), None);
        let back: Vec<Citation> = found.into_iter().map(|found| found.within(TEXT)).collect();
        assert_eq!(back, [citation]);
    }

    #[test]
    fn indexes_out_of_bounds_end_with_the_text() {
        let metadata =
            r#"{"citationSources":[{"startIndex":4,"endIndex":900,"uri":"https://a.example"}]}"#;
        let found = found(None, Some(Raw::of_validated(metadata)));
        let spans: Vec<_> = found
            .into_iter()
            .map(|found| found.within("äöü").span)
            .collect();
        assert_eq!(spans, [Some((2, 3))]);
    }
}
