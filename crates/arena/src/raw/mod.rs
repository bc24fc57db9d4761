//! All that the compiler cannot check: system calls, and the one owner of each byte of a mapping.
//!
//! Everything that leaves this module is safe to use in any way its types allow; no other
//! module has to keep a promise for it.
#![expect(
    unsafe_code,
    reason = "memory from the kernel and its advice have no safe interface in std"
)]

mod chunk;
mod mapping;
pub(crate) mod os;

pub(crate) use chunk::{Chunk, Class, Slot};
pub(crate) use mapping::{Facts, Mapping};
