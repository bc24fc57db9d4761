//! Writes JSON text, member by member, without a tree.

use std::fmt::Write as _;

use super::text::{push_escaped, push_json_string};
use crate::RawJson;

/// A JSON text that grows.
#[derive(Debug, Default)]
pub(crate) struct Writer {
    text: String,
}

/// An object that is being written.
#[derive(Debug)]
pub(crate) struct ObjectWriter<'w> {
    writer: &'w mut Writer,
    fresh: bool,
}

/// A list that is being written.
#[derive(Debug)]
pub(crate) struct ListWriter<'w> {
    writer: &'w mut Writer,
    fresh: bool,
}

impl Writer {
    /// The text of an object, with `fill` writing its members.
    pub(crate) fn object(fill: impl FnOnce(&mut ObjectWriter<'_>)) -> String {
        let mut writer = Self::default();
        writer.write_object(fill);
        writer.text
    }

    /// The text of a list, with `fill` writing its items.
    pub(crate) fn list(fill: impl FnOnce(&mut ListWriter<'_>)) -> String {
        let mut writer = Self::default();
        writer.write_list(fill);
        writer.text
    }

    /// A list of these JSON values.
    pub(crate) fn list_of<'a>(items: impl Iterator<Item = &'a str>) -> RawJson {
        RawJson::of_written(Self::list(|list| items.for_each(|item| list.raw(item))))
    }

    /// Adds an object behind `buffer`, for streams that write many into one.
    ///
    /// It stands on one line: what was carried along may hold line breaks, which would end a field of a
    /// server-sent event. Between values any whitespace is as good as another, within strings they are escaped.
    pub(crate) fn append_object(buffer: &mut String, fill: impl FnOnce(&mut ObjectWriter<'_>)) {
        let start = buffer.len();
        let mut writer = Self {
            text: std::mem::take(buffer),
        };
        writer.write_object(fill);
        *buffer = writer.text;
        let written = buffer.get(start..).unwrap_or_default();
        if memchr::memchr2(b'\n', b'\r', written.as_bytes()).is_some() {
            let written = buffer.split_off(start);
            buffer.push_str(&written.replace(['\n', '\r'], " "));
        }
    }

    fn write_object(&mut self, fill: impl FnOnce(&mut ObjectWriter<'_>)) {
        self.text.push('{');
        fill(&mut ObjectWriter {
            writer: self,
            fresh: true,
        });
        self.text.push('}');
    }

    fn write_list(&mut self, fill: impl FnOnce(&mut ListWriter<'_>)) {
        self.text.push('[');
        fill(&mut ListWriter {
            writer: self,
            fresh: true,
        });
        self.text.push(']');
    }

    fn number(&mut self, number: f64) {
        // Whole numbers are written as such: some servers refuse `1.0` for a count, none refuses `1`.
        const EXACT: f64 = 9_007_199_254_740_992.0;
        let _ = if !number.is_finite() {
            self.text.write_str("null")
        } else if number.fract() == 0.0 && number.abs() < EXACT {
            write!(self.text, "{number:.0}")
        } else {
            write!(self.text, "{number}")
        };
    }
}

impl ObjectWriter<'_> {
    fn key(&mut self, name: &str) -> &mut Writer {
        if !std::mem::take(&mut self.fresh) {
            self.writer.text.push(',');
        }
        push_json_string(&mut self.writer.text, name);
        self.writer.text.push(':');
        self.writer
    }

    /// A string.
    pub(crate) fn text(&mut self, name: &str, value: &str) {
        let writer = self.key(name);
        push_json_string(&mut writer.text, value);
    }

    /// A string that these pieces make up.
    pub(crate) fn text_of(&mut self, name: &str, pieces: &[&str]) {
        let json = &mut self.key(name).text;
        json.push('"');
        pieces.iter().for_each(|piece| push_escaped(json, piece));
        json.push('"');
    }

    /// A string, if there is one.
    pub(crate) fn text_if(&mut self, name: &str, value: Option<&str>) {
        if let Some(value) = value {
            self.text(name, value);
        }
    }

    /// A string or `null`.
    pub(crate) fn text_or_null(&mut self, name: &str, value: Option<&str>) {
        match value {
            Some(value) => self.text(name, value),
            None => self.null(name),
        }
    }

    /// A whole number.
    pub(crate) fn count(&mut self, name: &str, value: u64) {
        let _ = write!(self.key(name).text, "{value}");
    }

    /// A whole number, if there is one.
    pub(crate) fn count_if(&mut self, name: &str, value: Option<u64>) {
        if let Some(value) = value {
            self.count(name, value);
        }
    }

    /// A whole number that may be negative, if there is one.
    pub(crate) fn integer_if(&mut self, name: &str, value: Option<i64>) {
        if let Some(value) = value {
            let _ = write!(self.key(name).text, "{value}");
        }
    }

    /// A number, if there is one.
    pub(crate) fn number_if(&mut self, name: &str, value: Option<f64>) {
        if let Some(value) = value {
            self.key(name).number(value);
        }
    }

    /// A boolean.
    pub(crate) fn flag(&mut self, name: &str, value: bool) {
        self.key(name)
            .text
            .push_str(if value { "true" } else { "false" });
    }

    /// A boolean, if there is one.
    pub(crate) fn flag_if(&mut self, name: &str, value: Option<bool>) {
        if let Some(value) = value {
            self.flag(name, value);
        }
    }

    /// `null`.
    pub(crate) fn null(&mut self, name: &str) {
        self.key(name).text.push_str("null");
    }

    /// JSON text that is known to be one valid value.
    pub(crate) fn raw(&mut self, name: &str, json: &str) {
        self.key(name).text.push_str(json);
    }

    /// A JSON value, if there is one.
    pub(crate) fn raw_if(&mut self, name: &str, json: Option<&RawJson>) {
        if let Some(json) = json {
            self.raw(name, json.as_str());
        }
    }

    /// Members that were carried along.
    pub(crate) fn extras(&mut self, extras: &[(String, RawJson)]) {
        for (name, value) in extras {
            self.raw(name, value.as_str());
        }
    }

    /// An object.
    pub(crate) fn object(&mut self, name: &str, fill: impl FnOnce(&mut ObjectWriter<'_>)) {
        self.key(name).write_object(fill);
    }

    /// A list.
    pub(crate) fn list(&mut self, name: &str, fill: impl FnOnce(&mut ListWriter<'_>)) {
        self.key(name).write_list(fill);
    }
}

impl ListWriter<'_> {
    fn next(&mut self) -> &mut Writer {
        if !std::mem::take(&mut self.fresh) {
            self.writer.text.push(',');
        }
        self.writer
    }

    /// Whether nothing has been written yet.
    pub(crate) const fn is_empty(&self) -> bool {
        self.fresh
    }

    /// A string.
    pub(crate) fn text(&mut self, value: &str) {
        let writer = self.next();
        push_json_string(&mut writer.text, value);
    }

    /// JSON text that is known to be one valid value.
    pub(crate) fn raw(&mut self, json: &str) {
        self.next().text.push_str(json);
    }

    /// An object.
    pub(crate) fn object(&mut self, fill: impl FnOnce(&mut ObjectWriter<'_>)) {
        self.next().write_object(fill);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_object_of_a_stream_stands_on_one_line() {
        let mut stream = "event: x\ndata: ".to_owned();
        Writer::append_object(&mut stream, |object| {
            object.raw("raw", "{\r\n \"a\" :\n[] }");
            object.text("text", "a\nb");
        });
        assert_eq!(
            stream,
            "event: x\ndata: {\"raw\":{   \"a\" : [] },\"text\":\"a\\nb\"}"
        );
    }

    #[test]
    fn writes_what_serde_reads() {
        let text = Writer::object(|object| {
            object.text("a\"b", "c\nd\u{1}é😀");
            object.text_of("pieces", &["a\"", "", "\nb"]);
            object.list("list", |list| {
                assert!(list.is_empty());
                list.raw("1");
                list.text("two");
                list.object(|_| {});
                assert!(!list.is_empty());
            });
            object.number_if("whole", Some(2.0));
            object.number_if("part", Some(0.7));
            object.number_if("tiny", Some(1e-9));
            object.number_if("huge", Some(1e300));
            object.number_if("none", Some(f64::NAN));
            object.count_if("absent", None);
            object.integer_if("negative", Some(-3));
            object.text_or_null("null", None);
        });
        let value: serde_json::Value = serde_json::from_str(&text).expect("valid JSON");
        assert_eq!(value["a\"b"], "c\nd\u{1}é😀");
        assert_eq!(value["pieces"], "a\"\nb");
        assert_eq!(value["list"], serde_json::json!([1, "two", {}]));
        assert!(
            text.contains(r#""whole":2,"#) && text.contains(r#""part":0.7,"#),
            "{text}"
        );
        assert_eq!(value["tiny"], 1e-9);
        assert_eq!(value["huge"], 1e300);
        assert!(value["none"].is_null() && value["null"].is_null());
        assert_eq!(value["negative"], -3);
    }
}
