//! Hides how long a secret is.

use zeroize::Zeroizing;

use super::FormatError;

const SMALLEST: usize = 64;
const LENGTH_BYTES: usize = 4;

/// The length, the bytes, and zeros up to 64, 128, 256, … bytes in all.
pub(crate) fn pad(plain: &[u8]) -> Zeroizing<Vec<u8>> {
    let length = u32::try_from(plain.len()).unwrap_or(u32::MAX);
    let mut padded = Zeroizing::new(Vec::with_capacity(padded_length(plain.len())));
    padded.extend_from_slice(&length.to_be_bytes());
    padded.extend_from_slice(plain);
    padded.resize(padded_length(plain.len()), 0);
    padded
}

/// What was padded, in the same memory. Only what [`pad`] writes is taken.
pub(crate) fn unpad(mut padded: Zeroizing<Vec<u8>>) -> Result<Zeroizing<Vec<u8>>, FormatError> {
    let (length, rest) = padded
        .split_first_chunk::<LENGTH_BYTES>()
        .ok_or(FormatError::Truncated)?;
    let length =
        usize::try_from(u32::from_be_bytes(*length)).map_err(|_| FormatError::Truncated)?;
    let zeros = rest.get(length..).ok_or(FormatError::Truncated)?;
    if padded.len() != padded_length(length) || zeros.iter().any(|byte| *byte != 0) {
        return Err(FormatError::Bounds("padding"));
    }
    padded.copy_within(LENGTH_BYTES..LENGTH_BYTES + length, 0);
    // What lies behind the new end is wiped with the rest: all that was allocated is.
    padded.truncate(length);
    Ok(padded)
}

fn padded_length(length: usize) -> usize {
    let needed = LENGTH_BYTES.saturating_add(length);
    needed
        .checked_next_power_of_two()
        .unwrap_or(needed)
        .max(SMALLEST)
}
