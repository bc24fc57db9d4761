//! Signed notes: a text and Ed25519 signatures of it, in lines that survive mail and paper.
//!
//! The format is C2SP's (c2sp.org/signed-note); the text form of public keys is the one that Go's `sumdb/note`
//! writes: `NAME+ID+KEY`.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use ed25519_dalek::{Signature, Signer as _, SigningKey, VerifyingKey};
use sha2::{Digest, Sha256};

use crate::key::Key;

/// What a signature line begins with.
const DASH: &str = "\u{2014} ";
/// Ed25519, among the format's kinds of signatures.
const ED25519: u8 = 1;
/// Bytes. The format asks for at least 16 signatures to be read; these are 16 and more of Ed25519.
const LONGEST: usize = 16 * 1024;

/// Why a note proves nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NoteError {
    /// It is no signed note, or no checkpoint.
    #[error("this is no checkpoint: it has three lines, an empty one, and lines of signatures")]
    Malformed,
    /// The text of the public key makes no sense.
    #[error("this is no public key of a log: it looks like NAME+ID+KEY")]
    Key,
    /// Nobody signed it with this key.
    #[error("the checkpoint was not signed with this key: is it another store's?")]
    Unsigned,
    /// The signature is wrong.
    #[error("the checkpoint was changed: its signature does not fit")]
    Refused,
}

/// Signs notes under a name.
pub(crate) struct NoteSigner {
    name: String,
    key: SigningKey,
}

impl NoteSigner {
    pub(crate) fn new(name: String, seed: &Key) -> Self {
        let seed: &[u8; 32] = seed.expose().try_into().expect("a key has 32 bytes");
        Self {
            name,
            key: SigningKey::from_bytes(seed),
        }
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// The text, which ends with a line end, and its signature. The same text always becomes the same note
    /// (RFC 8032, section 5.1.6: nothing is random).
    pub(crate) fn sign(&self, text: &str) -> String {
        let verifier = self.verifier();
        let mut signature = verifier.id().to_vec();
        signature.extend_from_slice(&self.key.sign(text.as_bytes()).to_bytes());
        let signature = BASE64.encode(signature);
        format!("{text}\n{DASH}{} {signature}\n", self.name)
    }

    pub(crate) fn verifier(&self) -> NoteVerifier {
        NoteVerifier {
            name: self.name.clone(),
            key: self.key.verifying_key(),
        }
    }
}

/// Checks notes of one signer.
pub(crate) struct NoteVerifier {
    name: String,
    key: VerifyingKey,
}

impl NoteVerifier {
    pub(crate) fn parse(text: &str) -> Result<Self, NoteError> {
        let mut parts = text.trim_end().splitn(3, '+');
        let (Some(name), Some(id), Some(key)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(NoteError::Key);
        };
        let key = BASE64.decode(key).map_err(|_| NoteError::Key)?;
        let key = key.strip_prefix(&[ED25519]).ok_or(NoteError::Key)?;
        let key: &[u8; 32] = key.try_into().map_err(|_| NoteError::Key)?;
        let verifier = Self {
            name: name.to_owned(),
            key: VerifyingKey::from_bytes(key).map_err(|_| NoteError::Key)?,
        };
        let genuine = is_name(name) && crate::hex::hex(&verifier.id()) == id;
        genuine.then_some(verifier).ok_or(NoteError::Key)
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Tells keys apart; it is no proof of anything.
    fn id(&self) -> [u8; 4] {
        let mut hash = Sha256::new();
        hash.update(self.name.as_bytes());
        hash.update([b'\n', ED25519]);
        hash.update(self.key.as_bytes());
        let hash: [u8; 32] = hash.finalize().into();
        [hash[0], hash[1], hash[2], hash[3]]
    }

    /// `NAME+ID+KEY`
    pub(crate) fn text(&self) -> String {
        let mut key = vec![ED25519];
        key.extend_from_slice(self.key.as_bytes());
        let id = crate::hex::hex(&self.id());
        format!("{}+{id}+{}", self.name, BASE64.encode(key))
    }

    /// The text of a note that was signed with this key. Signatures of others are not looked at.
    pub(crate) fn open<'n>(&self, note: &'n str) -> Result<&'n str, NoteError> {
        let (text, signatures) = split(note)?;
        let mut signed = false;
        for line in signatures.lines() {
            let (name, id, signature) = signature(line)?;
            if name == self.name && id == self.id() {
                self.check(text, &signature)?;
                signed = true;
            }
        }
        signed.then_some(text).ok_or(NoteError::Unsigned)
    }

    fn check(&self, text: &str, signature: &[u8]) -> Result<(), NoteError> {
        let signature = Signature::from_slice(signature).map_err(|_| NoteError::Refused)?;
        self.key
            .verify_strict(text.as_bytes(), &signature)
            .map_err(|_| NoteError::Refused)
    }
}

