//! A key of 32 bytes.

use orchestra_arena::Locked;

use crate::entropy::{Entropy, EntropyError};

/// 256 bits that open something, in locked memory. Printed, copied or compared by nobody, and wiped when dropped.
pub(crate) struct Key(Locked);

impl Key {
    pub(crate) const BYTES: usize = 32;

    /// A new one.
    pub(crate) fn random(entropy: &dyn Entropy) -> Result<Self, EntropyError> {
        let mut result = Ok(());
        let key = Self::made(|bytes| result = entropy.fill(bytes));
        result.map(|()| key)
    }

    /// `None` for any other length.
    pub(crate) fn from_slice(bytes: &[u8]) -> Option<Self> {
        (bytes.len() == Self::BYTES).then(|| Self::made(|key| key.copy_from_slice(bytes)))
    }

    /// One that is written where it stays, so that no copy is left elsewhere. `write` gets 32 zeros.
    pub(crate) fn made(write: impl FnOnce(&mut [u8])) -> Self {
        let mut key = Locked::new(Self::BYTES);
        write(key.expose_mut());
        Self(key)
    }

    pub(crate) fn expose(&self) -> &[u8] {
        self.0.expose()
    }
}
