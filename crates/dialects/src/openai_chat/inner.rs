//! Unknown members of objects within objects.
//!
//! The canonical form keeps extras per part, tool or request, while Chat nests: `image_url.detail`, `function.name`.
//! What is unknown in an inner object is kept under its dotted name, which is at once the path
//! that a loss names. Beside them stand notes of how a client wrote what can be written in several ways.

use crate::RawJson;
use crate::canonical::{Extras, NOTE_MARK};
use crate::json::{ObjectWriter, Raw};

/// Keeps a member of the inner object `object`.
pub(super) fn keep(extras: &mut Extras, object: &str, name: &str, value: Raw<'_>) {
    extras.push((format!("{object}.{name}"), value.into()));
}

/// The members that were kept from the inner object `object`, under their own names.
fn of<'a>(extras: &'a Extras, object: &str) -> impl Iterator<Item = (&'a str, &'a RawJson)> {
    extras.iter().filter_map(move |(name, value)| {
        let name = name.strip_prefix(object)?.strip_prefix('.')?;
        Some((name, value))
    })
}

/// Writes the members of the inner object `object` back.
pub(super) fn write(writer: &mut ObjectWriter<'_>, extras: &Extras, object: &str) {
    for (name, value) in of(extras, object) {
        writer.raw(name, value.as_str());
    }
}

/// Whether anything was kept from the inner object `object`.
pub(super) fn any(extras: &Extras, object: &str) -> bool {
    of(extras, object).next().is_some()
}

/// Notes how the client wrote `name`.
pub(super) fn note(extras: &mut Extras, name: &str, value: Raw<'_>) {
    extras.push((format!("{NOTE_MARK}{name}"), value.into()));
}

/// What was noted of `name`.
pub(super) fn noted<'a>(extras: &'a Extras, name: &str) -> Option<&'a RawJson> {
    let is_it = |found: &str| found.strip_prefix(NOTE_MARK) == Some(name);
    extras
        .iter()
        .find(|(found, _)| is_it(found))
        .map(|(_, value)| value)
}

/// Writes the members that stood in no inner object of `objects`.
pub(super) fn write_outer(writer: &mut ObjectWriter<'_>, extras: &Extras, objects: &[&str]) {
    for (name, value) in extras {
        let inner = name
            .split_once('.')
            .is_some_and(|(object, _)| objects.contains(&object));
        if !inner && !name.starts_with(NOTE_MARK) {
            writer.raw(name, value.as_str());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::Writer;

    #[test]
    fn inner_members_return_to_their_object() {
        let raw = RawJson::parse("1").expect("a number");
        let mut extras = vec![
            ("outer".to_owned(), raw.clone()),
            ("a.b".to_owned(), raw.clone()),
        ];
        keep(&mut extras, "image_url", "format", raw.raw());
        note(&mut extras, "stop", raw.raw());
        let text = Writer::object(|object| {
            object.object("image_url", |inner| write(inner, &extras, "image_url"));
            write_outer(object, &extras, &["image_url"]);
        });
        assert_eq!(text, r#"{"image_url":{"format":1},"outer":1,"a.b":1}"#);
        assert!(any(&extras, "image_url") && !any(&extras, "file"));
        assert_eq!(noted(&extras, "stop"), Some(&raw));
        assert_eq!(noted(&extras, "outer"), None);
    }
}
