//! The encrypted value of a secret, as it stands in its row.

use zeroize::Zeroizing;

use super::FormatError;
use super::aad::Aad;
use super::bytes::{Reader, Writer};
use super::keyring::Keyring;
use super::padding::{pad, unpad};
use super::sealed::{Purpose, Sealed};
use crate::entropy::Entropy;
use crate::error::SealError;

/// `"ORS1" | format u8 | key version u32 | box`; nothing may follow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Record {
    pub(crate) key_version: u32,
    sealed: Sealed,
}

impl Record {
    const MAGIC: [u8; 4] = *b"ORS1";
    const FORMAT: u8 = 1;
    /// The longest value, in bytes.
    pub(crate) const MAX_PLAIN: usize = 64 * 1024;

    /// The longest record: the longest value, padded to twice its length, in a box behind the header.
    const MAX_BYTES: usize = Self::MAX_PLAIN * 2 + Sealed::OVERHEAD + 4 + 1 + 4;

    /// Encrypts a value under the keyring's active key.
    pub(crate) fn seal(
        keyring: &Keyring,
        bound_to: Aad,
        plain: &[u8],
        entropy: &dyn Entropy,
    ) -> Result<Self, SealError> {
        if plain.len() > Self::MAX_PLAIN {
            return Err(SealError::TooLong);
        }
        let (key_version, key) = keyring.active()?;
        let aad = Self::aad(bound_to, key_version);
        let sealed = Sealed::seal(key, Purpose::Secret, &aad, &pad(plain), entropy)?;
        Ok(Self {
            key_version,
            sealed,
        })
    }

    /// The value, if the record stands where it was put.
    pub(crate) fn open(
        &self,
        keyring: &Keyring,
        bound_to: Aad,
    ) -> Result<Zeroizing<Vec<u8>>, FormatError> {
        let key = keyring
            .data(self.key_version)
            .ok_or(FormatError::KeyVersion(self.key_version))?;
        let aad = Self::aad(bound_to, self.key_version);
        unpad(self.sealed.open(key, Purpose::Secret, &aad)?)
    }

    fn aad(bound_to: Aad, key_version: u32) -> Vec<u8> {
        let bound = bound_to.number(key_version).number(Sealed::SUITE);
        bound.finish()
    }

    pub(crate) const fn commitment(&self) -> &[u8; 32] {
        self.sealed.commitment()
    }

    pub(crate) fn encode(&self) -> Vec<u8> {
        let writer = Writer::default()
            .raw(&Self::MAGIC)
            .u8(Self::FORMAT)
            .u32(self.key_version);
        self.sealed.write(writer).finish()
    }

    pub(crate) fn parse(bytes: &[u8]) -> Result<Self, FormatError> {
        if bytes.len() > Self::MAX_BYTES {
            return Err(FormatError::Bounds("length"));
        }
        let mut reader = Reader::new(bytes);
        reader.magic(Self::MAGIC, Self::FORMAT)?;
        let key_version = reader.u32()?;
        let sealed = Sealed::read(&mut reader)?;
        reader.end()?;
        Ok(Self {
            key_version,
            sealed,
        })
    }
}
