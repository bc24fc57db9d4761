//! What is carried along for the way back to this dialect.
//!
//! Members without a field in the canonical form become extras of the nearest canonical object. Those of an inner
//! object are named by their path from there, such as `generationConfig.speechConfig`, so that a
//! loss names them rightly. Notes ([`NOTE_MARK`]) remember how something was written; they bear
//! the name of the dialect, since other codecs leave notes of their own.

use super::name::Field;
use crate::RawJson;
use crate::canonical::{Extras, NOTE_MARK};
use crate::json::ObjectWriter;

/// The id of a call or result: `null` if none was given, else what stood there.
pub(super) const ID: &str = "#gemini.id";
/// The name of the function that a result is of.
pub(super) const NAME: &str = "#gemini.name";
/// The role of a content: `null` if none was given, or the older `function`.
pub(super) const ROLE: &str = "#gemini.role";
/// The `parameters` of a function, a schema as in `OpenAPI`.
pub(super) const PARAMETERS: &str = "#gemini.parameters";
/// The `responseSchema` of a request, a schema as in `OpenAPI`.
pub(super) const RESPONSE_SCHEMA: &str = "#gemini.responseSchema";
/// The `responseMimeType` of a request that says nothing, or `null` if a schema stands without one.
pub(super) const MIME_TYPE: &str = "#gemini.responseMimeType";
/// The `finishReason`, where several mean the same.
pub(super) const FINISH: &str = "#gemini.finishReason";
/// The `usageMetadata` with its details by modality.
pub(super) const USAGE: &str = "#gemini.usageMetadata";
/// The `logprobsResult` with its token ids and sum.
pub(super) const LOGPROBS: &str = "#gemini.logprobsResult";
/// The `createTime` with its fraction.
pub(super) const CREATED: &str = "#gemini.createTime";
/// Mark of an answer that was blocked before any candidate was begun.
pub(super) const BLOCKED: &str = "#gemini.blocked";

/// Notes a value.
pub(super) fn note(extras: &mut Extras, name: &str, value: RawJson) {
    extras.push((name.to_owned(), value));
}

/// Notes that something was not there.
pub(super) fn note_absence(extras: &mut Extras, name: &str) {
    note(extras, name, RawJson::of_written("null".into()));
}

/// What was noted.
pub(super) fn noted<'e>(extras: &'e Extras, name: &str) -> Option<&'e RawJson> {
    let mut notes = extras.iter().filter(|(noted, _)| noted == name);
    notes.next_back().map(|(_, value)| value)
}

/// Keeps a member of the inner object `within`; of the object itself if that is empty.
pub(super) fn keep(extras: &mut Extras, within: &str, field: &Field<'_>) {
    let name = match within {
        "" => field.written.clone().into_owned(),
        _ => format!("{within}.{}", field.written),
    };
    extras.push((name, field.value.into()));
}

/// Writes the members that were kept of the inner object `within`.
pub(super) fn write(object: &mut ObjectWriter<'_>, within: &str, extras: &Extras) {
    for (name, value) in extras {
        if let Some(name) = of_object(within, name) {
            object.raw(name, value.as_str());
        }
    }
}

/// Whether there is anything for [`write()`] to write.
pub(super) fn any(within: &str, extras: &Extras) -> bool {
    extras
        .iter()
        .any(|(name, _)| of_object(within, name).is_some())
}

fn of_object<'n>(within: &str, name: &'n str) -> Option<&'n str> {
    let rest = match within {
        "" => name,
        _ => name.strip_prefix(within)?.strip_prefix('.')?,
    };
    (!rest.contains('.') && !rest.starts_with(NOTE_MARK)).then_some(rest)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::Writer;

    #[test]
    fn kept_members_return_to_their_objects() {
        let one = || RawJson::of_written("1".into());
        let extras: Extras = ["a", "in.b", "in.deep.c", "#note"]
            .map(|name| (name.to_owned(), one()))
            .into();
        let written = |within| Writer::object(|object| write(object, within, &extras));
        assert_eq!(written(""), r#"{"a":1}"#);
        assert_eq!(written("in"), r#"{"b":1}"#);
        assert_eq!(written("in.deep"), r#"{"c":1}"#);
        assert!(any("in", &extras) && !any("out", &extras));
        assert!(noted(&extras, "#note").is_some());
    }
}
