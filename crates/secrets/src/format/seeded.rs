//! Chance that comes again, for tests that know what comes of it.

use std::sync::atomic::{AtomicU64, Ordering};

use sha2::{Digest, Sha256};

use crate::entropy::{Entropy, EntropyError};

/// Bytes that are always the same, and never repeat. Each draw is a hash of its number.
#[derive(Debug)]
pub(crate) struct Seeded(AtomicU64);

impl Seeded {
    pub(crate) const fn new(seed: u64) -> Self {
        Self(AtomicU64::new(seed << 32))
    }
}

impl Entropy for Seeded {
    fn fill(&self, buffer: &mut [u8]) -> Result<(), EntropyError> {
        for part in buffer.chunks_mut(32) {
            let number = self.0.fetch_add(1, Ordering::Relaxed);
            part.copy_from_slice(&Sha256::digest(number.to_be_bytes())[..part.len()]);
        }
        Ok(())
    }
}
