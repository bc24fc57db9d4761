//! Pieces on their way to the client.

use bytes::{Bytes, BytesMut};

/// Chunks joined to one; a single chunk is not copied.
pub(crate) enum Gathered {
    Nothing,
    One(Bytes),
    Several(BytesMut),
}

impl Gathered {
    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Nothing => 0,
            Self::One(bytes) => bytes.len(),
            Self::Several(bytes) => bytes.len(),
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Adds a chunk that is not empty.
    pub(crate) fn add(&mut self, more: Bytes) {
        *self = match std::mem::replace(self, Self::Nothing) {
            Self::Nothing => Self::One(more),
            Self::One(first) => {
                let mut joined = BytesMut::with_capacity((first.len() + more.len()).max(4096));
                joined.extend_from_slice(&first);
                joined.extend_from_slice(&more);
                Self::Several(joined)
            }
            Self::Several(mut joined) => {
                joined.extend_from_slice(&more);
                Self::Several(joined)
            }
        };
    }

    pub(crate) fn into_bytes(self) -> Bytes {
        match self {
            Self::Nothing => Bytes::new(),
            Self::One(bytes) => bytes,
            Self::Several(bytes) => bytes.freeze(),
        }
    }
}
