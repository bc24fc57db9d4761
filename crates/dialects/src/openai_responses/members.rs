//! Members of objects, as requests must have them.

use crate::canonical::Extras;
use crate::json::{Invalid, Locate, Raw};

/// A string that must be there.
pub(super) fn need(value: Option<Raw<'_>>, name: &str) -> Result<String, Invalid> {
    value
        .ok_or_else(|| Invalid::here("is missing; add it as a string"))
        .and_then(Raw::want_string)
        .at(name)
}

/// A string that may be there.
pub(super) fn maybe(value: Option<Raw<'_>>, name: &str) -> Result<Option<String>, Invalid> {
    value.map(Raw::want_string).transpose().at(name)
}

/// All members but these.
pub(super) fn others(object: Raw<'_>, known: &[&str]) -> Extras {
    object
        .members()
        .filter(|(name, _)| !known.contains(&&**name))
        .map(|(name, value)| (name.into_owned(), value.into()))
        .collect()
}
