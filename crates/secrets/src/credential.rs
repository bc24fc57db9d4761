//! What opens a store.

use std::{fmt, mem};

use zeroize::Zeroizing;

use crate::entropy::{Entropy, EntropyError};
use crate::format::SlotKind;
use crate::recovery::RecoveryKey;

/// What somebody presents to open a store. Not printed, and wiped when dropped.
pub struct Credential {
    kind: SlotKind,
    passphrase: Zeroizing<Vec<u8>>,
    file: Zeroizing<Vec<u8>>,
}

/// A credential that no store should be locked with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum WeakCredential {
    /// A passphrase that can be guessed.
    #[error(
        "a passphrase needs at least {} characters",
        Credential::SHORTEST_PASSPHRASE
    )]
    Short,
    /// A passphrase longer than anybody types.
    #[error("a passphrase has at most {} bytes", Credential::LONGEST_PASSPHRASE)]
    Long,
    /// A file with too little in it to be a key.
    #[error(
        "a key file holds at least {} bytes and at most {}",
        Credential::SHORTEST_FILE,
        Credential::LONGEST_FILE
    )]
    File,
}

impl Credential {
    /// Characters. NIST SP 800-63B asks for 8 where guesses are counted, and here nobody counts them.
    pub const SHORTEST_PASSPHRASE: usize = 12;
    /// Bytes.
    pub const LONGEST_PASSPHRASE: usize = 1024;
    /// Bytes.
    pub const SHORTEST_FILE: usize = 32;
    /// Bytes.
    pub const LONGEST_FILE: usize = 64 * 1024;

    /// A passphrase.
    ///
    /// Two ways of typing the same letters are one passphrase: it is normalised as RFC 8265, section 4.2, says
    /// (other spaces become U+0020, then Unicode's form C). An `é` comes from one keyboard as one character and from
    /// another as two; somebody who types the right letters on a new machine must not be locked out, and
    /// nobody is let in who does not know them. Case and width are left as they are.
    #[must_use]
    pub fn passphrase(text: &str) -> Self {
        Self {
            kind: SlotKind::Passphrase,
            passphrase: normal(text),
            file: Zeroizing::default(),
        }
    }

    /// The content of a key file. Line ends at its end do not count where it is text: editors and shells add and
    /// remove them.
    #[must_use]
    pub fn key_file(content: &[u8]) -> Self {
        Self {
            kind: SlotKind::KeyFile,
            passphrase: Zeroizing::default(),
            file: without_line_end(content),
        }
    }

    /// A passphrase and a key file, which only together open the store.
    #[must_use]
    pub fn passphrase_and_key_file(text: &str, content: &[u8]) -> Self {
        Self {
            kind: SlotKind::PassphraseAndKeyFile,
            passphrase: normal(text),
            file: without_line_end(content),
        }
    }

    /// The key that was shown when the store was made.
    #[must_use]
    pub fn recovery(key: &RecoveryKey) -> Self {
        Self {
            kind: SlotKind::Recovery,
            passphrase: Zeroizing::default(),
            file: Zeroizing::new(key.bytes().to_vec()),
        }
    }

    /// Which slots it may open.
    #[must_use]
    pub const fn kind(&self) -> SlotKind {
        self.kind
    }

    /// Whether a store should be locked with it.
    ///
    /// # Errors
    /// [`WeakCredential`] says what is wrong.
    pub fn check(&self) -> Result<(), WeakCredential> {
        if self.kind.stretches() {
            let text = std::str::from_utf8(&self.passphrase).unwrap_or_default();
            if text.chars().count() < Self::SHORTEST_PASSPHRASE {
                return Err(WeakCredential::Short);
            }
            if self.passphrase.len() > Self::LONGEST_PASSPHRASE {
                return Err(WeakCredential::Long);
            }
        }
        let with_file = self.kind != SlotKind::Passphrase;
        let length = self.file.len();
        if with_file && !(Self::SHORTEST_FILE..=Self::LONGEST_FILE).contains(&length) {
            return Err(WeakCredential::File);
        }
        Ok(())
    }

    /// Whether nothing was cut off; where something was, it opens nothing, and takes as long to do so. That it
    /// might be weak does not matter here: what is weak may change, and stores stay.
    pub(crate) fn is_whole(&self) -> bool {
        self.passphrase.len() <= Self::LONGEST_PASSPHRASE && self.file.len() <= Self::LONGEST_FILE
    }

    /// Cut at the longest that is allowed, so that a huge one costs no more than others.
    pub(crate) fn passphrase_bytes(&self) -> &[u8] {
        let length = self.passphrase.len().min(Self::LONGEST_PASSPHRASE);
        &self.passphrase[..length]
    }

    pub(crate) fn file_bytes(&self) -> &[u8] {
        let length = self.file.len().min(Self::LONGEST_FILE);
        &self.file[..length]
    }
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credential")
            .field("kind", &self.kind)
            .finish_non_exhaustive()
    }
}

/// A new key file's content: 64 hexadecimal digits and a line end.
///
/// # Errors
/// [`EntropyError`] if there is nothing unpredictable.
pub fn new_key_file(entropy: &dyn Entropy) -> Result<Zeroizing<String>, EntropyError> {
    let mut key = Zeroizing::new([0; 32]);
    entropy.fill(&mut key[..])?;
    let mut text = Zeroizing::new(String::with_capacity(65));
    for byte in key.iter() {
        for digit in [byte >> 4, byte & 15] {
            text.push(char::from_digit(digit.into(), 16).unwrap_or('0'));
        }
    }
    text.push('\n');
    Ok(text)
}

/// A binary key is left alone: its last byte may look like a line end.
fn without_line_end(content: &[u8]) -> Zeroizing<Vec<u8>> {
    let text = content
        .iter()
        .all(|byte| matches!(byte, b' '..=b'~' | b'\t' | b'\r' | b'\n'));
    let end = match content.iter().rposition(|b| !matches!(b, b'\r' | b'\n')) {
        Some(last) if text => last + 1,
        None if text => 0,
        _ => content.len(),
    };
    Zeroizing::new(content[..end].to_vec())
}

/// What is this long is too long in any form: composing letters makes a text at most four times shorter.
const LONGEST_TYPED: usize = 8 * Credential::LONGEST_PASSPHRASE;

fn normal(text: &str) -> Zeroizing<Vec<u8>> {
    use unicode_normalization::UnicodeNormalization;
    let text = &text[..text.floor_char_boundary(LONGEST_TYPED)];
    // Three times is the most by which a text grows in this form (Unicode TR15), so the buffer never moves.
    let mut normal = Zeroizing::new(String::with_capacity(text.len() * 3));
    normal.extend(text.chars().map(usual_space).nfc());
    Zeroizing::new(mem::take(&mut *normal).into_bytes())
}

/// Every space of Unicode's category Zs is the one on the keyboard.
const fn usual_space(letter: char) -> char {
    match letter {
        '\u{a0}' | '\u{1680}' | '\u{2000}'..='\u{200a}' | '\u{202f}' | '\u{205f}' | '\u{3000}' => {
            ' '
        }
        other => other,
    }
}
