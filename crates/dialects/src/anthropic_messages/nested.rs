//! Members of option objects that the canonical form has no field for.
//!
//! They are extras of the object around, under a dotted name: what else stands in `thinking` is the extra
//! `thinking.block_binding` of the request. So they return to where they stood, and a foreign target
//! loses them under the path that the client knows.

use crate::RawJson;
use crate::canonical::Extras;
use crate::json::{ObjectWriter, Raw};

/// Keeps the members of the object `name` that are not among the `known` ones.
pub(super) fn keep(extras: &mut Extras, name: &str, object: Raw<'_>, known: &[&str]) {
    for (member, value) in object.members() {
        if !known.contains(&&*member) {
            keep_one(extras, name, &member, value);
        }
    }
}

/// Keeps one member of the object `name`.
pub(super) fn keep_one(extras: &mut Extras, name: &str, member: &str, value: Raw<'_>) {
    extras.push((format!("{name}.{member}"), value.into()));
}

/// Writes the members that were kept of the object `name`.
pub(super) fn restore(object: &mut ObjectWriter<'_>, name: &str, extras: &[(String, RawJson)]) {
    for (member, value) in of(name, extras) {
        object.raw(member, value.as_str());
    }
}

/// Whether any members of the object `name` were kept.
pub(super) fn any(name: &str, extras: &[(String, RawJson)]) -> bool {
    of(name, extras).next().is_some()
}

/// Writes the extras that are members of the object itself.
pub(super) fn restore_plain(object: &mut ObjectWriter<'_>, extras: &[(String, RawJson)]) {
    for (name, value) in extras.iter().filter(|(name, _)| !name.contains('.')) {
        object.raw(name, value.as_str());
    }
}

fn of<'a>(
    object: &str,
    extras: &'a [(String, RawJson)],
) -> impl Iterator<Item = (&'a str, &'a RawJson)> {
    extras.iter().filter_map(move |(name, value)| {
        let member = name.strip_prefix(object)?.strip_prefix('.')?;
        (!member.contains('.')).then_some((member, value))
    })
}
