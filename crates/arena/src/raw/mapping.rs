//! One range of locked pages between two guard pages.

use std::io;
use std::ops::Range;
use std::ptr::NonNull;
use std::slice;

use zeroize::Zeroize;

use super::os;
use crate::status::LockFailure;

/// Pages of the kernel's, zeroed, alone in their mapping; zeroed and given back when dropped.
///
/// The page before and the page behind cannot be read or written, so that an overrun of a
/// neighbour ends the process and does not reach the keys.
pub(crate) struct Mapping {
    /// The first byte behind the guard.
    first: NonNull<u8>,
    /// Whole pages, without the guards.
    len: usize,
    guard: usize,
    facts: Facts,
}

/// What the kernel granted for a mapping, and where it is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Facts {
    pub(crate) start: usize,
    pub(crate) len: usize,
    /// Why the pages can be swapped out, if they can.
    pub(crate) lock_failure: Option<LockFailure>,
    /// Left out of dumps and wiped on fork.
    pub(crate) advised: bool,
}

// SAFETY: a mapping owns its pages as a `Box<[u8]>` owns its bytes; they belong to no thread.
unsafe impl Send for Mapping {}
// SAFETY: as above: a shared reference gives only shared access.
unsafe impl Sync for Mapping {}

impl Mapping {
    /// At least `len` bytes; pages that cannot be locked are no error.
    ///
    /// # Errors
    /// If the kernel has no memory or no mappings left.
    pub(crate) fn new(len: usize) -> io::Result<Self> {
        let guard = os::page_bytes();
        let len = len
            .checked_next_multiple_of(guard)
            .ok_or(io::ErrorKind::OutOfMemory)?;
        let whole = len
            .checked_add(2 * guard)
            .ok_or(io::ErrorKind::OutOfMemory)?;
        let start = os::reserve(whole)?;
        // SAFETY: the guard is shorter than the mapping, so this stays inside.
        let first = unsafe { start.add(guard) };
        // SAFETY: `first` and `len` are whole pages of this mapping.
        if let Err(error) = unsafe { os::open(first, len) } {
            // SAFETY: the whole mapping, of which nobody knows yet.
            unsafe { os::release(start, whole) };
            return Err(error);
        }
        // SAFETY: as above, and the mapping is private and anonymous.
        let facts = unsafe { protect(first, len) };
        Ok(Self {
            first,
            len,
            guard,
            facts,
        })
    }

    pub(crate) fn facts(&self) -> Facts {
        self.facts
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        // SAFETY: the pages are readable, initialised by the kernel and owned by `self`; whoever
        // hands out parts of them (`Chunk`) keeps the mapping to itself and never calls this.
        unsafe { slice::from_raw_parts(self.first.as_ptr(), self.len) }
    }

    pub(crate) fn bytes_mut(&mut self) -> &mut [u8] {
        // SAFETY: as for `bytes`, and `&mut self` is the only access.
        unsafe { slice::from_raw_parts_mut(self.first.as_ptr(), self.len) }
    }

    /// The address of a byte, for `Chunk`.
    pub(super) fn at(&self, offset: usize) -> Option<NonNull<u8>> {
        // SAFETY: the offset lies inside of the mapping.
        (offset < self.len).then(|| unsafe { self.first.add(offset) })
    }

    /// A copy of what lies at `range`, which another thread may be writing to.
    ///
    /// # Errors
    /// If no memory is left for the copy, or the kernel cannot read the range in one piece.
    pub(crate) fn copy_of(range: Range<usize>) -> io::Result<Self> {
        let mut copy = Self::new(range.len())?;
        let copied = os::copy_in(range.start, &mut copy.bytes_mut()[..range.len()])?;
        if copied < range.len() {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(copy)
    }
}

/// Asks for all that keeps pages to this process.
///
/// # Safety
/// The range is whole pages of a private anonymous mapping of the caller's.
unsafe fn protect(first: NonNull<u8>, len: usize) -> Facts {
    // The advice goes first: no page is touched, and so filled, before it holds.
    // SAFETY: the caller's promise is the same.
    let advised = unsafe { os::advise(first, len) }.is_ok();
    // SAFETY: as above.
    let locked = unsafe { os::lock(first, len) };
    Facts {
        start: first.addr().get(),
        len,
        lock_failure: locked.err().map(LockFailure::new),
        advised,
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        // The kernel zeroes pages before it gives them to others, which may be long after.
        self.bytes_mut().zeroize();
        // SAFETY: `new` went forward by as much.
        let start = unsafe { self.first.sub(self.guard) };
        // SAFETY: this is the whole mapping, and its owner is going away.
        unsafe { os::release(start, self.len + 2 * self.guard) };
    }
}
