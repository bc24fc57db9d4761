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
