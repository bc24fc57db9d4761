//! Events, as far as all of them are alike.

use std::borrow::Cow;

use crate::json::Raw;

/// An event and the members that name what it tells of.
#[derive(Clone, Copy, Debug)]
pub(super) struct Event<'a> {
    pub(super) raw: Raw<'a>,
    pub(super) output_index: Option<u64>,
    pub(super) item_id: Option<Raw<'a>>,
    /// `content_index` or `summary_index`.
    pub(super) index: Option<u64>,
    delta: Option<Raw<'a>>,
}

impl<'a> Event<'a> {
    pub(super) fn read(raw: Raw<'a>) -> Self {
        let [output_index, item_id, content, summary, delta] = raw.pick([
            "output_index",
            "item_id",
            "content_index",
            "summary_index",
            "delta",
        ]);
        Self {
            raw,
            output_index: output_index.and_then(Raw::count),
            item_id,
            index: content.or(summary).and_then(Raw::count),
            delta,
        }
    }

    /// The text of a member; empty if it is none.
    pub(super) fn text(&self, name: &str) -> Cow<'a, str> {
        let value = self.raw.member(name);
        value.and_then(Raw::text).unwrap_or_default()
    }

    pub(super) fn delta(&self) -> Cow<'a, str> {
        self.delta.and_then(Raw::text).unwrap_or_default()
    }
}
