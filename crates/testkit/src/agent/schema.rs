//! The rules for schemas that an answer must fit.

use super::spot::{Refusal, Spot};

/// A schema of which OpenAI and Anthropic guarantee the fit: each object in it names all its
/// properties and allows no others.
pub(crate) fn closed(at: &Spot<'_>) -> Result<(), Refusal> {
    at.object()?;
    let is_object = at.value["type"] == "object";
    if is_object {
        at.must(
            at.value["additionalProperties"] == false,
            "additionalProperties must be false",
        )?;
    }
    if let Some(properties) = at.get("properties") {
        for name in properties.object()?.keys() {
            closed(&properties.want(name)?)?;
        }
    }
    for name in ["items", "$defs"] {
        if let Some(inner) = at.get(name) {
            inner.object()?;
        }
    }
    Ok(())
}

/// The schema of a tool's arguments: an object's.
pub(crate) fn arguments(at: &Spot<'_>) -> Result<(), Refusal> {
    at.object()?;
    at.must(at.value["type"] == "object", "type must be \"object\"")
}
