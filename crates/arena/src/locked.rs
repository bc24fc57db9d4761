//! The one type that holds keys.

use std::alloc::{Layout, handle_alloc_error};
use std::mem;

use crate::slab::{Space, slab};

/// Bytes in locked pages, as many as it was made with, zeroed when dropped.
///
/// It cannot be printed, copied or compared by accident; [`expose`](Self::expose) is the only way
/// to its bytes.
///
/// ```
/// use orchestra_arena::Locked;
///
/// let mut key = Locked::new(32);
/// key.expose_mut()[0] = 7;
/// assert_eq!(key.expose()[..2], [7, 0]);
/// ```
///
/// There is no `Debug`, `Display`, `Clone`, `PartialEq`, `Deref` or `Serialize`:
///
/// ```compile_fail,E0277
/// println!("{:?}", orchestra_arena::Locked::new(1));
/// ```
/// ```compile_fail,E0277
/// println!("{}", orchestra_arena::Locked::new(1));
/// ```
/// ```compile_fail,E0599
/// let twin = orchestra_arena::Locked::new(1).clone();
/// ```
/// ```compile_fail,E0369
/// let equal = orchestra_arena::Locked::new(1) == orchestra_arena::Locked::new(1);
/// ```
/// ```compile_fail,E0614
/// let bytes = *orchestra_arena::Locked::new(1);
/// ```
/// ```compile_fail,E0277
/// fn needs(_: impl serde::Serialize) {}
/// needs(orchestra_arena::Locked::new(1));
/// ```
#[expect(
    missing_debug_implementations,
    reason = "what cannot be printed is not printed by accident"
)]
pub struct Locked {
    space: Space,
    len: usize,
}

/// The kernel has no memory, or no mappings, left for a key.
#[derive(Debug, thiserror::Error)]
#[error("no locked memory for {len} bytes: free memory, or raise the limits on it or on mappings")]
pub struct OutOfMemory {
    len: usize,
    source: std::io::Error,
}

impl Locked {
    /// `len` zeros.
    ///
    /// Without memory the process ends, as it does for a `Vec`; [`try_new`](Self::try_new) does not.
    #[must_use]
    pub fn new(len: usize) -> Self {
        Self::try_new(len).unwrap_or_else(|_| handle_alloc_error(layout(len)))
    }

    /// `len` zeros, if there is memory for them.
    ///
    /// # Errors
    /// [`OutOfMemory`]. Memory that cannot be locked is no error; see [`status`](crate::status()).
    pub fn try_new(len: usize) -> Result<Self, OutOfMemory> {
        let space = slab().take(len);
        let space = space.map_err(|source| OutOfMemory { len, source })?;
        Ok(Self { space, len })
    }

    /// The same bytes as `bytes`, which are the caller's to wipe.
    #[must_use]
    pub fn copy_from(bytes: &[u8]) -> Self {
        let mut copy = Self::new(bytes.len());
        copy.expose_mut().copy_from_slice(bytes);
        copy
    }

    /// The bytes. Every copy of them is out of this crate's hands.
    #[must_use]
    pub fn expose(&self) -> &[u8] {
        match &self.space {
            Space::Nothing => &[],
            Space::Small(slot, _) => &slot.bytes()[..self.len],
            Space::Large(mapping) => &mapping.bytes()[..self.len],
        }
    }

    /// The bytes, to be written: a key is best made in its place.
    #[must_use]
    pub fn expose_mut(&mut self) -> &mut [u8] {
        match &mut self.space {
            Space::Nothing => &mut [],
            Space::Small(slot, _) => &mut slot.bytes_mut()[..self.len],
            Space::Large(mapping) => &mut mapping.bytes_mut()[..self.len],
        }
    }

    /// How many bytes it was made with.
    #[must_use]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether it was made with no bytes.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }
}

impl Drop for Locked {
    fn drop(&mut self) {
        slab().give_back(mem::replace(&mut self.space, Space::Nothing));
    }
}

/// What is named when memory ran out; a length that no layout can have is shown as one byte.
fn layout(len: usize) -> Layout {
    Layout::array::<u8>(len).unwrap_or(Layout::new::<u8>())
}
