//! The one way in which anything is encrypted.
//!
//! AES-256-GCM under a key of its own for every box, from HKDF-SHA512 over a random salt, and 32 bytes more
//! from the same derivation that commit to that key. So no key ever encrypts twice (NIST SP 800-38D allows
//! 2^32 random nonces a key), and no ciphertext opens under two keys, as GCM alone would let it (Dodis et al.,
//! "Fast Message Franking", 2018). The shape follows the AWS Encryption SDK's committing suites (its
//! specification, "algorithm-suites").

use aes_gcm::aead::{AeadInOut, KeyInit};
use aes_gcm::{Aes256Gcm, Nonce, Tag};
use hkdf::Hkdf;
use sha2::{Digest, Sha256, Sha512};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use super::FormatError;
use super::bytes::{Reader, Writer};
use crate::entropy::{Entropy, EntropyError};
use crate::key::Key;

/// What a derived key is for. A leak of one says nothing of another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// The value of a secret.
    Secret,
    /// The root key in a slot.
    Slot,
    /// The keyring under the root key.
    Keyring,
    /// The list of everything that the store holds.
    Manifest,
    /// The anchor outside the database.
    Anchor,
    /// A backup.
    Export,
}

impl Purpose {
    const fn info(self) -> &'static [u8] {
        match self {
            Self::Secret => b"orchestra/v1/secret",
            Self::Slot => b"orchestra/v1/slot",
            Self::Keyring => b"orchestra/v1/keyring",
            Self::Manifest => b"orchestra/v1/manifest-mac",
            Self::Anchor => b"orchestra/v1/anchor-mac",
            Self::Export => b"orchestra/v1/export",
        }
    }
}

/// A key for one purpose, from one that is never used itself.
pub(crate) fn derive(key: &Key, purpose: Purpose) -> Key {
    Key::made(|derived| {
        Hkdf::<Sha512>::new(None, key.expose())
            .expand(purpose.info(), derived)
            .expect("32 bytes are less than 255 hashes");
    })
}

/// A ciphertext and what is needed to open it but for the key.
///
/// `suite u8 | salt 32 | nonce 12 | commitment 32 | length u32 | ciphertext and tag`
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Sealed {
    salt: [u8; SALT],
    nonce: [u8; NONCE],
    commitment: [u8; 32],
    /// With the tag of 16 bytes at its end.
    ciphertext: Vec<u8>,
}

const SALT: usize = 32;
const NONCE: usize = 12;
const TAG: usize = 16;
/// No purpose begins with this.
const FRESH: &[u8] = b"orchestra/v1/fresh/";

impl Sealed {
    /// AES-256-GCM, HKDF-SHA512, commitment of 32 bytes. 2 is kept for XChaCha20-Poly1305 in the same shape.
    pub(crate) const SUITE: u8 = 1;
    /// The length of a box around nothing.
    pub(crate) const OVERHEAD: usize = 1 + SALT + NONCE + 32 + 4 + TAG;

    /// Encrypts, with a new salt and nonce.
    pub(crate) fn seal(
        key: &Key,
        purpose: Purpose,
        aad: &[u8],
        plain: &[u8],
        entropy: &dyn Entropy,
    ) -> Result<Self, EntropyError> {
        let (salt, nonce) = fresh(key, purpose, aad, plain, entropy)?;
        let (cipher, commitment) = keys(key, purpose, aad, &salt);
        let mut ciphertext = Vec::with_capacity(plain.len() + TAG);
        ciphertext.extend_from_slice(plain);
        let tag = cipher
            .encrypt_inout_detached(&Nonce::from(nonce), aad, ciphertext.as_mut_slice().into())
            .expect("it is shorter than 64 GiB");
        ciphertext.extend_from_slice(&tag);
        Ok(Self {
            salt,
            nonce,
            commitment,
            ciphertext,
        })
    }

    /// Decrypts. The commitment is looked at first: a ciphertext made for two keys opens under one at most.
    pub(crate) fn open(
        &self,
        key: &Key,
        purpose: Purpose,
        aad: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, FormatError> {
        let (cipher, commitment) = keys(key, purpose, aad, &self.salt);
        if !bool::from(commitment.ct_eq(&self.commitment)) {
            return Err(FormatError::Refused);
        }
        let (text, tag) = self
            .ciphertext
            .split_last_chunk::<TAG>()
            .ok_or(FormatError::Truncated)?;
        let mut plain = Zeroizing::new(text.to_vec());
        let tag = Tag::from(*tag);
        cipher
            .decrypt_inout_detached(
                &Nonce::from(self.nonce),
                aad,
                plain.as_mut_slice().into(),
                &tag,
            )
            .map_err(|_| FormatError::Refused)?;
        Ok(plain)
    }

    /// What tells this box from every other.
    pub(crate) const fn commitment(&self) -> &[u8; 32] {
        &self.commitment
    }

    pub(crate) fn write(&self, writer: Writer) -> Writer {
        writer
            .u8(Self::SUITE)
            .raw(&self.salt)
            .raw(&self.nonce)
            .raw(&self.commitment)
            .bytes(&self.ciphertext)
    }

    pub(crate) fn read(reader: &mut Reader<'_>) -> Result<Self, FormatError> {
        match reader.u8()? {
            Self::SUITE => {}
            other => return Err(FormatError::Suite(other)),
        }
        let sealed = Self {
            salt: reader.array()?,
            nonce: reader.array()?,
            commitment: reader.array()?,
            ciphertext: reader.bytes()?.to_vec(),
        };
        if sealed.ciphertext.len() < TAG {
            return Err(FormatError::Truncated);
        }
        Ok(sealed)
    }
}

/// A salt and a nonce that were never there before.
///
/// What the generator gives is mixed with the key and with all that goes into the box, in the spirit of RFC 8937.
/// So where a generator repeats itself unnoticed, as those of two copies of one virtual machine may, the same salt
/// comes back for the same box only, and nobody learns more than that it is the same.
pub(super) fn fresh(
    key: &Key,
    purpose: Purpose,
    aad: &[u8],
    plain: &[u8],
    entropy: &dyn Entropy,
) -> Result<([u8; SALT], [u8; NONCE]), EntropyError> {
    let mut drawn = [0; SALT + NONCE];
    entropy.fill(&mut drawn)?;
    let mut mixed = [0; SALT + NONCE];
    Hkdf::<Sha512>::new(Some(&drawn), key.expose())
        .expand_multi_info(
            &[FRESH, purpose.info(), &Sha256::digest(aad), plain],
            &mut mixed,
        )
        .expect("44 bytes are less than 255 hashes");
    let (mut salt, mut nonce) = ([0; SALT], [0; NONCE]);
    salt.copy_from_slice(&mixed[..SALT]);
    nonce.copy_from_slice(&mixed[SALT..]);
    Ok((salt, nonce))
}

/// The box's own key and its commitment, from the salt and from all that it is bound to.
pub(super) fn keys(
    key: &Key,
    purpose: Purpose,
    aad: &[u8],
    salt: &[u8; SALT],
) -> (Aes256Gcm, [u8; 32]) {
    let mut derived = Zeroizing::new([0; 64]);
    Hkdf::<Sha512>::new(Some(salt), key.expose())
        .expand_multi_info(&[purpose.info(), &Sha256::digest(aad)], &mut derived[..])
        .expect("64 bytes are less than 255 hashes");
    let (cipher, commitment) = derived.split_at(Key::BYTES);
    let cipher = Aes256Gcm::new_from_slice(cipher).expect("it is 32 bytes long");
    (cipher, commitment.try_into().expect("it is 32 bytes long"))
}
