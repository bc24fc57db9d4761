//! From a passphrase to a key: Argon2id (RFC 9106).

use argon2::{Algorithm, Argon2, Block, Params, Version};
use zeroize::Zeroize;

use crate::key::Key;

/// What it costs to try one passphrase.
///
/// Stored beside the slot that it opens, so somebody may have changed them: they are never run before they
/// are checked. Less than the least would make guessing cheap, more than the most would exhaust the memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KdfParameters {
    memory_kib: u32,
    passes: u32,
    lanes: u32,
}

/// Costs out of bounds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("Argon2id with {memory_kib} KiB, {passes} passes and {lanes} lanes is out of bounds")]
pub struct InvalidKdf {
    memory_kib: u32,
    passes: u32,
    lanes: u32,
}

impl KdfParameters {
    /// 256 MiB, 3 passes, 4 lanes: between the two choices of RFC 9106, section 4, and 0.25 to 1 s on
    /// a machine of today.
    pub const USUAL: Self = Self {
        memory_kib: 256 * 1024,
        passes: 3,
        lanes: 4,
    };
    /// The second choice of RFC 9106, section 4, for machines with little memory; nothing below is taken.
    pub const LEAST: Self = Self {
        memory_kib: 64 * 1024,
        passes: 3,
        lanes: 4,
    };
    const MOST_MEMORY_KIB: u32 = 1024 * 1024;
    const MOST_PASSES: u32 = 16;
    const MOST_LANES: u32 = 16;

    /// Checked costs.
    ///
    /// # Errors
    /// [`InvalidKdf`] outside of 64 MiB to 1 GiB, 3 to 16 passes, 1 to 16 lanes.
    pub const fn new(memory_kib: u32, passes: u32, lanes: u32) -> Result<Self, InvalidKdf> {
        let memory = memory_kib >= Self::LEAST.memory_kib && memory_kib <= Self::MOST_MEMORY_KIB;
        let time = passes >= Self::LEAST.passes && passes <= Self::MOST_PASSES;
        if memory && time && lanes >= 1 && lanes <= Self::MOST_LANES {
            Ok(Self {
                memory_kib,
                passes,
                lanes,
            })
        } else {
            Err(InvalidKdf {
                memory_kib,
                passes,
                lanes,
            })
        }
    }

    /// Costs for tests in which a passphrase need not resist anybody.
    #[cfg(test)]
    pub(crate) const CHEAP: Self = Self {
        memory_kib: 32,
        passes: 1,
        lanes: 1,
    };

    /// Memory in KiB, passes, lanes.
    #[must_use]
    pub const fn costs(self) -> (u32, u32, u32) {
        (self.memory_kib, self.passes, self.lanes)
    }

    /// The usual costs, or the least on a machine where the usual ones would take more than a quarter of
    /// the memory that is available. Whoever calls says so to its user.
    #[must_use]
    pub fn for_memory(available_bytes: u64) -> Self {
        if available_bytes / 4 >= u64::from(Self::USUAL.memory_kib) * 1024 {
            Self::USUAL
        } else {
            Self::LEAST
        }
    }

    /// How much memory a try takes, in MiB.
    pub(crate) const fn memory_mib(self) -> u32 {
        self.memory_kib.div_ceil(1024)
    }

    /// Takes 0.25 to 1 s and the memory that the costs say, which is wiped before it is given back: the key
    /// could be computed from it. `None` if there is not so much memory.
    pub(crate) fn stretch(self, passphrase: &[u8], salt: &[u8; 32]) -> Option<Key> {
        let params = Params::new(self.memory_kib, self.passes, self.lanes, Some(Key::BYTES))
            .expect("the costs were checked");
        let mut memory = Memory::new(params.block_count())?;
        let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
        Some(Key::made(|key| {
            argon2
                .hash_password_into_with_memory(passphrase, salt, key, &mut memory.0[..])
                .expect("salt, lengths and memory are within Argon2's bounds");
        }))
    }
}

/// What Argon2 works in, wiped when dropped.
struct Memory(Vec<Block>);

impl Memory {
    fn new(blocks: usize) -> Option<Self> {
        let mut memory = Vec::new();
        memory.try_reserve_exact(blocks).ok()?;
        memory.resize(blocks, Block::new());
        Some(Self(memory))
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        self.0.iter_mut().zeroize();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_that_is_not_there_is_no_panic() {
        assert!(Memory::new(usize::MAX).is_none());
        assert!(Memory::new(usize::MAX / Block::SIZE).is_none());
        assert!(Memory::new(8).is_some());
    }
}
