//! Who has which bytes: small values share chunks, large ones have a mapping of their own.
//!
//! Chunks are kept for good. What a process once needed it will need again, each new chunk costs
//! five system calls, and addresses that once held keys stay ours.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Mutex, MutexGuard, PoisonError};

use zeroize::Zeroize;

use crate::raw::{Chunk, Class, Facts, Mapping, Slot};

/// The slab of this process.
static SLAB: Mutex<Slab> = Mutex::new(Slab::new());

/// Access to the slab of this process.
///
/// A thread that panicked while it held the lock does not matter: nothing in here panics
/// half-way, and a key that could not be freed for it would be worse.
pub(crate) fn slab() -> MutexGuard<'static, Slab> {
    SLAB.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Chunks and large mappings.
pub(crate) struct Slab {
    chunks: Vec<Chunk>,
    /// For each class, where a slot was last found or given back.
    hints: [usize; Class::COUNT],
    /// The mappings that are out, by their address.
    large: BTreeMap<usize, Facts>,
}

/// Bytes of the slab, to be given back to it.
pub(crate) enum Space {
    /// No bytes at all.
    Nothing,
    /// A slot, and the number of its chunk.
    Small(Slot, usize),
    Large(Mapping),
}

impl Slab {
    pub(crate) const fn new() -> Self {
        Self {
            chunks: Vec::new(),
            hints: [0; Class::COUNT],
            large: BTreeMap::new(),
        }
    }

    /// At least `len` bytes, all zero.
    ///
    /// # Errors
    /// If the kernel has no memory or no mappings left.
    pub(crate) fn take(&mut self, len: usize) -> io::Result<Space> {
        if len == 0 {
            return Ok(Space::Nothing);
        }
        match Class::of(len) {
            Some(class) => self.take_small(class),
            None => self.take_large(len),
        }
    }

    fn take_small(&mut self, class: Class) -> io::Result<Space> {
        let hint = self.hints[class.index()];
        let candidates = [hint].into_iter().chain(0..self.chunks.len());
        for at in candidates {
            let slot = self.chunks.get_mut(at).and_then(|chunk| chunk.take(class));
            if let Some(slot) = slot {
                self.hints[class.index()] = at;
                return Ok(Space::Small(slot, at));
            }
        }
        self.chunks.push(Chunk::new()?);
        self.hints[class.index()] = self.chunks.len() - 1;
        self.take_small(class)
    }

    fn take_large(&mut self, len: usize) -> io::Result<Space> {
        let mapping = Mapping::new(len)?;
        let facts = mapping.facts();
        self.large.insert(facts.start, facts);
        Ok(Space::Large(mapping))
    }

    /// Zeroes the bytes and takes them back.
    pub(crate) fn give_back(&mut self, space: Space) {
        match space {
            Space::Nothing => {}
            Space::Small(slot, at) => {
                self.hints[slot.class().index()] = at;
                if let Some(chunk) = self.chunks.get_mut(at) {
                    // A slot goes back to where it came from, so it is not refused.
                    let _ = chunk.give_back(slot);
                }
            }
            Space::Large(mut mapping) => {
                mapping.bytes_mut().zeroize();
                self.large.remove(&mapping.facts().start);
            }
        }
    }

    /// Of every mapping, chunks first.
    pub(crate) fn facts(&self) -> impl Iterator<Item = Facts> {
        let large = self.large.values().copied();
        self.chunks.iter().map(Chunk::facts).chain(large)
    }
}
