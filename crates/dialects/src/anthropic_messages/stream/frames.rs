//! Server-sent events as Anthropic writes them: the name of the event is the `type` of its data.

use crate::json::{ObjectWriter, Writer};

/// Adds an event whose data has this `type` and what `fill` writes.
pub(super) fn send(out: &mut String, kind: &str, fill: impl FnOnce(&mut ObjectWriter<'_>)) {
    begin(out, kind);
    let start = out.len();
    Writer::append_object(out, |object| {
        object.text("type", kind);
        fill(object);
    });
    end(out, start);
}

/// Adds an event whose data is written already.
pub(super) fn send_written(out: &mut String, kind: &str, data: &str) {
    begin(out, kind);
    let start = out.len();
    out.push_str(data);
    end(out, start);
}

fn begin(out: &mut String, kind: &str) {
    out.push_str("event: ");
    out.push_str(kind);
    out.push_str("\ndata: ");
}

/// What was carried along verbatim may hold line breaks, which would end the field. Between the values of JSON any
/// whitespace is as good as another, and within strings they are escaped.
fn end(out: &mut String, start: usize) {
    let data = out.get(start..).unwrap_or_default();
    if memchr::memchr2(b'\n', b'\r', data.as_bytes()).is_some() {
        let data = data.replace(['\n', '\r'], " ");
        out.truncate(start);
        out.push_str(&data);
    }
    out.push_str("\n\n");
}

/// Adds `content_block_start`.
pub(super) fn block_start(out: &mut String, index: u32, fill: impl FnOnce(&mut ObjectWriter<'_>)) {
    send(out, "content_block_start", |object| {
        object.count("index", index.into());
        object.object("content_block", fill);
    });
}

/// Adds `content_block_delta`.
pub(super) fn block_delta(
    out: &mut String,
    index: u32,
    kind: &str,
    fill: impl FnOnce(&mut ObjectWriter<'_>),
) {
    send(out, "content_block_delta", |object| {
        object.count("index", index.into());
        object.object("delta", |delta| {
            delta.text("type", kind);
            fill(delta);
        });
    });
}

/// Adds `content_block_stop`.
pub(super) fn block_stop(out: &mut String, index: u32) {
    send(out, "content_block_stop", |object| {
        object.count("index", index.into());
    });
}