/// The text with its last line end, and the lines of signatures.
fn split(note: &str) -> Result<(&str, &str), NoteError> {
    let broken = |c: char| c < ' ' && c != '\n';
    if note.len() > LONGEST || note.contains(broken) || !note.ends_with('\n') {
        return Err(NoteError::Malformed);
    }
    let blank = note.rfind("\n\n").ok_or(NoteError::Malformed)?;
    let (text, signatures) = (&note[..=blank], &note[blank + 2..]);
    if signatures.is_empty() {
        return Err(NoteError::Malformed);
    }
    Ok((text, signatures))
}

/// The signer's name, the key's id, and the signature.
fn signature(line: &str) -> Result<(&str, [u8; 4], Vec<u8>), NoteError> {
    let line = line.strip_prefix(DASH).ok_or(NoteError::Malformed)?;
    let (name, signature) = line.split_once(' ').ok_or(NoteError::Malformed)?;
    let bytes = BASE64.decode(signature).map_err(|_| NoteError::Malformed)?;
    let (id, signature) = bytes.split_first_chunk().ok_or(NoteError::Malformed)?;
    if !is_name(name) || signature.is_empty() {
        return Err(NoteError::Malformed);
    }
    Ok((name, *id, signature.to_vec()))
}

fn is_name(name: &str) -> bool {
    !name.is_empty() && !name.contains(|c: char| c.is_whitespace() || c == '+')
}

#[cfg(test)]
mod tests {
    use super::*;

    // From the documentation of golang.org/x/mod/sumdb/note.
    const SEED: &str = "gQoUAtUUbI2E8kQzMPVAgOv5juF9nHT2JS/F1ccoMXM=";
    const VERIFIER: &str = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
    const TEXT: &str = "If you think cryptography is the answer to your problem,\n\
        then you don't know what your problem is.\n";
    const SIGNATURE: &str = "\u{2014} PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n";

    fn example() -> String {
        format!("{TEXT}\n{SIGNATURE}")
    }

    fn verifier() -> NoteVerifier {
        NoteVerifier::parse(VERIFIER).ok().unwrap()
    }

    #[test]
    fn the_published_example_is_signed_and_verified() {
        let seed = Key::from_slice(&BASE64.decode(SEED).unwrap()).unwrap();
        let signer = NoteSigner::new("PeterNeumann".to_owned(), &seed);
        assert_eq!(signer.sign(TEXT), example());
        assert_eq!(signer.verifier().text(), VERIFIER);
        assert_eq!(verifier().open(&example()), Ok(TEXT));
    }

    #[test]
    fn signatures_of_others_are_passed_over() {
        let other = "\u{2014} EnochRoot rwz+eBzmZa0SO3NbfRGzPCpDckykFXSdeX+MNtCOXm2/5n2tiOHp+vAF1aGrQ5ovTG01oOTGwnWLox33WWd1RvMc+QQ=\n";
        for signatures in [format!("{other}{SIGNATURE}"), format!("{SIGNATURE}{other}")] {
            let note = format!("{TEXT}\n{signatures}");
            assert_eq!(verifier().open(&note), Ok(TEXT));
        }
        let note = format!("{TEXT}\n{other}");
        assert_eq!(verifier().open(&note), Err(NoteError::Unsigned));
    }

    #[test]
    fn the_text_ends_at_the_last_empty_line() {
        let seed = Key::from_slice(&[7; 32]).unwrap();
        let signer = NoteSigner::new("somebody".to_owned(), &seed);
        for text in ["a\n\nb\n", "\n", "\n\n\n"] {
            let note = signer.sign(text);
            assert_eq!(signer.verifier().open(&note), Ok(text));
        }
    }

    #[test]
    fn every_bit_of_a_note_counts() {
        let example = example();
        for (at, bit) in (0..example.len()).flat_map(|at| (0..8).map(move |bit| (at, bit))) {
            let mut bytes = example.clone().into_bytes();
            bytes[at] ^= 1 << bit;
            if let Ok(note) = std::str::from_utf8(&bytes) {
                assert!(verifier().open(note).is_err(), "{at} {bit}");
            }
        }
    }

    #[test]
    fn every_cut_of_a_note_shows() {
        let example = example();
        for (at, _) in example.char_indices() {
            assert!(verifier().open(&example[..at]).is_err(), "{at}");
        }
        for behind in ["\n", "a", "\n\n", " ", TEXT] {
            assert!(verifier().open(&format!("{example}{behind}")).is_err());
        }
        let long = format!("{TEXT}\n{}", SIGNATURE.repeat(200));
        assert_eq!(verifier().open(&long), Err(NoteError::Malformed));
        let most = format!("{TEXT}\n{}", SIGNATURE.repeat(16));
        assert_eq!(verifier().open(&most), Ok(TEXT));
    }

    #[test]
    fn a_key_is_read_in_one_way() {
        assert_eq!(verifier().text(), VERIFIER);
        for text in [
            "",
            "PeterNeumann",
            "PeterNeumann+c74f20a3",
            "PeterNeumann+c74f20a3+",
            "PeterNeumann+c74f20a4+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
            "PeterNeumann+C74F20A3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
            "Peter Neumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
            "PeterNeumann+c74f20a3+Ahpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
            "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10Q=",
        ] {
            assert!(NoteVerifier::parse(text).is_err(), "{text}");
        }
    }
}
