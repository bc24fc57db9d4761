//! A vector from one form to the other.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::json::{JsonKind, Raw};
use crate::media;

/// A list of numbers as base64; on failure says what is wrong with it.
pub(super) fn to_base64(list: Raw<'_>) -> Result<String, &'static str> {
    // Most numbers take some ten digits and a comma.
    let mut bytes = Vec::with_capacity(list.json().len() / 11 * size_of::<f32>());
    for item in list.items() {
        if item.kind() != Some(JsonKind::Number) {
            return Err("is a list of other things than numbers");
        }
        // Read as a 32-bit float at once: by way of a 64-bit one it would be rounded twice.
        let number: Option<f32> = item.json().parse().ok();
        let finite = number.filter(|number| number.is_finite());
        bytes.extend(
            finite
                .ok_or("holds a number that no 32-bit float can hold")?
                .to_le_bytes(),
        );
    }
    Ok(STANDARD.encode(bytes))
}

/// Base64 as a list of numbers, each with the fewest digits that tell it; on failure says what is wrong with it.
pub(super) fn to_list(base64: &str) -> Result<String, &'static str> {
    let bytes = media::LENIENT
        .decode(base64)
        .map_err(|_| "is neither a list nor valid base64")?;
    let (floats, rest) = bytes.as_chunks();
    if !rest.is_empty() {
        return Err("is base64 of half a 32-bit float");
    }
    let mut list = String::with_capacity(floats.len() * 12 + 2);
    for bytes in floats {
        let number = f32::from_le_bytes(*bytes);
        if !number.is_finite() {
            return Err("holds a number that JSON cannot write");
        }
        list.push(if list.is_empty() { '[' } else { ',' });
        // The debug form is the shorter one for tiny numbers: 1e-7, which is JSON too.
        let _ = write!(list, "{number:?}");
    }
    list.push_str(if list.is_empty() { "[]" } else { "]" });
    Ok(list)
}
