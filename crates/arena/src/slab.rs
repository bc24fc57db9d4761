//! Who has which bytes: small values share chunks, large ones have a mapping of their own.
//!
//! Chunks are kept for good. What a process once needed it will need again, each new chunk costs
//! five system calls, and addresses that once held keys stay ours.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Mutex, MutexGuard, PoisonError};

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
            Space::Large(mapping) => {
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A value of the model: what the slab gave, and what was written there.
    struct Held {
        space: Space,
        contents: Vec<u8>,
    }

    impl Held {
        fn bytes(&self) -> &[u8] {
            match &self.space {
                Space::Nothing => &[],
                Space::Small(slot, _) => slot.bytes(),
                Space::Large(mapping) => mapping.bytes(),
            }
        }

        /// Takes at least `len` bytes and fills all there are.
        fn take(slab: &mut Slab, len: usize, seed: u8) -> Self {
            let mut space = slab.take(len).unwrap();
            let bytes = match &mut space {
                Space::Nothing => &mut [],
                Space::Small(slot, _) => slot.bytes_mut(),
                Space::Large(mapping) => mapping.bytes_mut(),
            };
            assert!(bytes.len() >= len);
            assert!(bytes.iter().all(|byte| *byte == 0), "not zero when taken");
            bytes.fill(seed);
            let contents = bytes.to_vec();
            Self { space, contents }
        }
    }

    #[derive(Clone, Copy, Debug)]
    enum Step {
        Take {
            len: usize,
            seed: u8,
        },
        /// Of those held, the n-th, counted in a circle.
        GiveBack(usize),
    }

    fn steps() -> impl Strategy<Value = Vec<Step>> {
        let len = prop_oneof![
            1 => Just(0usize),
            8 => 1..=300usize,
            8 => prop_oneof![Just(64usize), Just(65), Just(2048), Just(4096), Just(4097)],
            4 => 1..=4096usize,
            1 => 4097..=20_000usize,
        ];
        let step = prop_oneof![
            3 => (len, 1..=255u8).prop_map(|(len, seed)| Step::Take { len, seed }),
            2 => any::<usize>().prop_map(Step::GiveBack),
        ];
        prop::collection::vec(step, 1..200)
    }

    fn check_all(slab: &Slab, held: &[Held]) {
        let mut ranges: Vec<_> = held.iter().map(|one| one.bytes().as_ptr_range()).collect();
        ranges.retain(|range| !range.is_empty());
        ranges.sort_by_key(|range| range.start);
        assert!(ranges.windows(2).all(|pair| pair[0].end <= pair[1].start));
        for one in held {
            assert_eq!(one.bytes(), one.contents);
        }
        for range in ranges {
            let (start, end) = (range.start.addr(), range.end.addr());
            let mut facts = slab.facts();
            assert!(facts.any(|fact| fact.start <= start && end <= fact.start + fact.len));
        }
    }

    /// All bytes that are not zero, in all mappings.
    #[cfg(target_os = "linux")]
    fn bytes_left(slab: &Slab) -> usize {
        let ranges = slab.facts().map(|fact| fact.start..fact.start + fact.len);
        ranges
            .map(|range| Mapping::copy_of(range).unwrap())
            .map(|copy| copy.bytes().iter().filter(|byte| **byte != 0).count())
            .sum()
    }

    proptest! {
        #[test]
        fn the_slab_does_as_the_model(steps in steps()) {
            let mut slab = Slab::new();
            let mut held: Vec<Held> = Vec::new();
            for step in steps {
                match step {
                    Step::Take { len, seed } => held.push(Held::take(&mut slab, len, seed)),
                    Step::GiveBack(_) if held.is_empty() => {}
                    Step::GiveBack(n) => {
                        let one = held.swap_remove(n % held.len());
                        slab.give_back(one.space);
                    }
                }
                check_all(&slab, &held);
            }
            held.into_iter().for_each(|one| slab.give_back(one.space));
            prop_assert!(slab.large.is_empty());
            #[cfg(target_os = "linux")]
            prop_assert_eq!(bytes_left(&slab), 0);
        }
    }

    #[test]
    fn what_was_given_back_is_used_again() {
        let mut slab = Slab::new();
        for round in 0..5 {
            let held: Vec<Held> = (0..2000)
                .map(|n| Held::take(&mut slab, [40, 100, 4000][(n + round) % 3], 1))
                .collect();
            held.into_iter().for_each(|one| slab.give_back(one.space));
        }
        // A third of the values fills 16 to a chunk, the others 512 and 1024.
        assert!(slab.chunks.len() <= 46, "{}", slab.chunks.len());
    }
}
