//! Writes blocks that were planned.

use std::borrow::Cow;

use crate::RawJson;
use crate::canonical::{Citation, Place};
use crate::json::{ListWriter, ObjectWriter};

use super::super::super::nested;
use super::context::Mark;

/// A content block in Anthropic's terms.
pub(super) struct Block<'a> {
    pub(super) body: Body<'a>,
    pub(super) mark: Option<Mark<'a>>,
    pub(super) extras: &'a [(String, RawJson)],
}

/// The kinds of blocks.
pub(super) enum Body<'a> {
    Text {
        text: Cow<'a, str>,
        citations: &'a [Citation],
    },
    Image(Source<'a>),
    Document {
        source: Source<'a>,
        title: Option<&'a str>,
    },
    ToolUse {
        id: Cow<'a, str>,
        name: Cow<'a, str>,
        input: Cow<'a, str>,
    },
    ToolResult {
        id: Cow<'a, str>,
        content: Content<'a>,
        is_error: bool,
        at: [Place; 2],
    },
    Thinking {
        thinking: Cow<'a, str>,
        signature: &'a str,
    },
    RedactedThinking(&'a str),
    Raw(&'a RawJson),
}

/// Where the bytes of a picture or document are.
pub(super) enum Source<'a> {
    Base64 {
        media_type: Cow<'a, str>,
        data: &'a str,
    },
    Text(Cow<'a, str>),
    Url(&'a str),
    File(&'a str),
}

/// What a message or a result holds: a text as the client wrote it, or blocks.
pub(super) enum Content<'a> {
    Text(&'a str),
    Blocks(Vec<Block<'a>>),
}

impl<'a> Body<'a> {
    /// A text of our own.
    pub(super) fn text(text: impl Into<Cow<'a, str>>) -> Self {
        Self::Text {
            text: text.into(),
            citations: &[],
        }
    }
}

impl<'a> From<Body<'a>> for Block<'a> {
    fn from(body: Body<'a>) -> Self {
        Self {
            body,
            mark: None,
            extras: &[],
        }
    }
}

impl Content<'_> {
    pub(super) fn write(&self, object: &mut ObjectWriter<'_>, name: &str) {
        match self {
            Self::Text(text) => object.text(name, text),
            Self::Blocks(blocks) => object.list(name, |list| {
                blocks.iter().for_each(|block| block.write(list));
            }),
        }
    }
}

impl Block<'_> {
    fn write(&self, list: &mut ListWriter<'_>) {
        if let Body::Raw(raw) = self.body {
            return list.raw(raw.as_str());
        }
        list.object(|object| {
            self.write_body(object);
            mark(object, self.mark);
            nested::restore_plain(object, self.extras);
        });
    }

    fn write_body(&self, object: &mut ObjectWriter<'_>) {
        match &self.body {
            Body::Text { text, citations } => {
                object.text("type", "text");
                object.text("text", text);
                write_citations(object, citations);
            }
            Body::Image(source) => {
                object.text("type", "image");
                source.write(object, self.extras);
            }
            Body::Document { source, title } => {
                object.text("type", "document");
                source.write(object, self.extras);
                object.text_if("title", *title);
            }
            Body::ToolUse { id, name, input } => {
                object.text("type", "tool_use");
                object.text("id", id);
                object.text("name", name);
                object.raw("input", input);
            }
            Body::ToolResult {
                id,
                content,
                is_error,
                ..
            } => {
                object.text("type", "tool_result");
                object.text("tool_use_id", id);
                content.write_if_any(object);
                if *is_error {
                    object.flag("is_error", true);
                }
            }
            Body::Thinking {
                thinking,
                signature,
            } => {
                object.text("type", "thinking");
                object.text("thinking", thinking);
                object.text("signature", signature);
            }
            Body::RedactedThinking(data) => {
                object.text("type", "redacted_thinking");
                object.text("data", data);
            }
            Body::Raw(_) => {}
        }
    }
}

impl Content<'_> {
    /// A result may be empty, and then says nothing.
    fn write_if_any(&self, object: &mut ObjectWriter<'_>) {
        match self {
            Self::Blocks(blocks) if blocks.is_empty() => {}
            _ => self.write(object, "content"),
        }
    }
}

fn write_citations(object: &mut ObjectWriter<'_>, citations: &[Citation]) {
    let mut raw = citations
        .iter()
        .filter_map(|citation| citation.raw.as_ref())
        .peekable();
    if raw.peek().is_some() {
        object.list("citations", |list| {
            raw.for_each(|citation| list.raw(citation.as_str()));
        });
    }
}

impl Source<'_> {
    fn write(&self, object: &mut ObjectWriter<'_>, extras: &[(String, RawJson)]) {
        object.object("source", |source| {
            match self {
                Self::Base64 { media_type, data } => {
                    source.text("type", "base64");
                    source.text("media_type", media_type);
                    source.text("data", data);
                }
                Self::Text(text) => {
                    source.text("type", "text");
                    source.text("media_type", "text/plain");
                    source.text("data", text);
                }
                Self::Url(url) => {
                    source.text("type", "url");
                    source.text("url", url);
                }
                Self::File(id) => {
                    source.text("type", "file");
                    source.text("file_id", id);
                }
            }
            nested::restore(source, "source", extras);
        });
    }
}

/// Writes `cache_control`, if there is a mark.
pub(super) fn mark(object: &mut ObjectWriter<'_>, mark: Option<Mark<'_>>) {
    if let Some(mark) = mark {
        object.object("cache_control", |object| {
            object.text("type", "ephemeral");
            object.text_if("ttl", mark.ttl);
        });
    }
}
