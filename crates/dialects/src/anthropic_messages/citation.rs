//! Citations (`TextCitation` of the SDK).

use crate::RawJson;
use crate::canonical::Citation;
use crate::json::{ObjectWriter, Raw, Writer};

use super::text_of;

/// Reads a citation of any kind: locations in documents, search results, pages of the web.
pub(super) fn read(raw: Raw<'_>) -> Citation {
    let address = |name| text_of(raw, name).filter(|text| is_address(text));
    Citation {
        url: address("url").or_else(|| address("source")),
        title: text_of(raw, "title").or_else(|| text_of(raw, "document_title")),
        cited_text: text_of(raw, "cited_text"),
        span: None,
        raw: Some(raw.into()),
    }
}

/// A search result's `source` may be any text.
fn is_address(text: &str) -> bool {
    text.starts_with("https://") || text.starts_with("http://")
}

/// The citation of a page in Anthropic's words, for one of another dialect; `None` if it cites no page.
///
/// The type needs `encrypted_index`, which only Anthropic's own search can fill.
pub(super) fn of_page(citation: &Citation) -> Option<RawJson> {
    let url = citation.url.as_deref()?;
    let written = Writer::object(|object: &mut ObjectWriter<'_>| {
        object.text("type", "web_search_result_location");
        object.text(
            "cited_text",
            citation.cited_text.as_deref().unwrap_or_default(),
        );
        object.text("url", url);
        object.text_or_null("title", citation.title.as_deref());
        object.text("encrypted_index", "");
    });
    Some(RawJson::of_written(written))
}
