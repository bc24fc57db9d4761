//! Hides how long a secret is.

use zeroize::Zeroizing;

use super::FormatError;

const SMALLEST: usize = 64;
const LENGTH_BYTES: usize = 4;

/// The length, the bytes, and zeros up to 64, 128, 256, … bytes in all.
pub(crate) fn pad(plain: &[u8]) -> Zeroizing<Vec<u8>> {
    let needed = LENGTH_BYTES + plain.len();
    let mut padded = Zeroizing::new(Vec::with_capacity(needed.next_power_of_two().max(SMALLEST)));
    let length = u32::try_from(plain.len()).unwrap_or(u32::MAX);
    padded.extend_from_slice(&length.to_be_bytes());
    padded.extend_from_slice(plain);
    padded.resize(needed.next_power_of_two().max(SMALLEST), 0);
    padded
}

/// What was padded.
pub(crate) fn unpad(padded: &[u8]) -> Result<&[u8], FormatError> {
    let (length, rest) = padded
        .split_first_chunk::<LENGTH_BYTES>()
        .ok_or(FormatError::Truncated)?;
    let length =
        usize::try_from(u32::from_be_bytes(*length)).map_err(|_| FormatError::Truncated)?;
    rest.get(..length).ok_or(FormatError::Truncated)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_fall_into_few_classes() {
        for (length, padded) in [
            (0, 64),
            (1, 64),
            (60, 64),
            (61, 128),
            (124, 128),
            (125, 256),
            (4000, 4096),
        ] {
            let plain = vec![7; length];
            let whole = pad(&plain);
            assert_eq!(whole.len(), padded, "{length}");
            assert_eq!(unpad(&whole).unwrap(), plain);
        }
    }
}
