//! A key of 32 bytes.

use zeroize::Zeroizing;

use crate::entropy::{Entropy, EntropyError};

/// 256 bits that open something. Printed, copied or compared by nobody, and wiped when dropped.
pub(crate) struct Key(Zeroizing<[u8; Self::BYTES]>);

impl Key {
    pub(crate) const BYTES: usize = 32;

    /// A new one.
    pub(crate) fn random(entropy: &dyn Entropy) -> Result<Self, EntropyError> {
        let mut key = Zeroizing::new([0; Self::BYTES]);
        entropy.fill(&mut key[..])?;
        Ok(Self(key))
    }

    /// `None` for any other length.
    pub(crate) fn from_slice(bytes: &[u8]) -> Option<Self> {
        let mut key = Zeroizing::new([0; Self::BYTES]);
        if bytes.len() != Self::BYTES {
            return None;
        }
        key.copy_from_slice(bytes);
        Some(Self(key))
    }

    pub(crate) fn expose(&self) -> &[u8] {
        &self.0[..]
    }
}
