//! The key that opens a store when nothing else does.

use zeroize::Zeroizing;

use crate::entropy::{Entropy, EntropyError};
use crate::key::Key;

/// 256 bits, shown once and kept on paper or in a safe. Not printable but by [`RecoveryKey::expose`].
#[expect(
    missing_debug_implementations,
    reason = "a secret must not be printable"
)]
pub struct RecoveryKey(Key);

/// A text that is no recovery key, most often because of a slip of the pen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "this is no recovery key: it has 14 groups of 4 letters and digits, and its last group checks the others"
)]
pub struct InvalidRecoveryKey;

/// Crockford's base 32: no I, L, O or U, which are taken for others (crockford.com/base32.html).
const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
/// 260 bits for 256, then 20 bits that check them.
const LETTERS: usize = 52;
const CHECK: usize = 4;
const GROUP: usize = 4;

impl RecoveryKey {
    /// A new one.
    ///
    /// # Errors
    /// [`EntropyError`] if there is nothing unpredictable.
    pub fn random(entropy: &dyn Entropy) -> Result<Self, EntropyError> {
        Key::random(entropy).map(Self)
    }

    /// For showing it, once: groups of four, such as `8Q2V-…`.
    #[must_use]
    pub fn expose(&self) -> Zeroizing<String> {
        let letters = self.letters();
        let mut text = Zeroizing::new(String::with_capacity(letters.len() + letters.len() / GROUP));
        for (index, letter) in letters.iter().enumerate() {
            if index > 0 && index % GROUP == 0 {
                text.push('-');
            }
            text.push(char::from(*letter));
        }
        text
    }

    /// Reads what somebody typed. Case and hyphens do not matter, and letters that look like digits are taken for them.
    ///
    /// # Errors
    /// [`InvalidRecoveryKey`] if it was mistyped.
    pub fn parse(text: &str) -> Result<Self, InvalidRecoveryKey> {
        let mut values = Zeroizing::new(Vec::with_capacity(LETTERS + CHECK));
        for letter in text
            .bytes()
            .filter(|b| *b != b'-' && !b.is_ascii_whitespace())
        {
            // Asked before, so that the buffer never grows and leaves a copy behind.
            if values.len() == LETTERS + CHECK {
                return Err(InvalidRecoveryKey);
            }
            values.push(value(letter).ok_or(InvalidRecoveryKey)?);
        }
        if values.len() < LETTERS + CHECK {
            return Err(InvalidRecoveryKey);
        }
        let key = Self(Key::made(|key| read(&values, key)));
        let typed = values.iter().map(|value| ALPHABET[usize::from(*value)]);
        if typed.eq(key.letters().iter().copied()) {
            Ok(key)
        } else {
            Err(InvalidRecoveryKey)
        }
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        self.0.expose()
    }

    fn letters(&self) -> Zeroizing<Vec<u8>> {
        use sha2::{Digest, Sha256};
        let check = Sha256::digest(self.bytes());
        let mut letters = Zeroizing::new(Vec::with_capacity(LETTERS + CHECK));
        spell(self.bytes(), LETTERS, &mut letters);
        spell(&check, CHECK, &mut letters);
        letters
    }
}

/// The first `count` letters of the bytes, five bits each, zeros behind the end.
fn spell(bytes: &[u8], count: usize, letters: &mut Vec<u8>) {
    let bit = |index: usize| {
        let byte = bytes.get(index / 8).copied().unwrap_or(0);
        usize::from(byte >> (7 - index % 8) & 1)
    };
    for letter in 0..count {
        let value = (0..5).fold(0, |value, offset| value << 1 | bit(letter * 5 + offset));
        letters.push(ALPHABET[value]);
    }
}

/// Writes the bits of the letters, five each, as far as there is room.
fn read(values: &[u8], bytes: &mut [u8]) {
    let bit = |index: usize| values[index / 5] >> (4 - index % 5) & 1;
    for (index, byte) in bytes.iter_mut().enumerate() {
        *byte = (0..8).fold(0, |value, offset| value << 1 | bit(index * 8 + offset));
    }
}

fn value(letter: u8) -> Option<u8> {
    let letter = match letter.to_ascii_uppercase() {
        b'O' => b'0',
        b'I' | b'L' => b'1',
        other => other,
    };
    let place = ALPHABET.iter().position(|known| *known == letter)?;
    u8::try_from(place).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entropy::OsEntropy;

    #[test]
    fn it_reads_back_however_it_is_typed() {
        let key = RecoveryKey::random(&OsEntropy).unwrap();
        let shown = key.expose();
        assert_eq!(shown.len(), 14 * 4 + 13);
        for typed in [
            shown.to_string(),
            shown.to_lowercase(),
            shown.replace('-', " "),
            shown.replace('0', "O").replace('1', "l"),
        ] {
            assert_eq!(
                RecoveryKey::parse(&typed).ok().unwrap().bytes(),
                key.bytes()
            );
        }
    }

    #[test]
    fn a_slip_is_noticed() {
        let shown = RecoveryKey::random(&OsEntropy).unwrap().expose();
        for (index, letter) in shown.bytes().enumerate().filter(|(_, b)| *b != b'-') {
            let other = if letter == b'7' { "8" } else { "7" };
            let mut typed = shown.to_string();
            typed.replace_range(index..=index, other);
            assert!(RecoveryKey::parse(&typed).is_err(), "{index}");
        }
        for typed in [
            "",
            "ABCD",
            &shown[..shown.len() - 1],
            &format!("{}0", *shown),
        ] {
            assert!(RecoveryKey::parse(typed).is_err());
        }
    }
}
