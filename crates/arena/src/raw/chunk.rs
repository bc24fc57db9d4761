//! A mapping cut into slots, each with one owner.

use std::io;
use std::mem::ManuallyDrop;
use std::ptr::NonNull;
use std::slice;

use zeroize::Zeroize;

use super::mapping::{Facts, Mapping};

/// One chunk: a multiple of every page size in use, and the whole of the smallest usual `RLIMIT_MEMLOCK`.
pub(crate) const CHUNK_BYTES: usize = 64 * 1024;
/// Slots of one size fill a run; [`SMALLEST_SLOT`] makes them 64, the bits of a word.
const RUN_BYTES: usize = 4096;
const RUNS: usize = CHUNK_BYTES / RUN_BYTES;
const SMALLEST_SLOT: usize = 64;

/// A size of slots: a power of two from 64 B to 4 KiB.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Class(u8);

impl Class {
    pub(crate) const COUNT: usize = 7;

    /// The smallest that holds `len` bytes; none does if `len` is above 4 KiB.
    pub(crate) fn of(len: usize) -> Option<Self> {
        let mut classes = (0..).take(Self::COUNT).map(Self);
        classes.find(|class| len <= class.slot_bytes())
    }

    pub(crate) fn index(self) -> usize {
        self.0.into()
    }

    pub(crate) fn slot_bytes(self) -> usize {
        SMALLEST_SLOT << self.0
    }

    /// The word of a run whose slots are all in use.
    fn full(self) -> u64 {
        u64::MAX >> (64 - RUN_BYTES / self.slot_bytes())
    }
}

/// The only handle on some bytes of a chunk. Dropping it instead of giving it back loses them.
pub(crate) struct Slot {
    first: NonNull<u8>,
    class: Class,
}

// SAFETY: a slot owns its bytes as a `Box<[u8]>` does; they belong to no thread.
unsafe impl Send for Slot {}
// SAFETY: as above: a shared reference gives only shared access.
unsafe impl Sync for Slot {}

impl Slot {
    pub(crate) fn class(&self) -> Class {
        self.class
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        // SAFETY: the chunk is mapped while a slot is out, and gave these bytes to nobody else.
        unsafe { slice::from_raw_parts(self.first.as_ptr(), self.class.slot_bytes()) }
    }

    pub(crate) fn bytes_mut(&mut self) -> &mut [u8] {
        // SAFETY: as above, and `&mut self` is the only access.
        unsafe { slice::from_raw_parts_mut(self.first.as_ptr(), self.class.slot_bytes()) }
    }
}

/// Runs of slots in one mapping. Slots that are not out are zero.
pub(crate) struct Chunk {
    /// Given back only if no slot is out.
    mapping: ManuallyDrop<Mapping>,
    runs: [Run; RUNS],
}

/// 4 KiB of slots of one size.
#[derive(Clone, Copy)]
struct Run {
    class: Class,
    /// A bit for each slot that is out, the lowest for the first.
    used: u64,
}

impl Run {
    const EMPTY: Self = Self {
        class: Class(0),
        used: 0,
    };

    /// An empty run takes any size.
    fn has_room(self, class: Class) -> bool {
        self.used == 0 || (self.class == class && self.used != class.full())
    }
}

impl Chunk {
    /// # Errors
    /// If the kernel has no memory or no mappings left.
    pub(crate) fn new() -> io::Result<Self> {
        let mapping = ManuallyDrop::new(Mapping::new(CHUNK_BYTES)?);
        let runs = [Run::EMPTY; RUNS];
        Ok(Self { mapping, runs })
    }

    pub(crate) fn facts(&self) -> Facts {
        self.mapping.facts()
    }

    /// A zeroed slot, if one is free. Runs already cut to this size are filled first.
    pub(crate) fn take(&mut self, class: Class) -> Option<Slot> {
        let begun = |run: &Run| run.used != 0 && run.has_room(class);
        let at = (self.runs.iter().position(begun))
            .or_else(|| self.runs.iter().position(|run| run.has_room(class)))?;
        let run = &mut self.runs[at];
        run.class = class;
        let index = run.used.trailing_ones();
        let offset = at * RUN_BYTES + usize::try_from(index).ok()? * class.slot_bytes();
        let first = self.mapping.at(offset)?;
        run.used |= 1 << index;
        Some(Slot { first, class })
    }

    /// Zeroes a slot and takes it back.
    ///
    /// # Errors
    /// The slot, if it is not one of this chunk's.
    pub(crate) fn give_back(&mut self, mut slot: Slot) -> Result<(), Slot> {
        let offset = slot.first.addr().get().wrapping_sub(self.facts().start);
        let Some(run) = self.runs.get_mut(offset / RUN_BYTES) else {
            return Err(slot);
        };
        slot.bytes_mut().zeroize();
        run.used &= !(1 << (offset % RUN_BYTES / slot.class.slot_bytes()));
        Ok(())
    }

    fn is_unused(&self) -> bool {
        self.runs.iter().all(|run| run.used == 0)
    }
}

impl Drop for Chunk {
    fn drop(&mut self) {
        // Whoever still has a slot keeps the pages mapped: a leak is safe, a stale pointer is not.
        if self.is_unused() {
            // SAFETY: nobody uses `mapping` after this, and no slot points into it.
            unsafe { ManuallyDrop::drop(&mut self.mapping) };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn class(len: usize) -> Class {
        Class::of(len).unwrap()
    }

    #[test]
    fn classes_are_powers_of_two() {
        let check = |len, slot_bytes| assert_eq!(class(len).slot_bytes(), slot_bytes, "{len}");
        check(0, 64);
        check(64, 64);
        check(65, 128);
        check(2049, 4096);
        check(4096, 4096);
        assert_eq!(Class::of(4097), None);
        assert_eq!(class(4096).index(), Class::COUNT - 1);
    }

    #[test]
    fn a_chunk_is_filled_to_the_last_byte() {
        for len in [64, 128, 4096] {
            let mut chunk = Chunk::new().unwrap();
            let slots: Vec<Slot> = std::iter::from_fn(|| chunk.take(class(len))).collect();
            assert_eq!(slots.len(), CHUNK_BYTES / len);
            for slot in slots {
                assert!(chunk.give_back(slot).is_ok());
            }
            assert!(chunk.is_unused());
        }
    }

    #[test]
    fn a_run_changes_its_class_when_it_is_empty() {
        let mut chunk = Chunk::new().unwrap();
        let mut slots: Vec<Slot> = std::iter::from_fn(|| chunk.take(class(4096))).collect();
        assert!(chunk.take(class(64)).is_none());
        assert!(chunk.give_back(slots.remove(7)).is_ok());
        assert!(chunk.take(class(64)).is_some());
        assert!(chunk.take(class(4096)).is_none());
    }

    #[test]
    fn a_slot_of_another_chunk_is_refused() {
        let (mut one, mut other) = (Chunk::new().unwrap(), Chunk::new().unwrap());
        let mut slot = one.take(class(64)).unwrap();
        slot.bytes_mut().fill(7);
        let slot = other.give_back(slot).err().unwrap();
        assert_eq!(slot.bytes(), [7; 64]);
        assert!(one.give_back(slot).is_ok());
    }

    #[test]
    fn a_slot_outlives_its_chunk() {
        let mut chunk = Chunk::new().unwrap();
        let mut slot = chunk.take(class(64)).unwrap();
        drop(chunk);
        slot.bytes_mut().fill(7);
        assert_eq!(slot.bytes(), [7; 64]);
    }
}
