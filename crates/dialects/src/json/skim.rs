//! Skims over the inside of strings, where nearly all bytes of a prompt are.

const ONES: u64 = u64::from_le_bytes([1; 8]);
const HIGHS: u64 = u64::from_le_bytes([0x80; 8]);

/// The first index at or after `from` of a byte that means something inside a JSON string: a
/// quote, a backslash or a control character. `text.len()` if there is none.
#[inline]
pub(crate) fn next_special(text: &[u8], from: usize) -> usize {
    // Most keys and values, and most stretches between two escapes, end within these words.
    let mut at = from;
    for _ in 0..4 {
        match special_in_word(text, at) {
            Some(8) => at += 8,
            Some(offset) => return at + offset,
            None => return special_in_tail(text, at),
        }
    }
    far_special(text, at)
}

/// The same for long strings.
#[inline(never)]
fn far_special(text: &[u8], from: usize) -> usize {
    let mut at = from + 32 * plain_blocks(text.get(from..).unwrap_or_default());
    loop {
        match special_in_word(text, at) {
            Some(8) => at += 8,
            Some(offset) => return at + offset,
            None => return special_in_tail(text, at),
        }
    }
}

const fn is_special(byte: u8) -> bool {
    byte < 0x20 || byte == b'"' || byte == b'\\'
}

/// How many blocks of 32 bytes at the start of `text` hold no special byte. The inner loop has no
/// early exit, so the compiler turns it into vector instructions.
fn plain_blocks(text: &[u8]) -> usize {
    let (blocks, _) = text.as_chunks::<32>();
    let plain = |block: &[u8; 32]| {
        !block
            .iter()
            .fold(false, |hit, &byte| hit | is_special(byte))
    };
    blocks.iter().take_while(|block| plain(block)).count()
}

/// The offset of the first special byte among the eight at `at`, 8 if there is none among them,
/// `None` if fewer than eight are left.
#[inline]
fn special_in_word(text: &[u8], at: usize) -> Option<usize> {
    let word = u64::from_le_bytes(*text.get(at..)?.first_chunk::<8>()?);
    let quotes = (word ^ (ONES * u64::from(b'"'))).wrapping_sub(ONES);
    let backslashes = (word ^ (ONES * u64::from(b'\\'))).wrapping_sub(ONES);
    let controls = word.wrapping_sub(ONES * 0x20);
    // Each subtraction raises the top bit of the bytes it looks for; bytes beyond ASCII have it
    // anyway and are masked out. A borrow raises it only above the lowest true hit, and only the
    // lowest is used.
    let hits = (controls | quotes | backslashes) & !word & HIGHS;
    Some(hits.trailing_zeros() as usize / 8)
}

#[inline(never)]
fn special_in_tail(text: &[u8], at: usize) -> usize {
    let tail = text.get(at..).unwrap_or_default();
    at + tail
        .iter()
        .position(|&byte| is_special(byte))
        .unwrap_or(tail.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_every_special_byte_at_every_place() {
        for length in 0..100 {
            for place in 0..length {
                for byte in 0..=255u8 {
                    let mut text = vec![b'a'; length];
                    text[place] = byte;
                    let expected = if is_special(byte) { place } else { length };
                    assert_eq!(next_special(&text, 0), expected, "{byte:#x} at {place}");
                }
            }
        }
    }

    #[test]
    fn neighbours_do_not_disturb_the_first_hit() {
        for pair in [
            *b"\x1f\x20",
            *b"!\"",
            *b"\"#",
            *b"\\]",
            *b"\xff\"",
            *b"\x80\x1f",
        ] {
            for place in 0..60 {
                let mut text = vec![b'#'; 64];
                text[place..place + 2].copy_from_slice(&pair);
                let expected = place + usize::from(!is_special(pair[0]));
                assert_eq!(next_special(&text, 0), expected, "{pair:x?} at {place}");
            }
        }
    }
}
