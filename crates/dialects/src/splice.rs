//! Changes a few top-level members of a body and leaves every other byte as it was.
//!
//! Providers key their prompt caches on the bytes they receive, so a body is never written anew
//! only because its model has another name upstream.

use std::borrow::Cow;

use crate::json::{Raw, Writer};
use crate::{Head, json_string};

/// Edits of a scanned body, applied by [`Splice::finish`].
#[derive(Clone, Debug)]
pub struct Splice<'a> {
    body: &'a [u8],
    head: &'a Head,
    edits: Vec<Edit<'a>>,
}

#[derive(Clone, Debug)]
struct Edit<'a> {
    name: &'a str,
    /// JSON text, or `None` to remove the member.
    value: Option<Cow<'a, str>>,
}

impl<'a> Splice<'a> {
    /// No edits yet. `head` is the head that was scanned from this very `body`.
    ///
    /// # Panics
    /// If the body has another length than the one that was scanned.
    #[must_use]
    pub fn new(body: &'a [u8], head: &'a Head) -> Self {
        assert_eq!(
            body.len(),
            head.body_length(),
            "the head belongs to another body"
        );
        Self {
            body,
            head,
            edits: Vec::new(),
        }
    }

    /// Gives `name` the value `json`, which is one valid JSON value such as [`json_string`]
    /// writes. A member that is there keeps its place, a new one is appended.
    #[must_use]
    pub fn set(self, name: &'a str, json: impl Into<Cow<'a, str>>) -> Self {
        self.edit(name, Some(json.into()))
    }

    /// Gives the member `inner` of the top-level object `name` the value `json`. The object's other members
    /// stay; it is made if there is none.
    #[must_use]
    pub fn set_within(self, name: &'a str, inner: &str, json: &str) -> Self {
        let there = self.head.member(name).map(|member| member.value.clone());
        let there = there.and_then(|span| std::str::from_utf8(self.body.get(span)?).ok());
        let object = Writer::object(|object| {
            for (member, value) in there
                .map(Raw::of_validated)
                .into_iter()
                .flat_map(Raw::members)
            {
                if member != inner {
                    object.raw(&member, value.json());
                }
            }
            object.raw(inner, json);
        });
        self.set(name, object)
    }

    /// Takes `name` away with its comma, if it is there.
    #[must_use]
    pub fn remove(self, name: &'a str) -> Self {
        self.edit(name, None)
    }

    /// The edited body.
    #[must_use]
    pub fn finish(&self) -> Vec<u8> {
        let mut pieces = Pieces::new(self.body);
        let mut kept = false;
        let mut previous_end = None;
        let mut members = self.head.members().peekable();
        while let Some((name, member)) = members.next() {
            let next_start = members.peek().map(|(_, next)| next.key.start);
            match self.edits.iter().find(|edit| edit.name == name) {
                None => kept = true,
                Some(Edit {
                    value: Some(json), ..
                }) => {
                    pieces.copy_to(member.value.start);
                    pieces.insert(json.as_bytes());
                    pieces.skip_to(member.value.end);
                    kept = true;
                }
                // The comma before it goes with it, or the one behind it if nothing stays before.
                Some(Edit { value: None, .. }) => {
                    let before = previous_end.filter(|_| kept);
                    pieces.copy_to(before.unwrap_or(member.key.start));
                    pieces.skip_to(match before {
                        Some(_) => member.value.end,
                        None => next_start.unwrap_or(member.value.end),
                    });
                }
            }
            previous_end = Some(member.value.end);
        }
        pieces.copy_to(previous_end.unwrap_or_else(|| self.head.close()));
        self.append_new(&mut pieces, kept);
        pieces.finish()
    }

    fn edit(mut self, name: &'a str, value: Option<Cow<'a, str>>) -> Self {
        self.edits.retain(|edit| edit.name != name);
        self.edits.push(Edit { name, value });
        self
    }

    fn append_new<'s>(&'s self, pieces: &mut Pieces<'s>, mut comma: bool) {
        for edit in &self.edits {
            if let Some(json) = &edit.value
                && self.head.member(edit.name).is_none()
            {
                let start = if comma { "," } else { "" };
                let key = format!("{start}{}:", json_string(edit.name));
                pieces.insert(key.into_bytes());
                pieces.insert(json.as_bytes());
                comma = true;
            }
        }
    }
}

/// The parts of the new body, joined once at the end.
struct Pieces<'a> {
    body: &'a [u8],
    /// How much of the body is copied or skipped.
    done: usize,
    parts: Vec<Cow<'a, [u8]>>,
}

