//! What the log was at one time, signed: somebody who kept it elsewhere can tell whether the log was cut or
//! written anew since.
//!
//! The text is that of C2SP's checkpoints (c2sp.org/tlog-checkpoint) with one difference: the hash in its third
//! line is the last entry's, which covers all entries before it as a chain, and no root of a Merkle tree. So
//! whoever checks it needs the whole log, and witnesses that ask for proofs of consistency cannot sign it.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

use super::note::{NoteError, NoteSigner, NoteVerifier};
use crate::format::Keyring;
use crate::hex::hex;

/// A signed note about the log. What it says is to be believed only once it is verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// The note.
    pub text: String,
}

/// What a checkpoint says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Covered {
    /// Whose log it is: `orchestra-secrets/` and the store's id.
    pub origin: String,
    /// The last entry that it covers. It covers all before it, too.
    pub seq: u64,
    /// That entry's hash.
    pub hash: [u8; 32],
}

impl Checkpoint {
    /// Checks it with the log's public key, as [`Store::checkpoint_key`](crate::Store::checkpoint_key) gave it out.
    /// Needs neither the store nor any other key.
    ///
    /// # Errors
    /// [`NoteError`] says why it proves nothing.
    pub fn verify(&self, key: &str) -> Result<Covered, NoteError> {
        self.open(&NoteVerifier::parse(key)?)
    }

    pub(crate) fn open(&self, verifier: &NoteVerifier) -> Result<Covered, NoteError> {
        let covered = Covered::parse(verifier.open(&self.text)?)?;
        // A checkpoint is signed under the log's name.
        let own = covered.origin == verifier.name();
        own.then_some(covered).ok_or(NoteError::Malformed)
    }
}

impl fmt::Display for Checkpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Covered {
    fn parse(text: &str) -> Result<Self, NoteError> {
        let mut lines = text.lines();
        let (Some(origin), Some(seq), Some(hash), None) =
            (lines.next(), lines.next(), lines.next(), lines.next())
        else {
            return Err(NoteError::Malformed);
        };
        let hash = BASE64.decode(hash).map_err(|_| NoteError::Malformed)?;
        let covered = Self {
            origin: origin.to_owned(),
            seq: seq.parse().map_err(|_| NoteError::Malformed)?,
            hash: hash.try_into().map_err(|_| NoteError::Malformed)?,
        };
        // One text for one claim: no leading zeros, no other ways of writing a hash.
        let canonical = covered.text() == text;
        canonical.then_some(covered).ok_or(NoteError::Malformed)
    }

    fn text(&self) -> String {
        let hash = BASE64.encode(self.hash);
        format!("{}\n{}\n{hash}\n", self.origin, self.seq)
    }
}

/// Signs the checkpoints of one store.
pub(crate) struct Notary(NoteSigner);

impl Notary {
    pub(crate) fn new(store: &[u8; 16], keyring: &Keyring) -> Self {
        let name = format!("orchestra-secrets/{}", hex(store));
        Self(NoteSigner::new(name, keyring.signing()))
    }

    /// The log up to the entry with this hash. The same claim is always the same text.
    pub(crate) fn sign(&self, seq: u64, hash: [u8; 32]) -> Checkpoint {
        let origin = self.0.name().to_owned();
        let covered = Covered { origin, seq, hash };
        Checkpoint {
            text: self.0.sign(&covered.text()),
        }
    }

    pub(crate) fn verifier(&self) -> NoteVerifier {
        self.0.verifier()
    }
}
