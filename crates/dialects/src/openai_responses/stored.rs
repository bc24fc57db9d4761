//! Turns as text, for conversations that the gateway keeps.

use crate::BodyError;
use crate::canonical::Turn;
use crate::json::{Locate, Raw, Rules};

use super::request;

/// Writes turns of a Responses conversation as a list of items, as a client would send them with `input`.
#[must_use]
pub fn write_items(turns: &[Turn]) -> String {
    request::items(turns)
}

/// Reads what [`write_items`] wrote.
///
/// # Errors
/// [`BodyError`] if it is something else.
pub fn read_items(items: &str) -> Result<Vec<Turn>, BodyError> {
    let value = Raw::parse(items, Rules::ANSWER)
        .map_err(|syntax| BodyError::at(items, syntax, Rules::DEEPEST))?;
    Ok(request::input(value).at("input")?)
}