impl<'a> Pieces<'a> {
    const fn new(body: &'a [u8]) -> Self {
        Self {
            body,
            done: 0,
            parts: Vec::new(),
        }
    }

    fn copy_to(&mut self, end: usize) {
        if let Some(part) = self.body.get(self.done..end) {
            self.parts.push(part.into());
            self.done = end;
        }
    }

    fn skip_to(&mut self, end: usize) {
        self.done = self.done.max(end);
    }

    fn insert(&mut self, part: impl Into<Cow<'a, [u8]>>) {
        self.parts.push(part.into());
    }

    /// Allocates the exact size.
    fn finish(mut self) -> Vec<u8> {
        self.copy_to(self.body.len());
        self.parts.concat()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Endpoint, HeadLimits};

    /// Edits are written `name=json` to set and `name` to remove.
    #[track_caller]
    fn check(body: &str, edits: &[&str], expected: &str) {
        let limits = HeadLimits::default();
        let head = Head::scan(Endpoint::Responses, body.as_bytes(), &limits).expect("a body");
        let mut splice = Splice::new(body.as_bytes(), &head);
        for edit in edits {
            splice = match edit.split_once('=') {
                Some((name, json)) => splice.set(name, json),
                None => splice.remove(edit),
            };
        }
        let edited = splice.finish();
        assert_eq!(
            edited.capacity(),
            edited.len(),
            "one allocation of the exact size"
        );
        assert_eq!(String::from_utf8_lossy(&edited), expected, "{edits:?}");
    }

    const BODY: &str = r#" { "a" : 1 , "model":"m","b": [ ] } "#;

    #[test]
    fn sets_in_place_or_at_the_end() {
        check(BODY, &[], BODY);
        check(
            BODY,
            &["model=\"x\""],
            r#" { "a" : 1 , "model":"x","b": [ ] } "#,
        );
        check(
            BODY,
            &["c=2", "d=3"],
            r#" { "a" : 1 , "model":"m","b": [ ],"c":2,"d":3 } "#,
        );
        check(
            BODY,
            &["a=2", "a=3", "e\"=4"],
            r#" { "a" : 3 , "model":"m","b": [ ],"e\"":4 } "#,
        );
    }

    #[test]
    fn removes_with_one_comma() {
        check(BODY, &["a"], r#" { "model":"m","b": [ ] } "#);
        check(BODY, &["model"], r#" { "a" : 1,"b": [ ] } "#);
        check(BODY, &["b"], r#" { "a" : 1 , "model":"m" } "#);
        check(BODY, &["a", "model"], r#" { "b": [ ] } "#);
        check(BODY, &["model", "b"], r#" { "a" : 1 } "#);
        check(BODY, &["a", "b"], r#" { "model":"m" } "#);
        check(BODY, &["a", "b", "model"], " {  } ");
        check(BODY, &["nothing"], BODY);
    }

    #[test]
    fn mixes_edits() {
        check(
            BODY,
            &["a", "b", "model", "c=1", "d=2"],
            r#" { "c":1,"d":2 } "#,
        );
        check(BODY, &["b", "b=7"], r#" { "a" : 1 , "model":"m","b": 7 } "#);
        check(BODY, &["b=7", "b"], r#" { "a" : 1 , "model":"m" } "#);
        check(
            BODY,
            &["model=0", "a", "z=9"],
            r#" { "model":0,"b": [ ],"z":9 } "#,
        );
    }

    #[test]
    fn sets_within_an_object() {
        for (body, expected) in [
            (r#"{"model":"m"}"#, r#"{"model":"m","o":{"i":true}}"#),
            (
                r#"{"o": null ,"model":"m"}"#,
                r#"{"o": {"i":true} ,"model":"m"}"#,
            ),
            (
                r#"{ "model":"m","o": {"a": [1, 2], "i":false,"n":null} }"#,
                r#"{ "model":"m","o": {"a":[1, 2],"i":true} }"#,
            ),
        ] {
            let limits = HeadLimits::default();
            let head = Head::scan(Endpoint::Responses, body.as_bytes(), &limits).expect("a body");
            let splice = Splice::new(body.as_bytes(), &head).set_within("o", "i", "true");
            assert_eq!(String::from_utf8_lossy(&splice.finish()), expected);
        }
    }

    #[test]
    #[should_panic(expected = "another body")]
    fn refuses_another_body() {
        let body = br#"{"model":"m"}"#;
        let head = Head::scan(Endpoint::Responses, body, &HeadLimits::default()).expect("a body");
        let _ = Splice::new(b"{}", &head);
    }
}
