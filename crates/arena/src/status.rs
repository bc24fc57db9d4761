//! What the kernel granted, and a look into the arena for tests.

use std::fmt;
use std::io;
use std::ops::Range;

use crate::raw::{Facts, Mapping, os};
use crate::slab::slab;

/// The state of all mappings of the arena at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Status {
    /// Mappings: chunks of 64 KiB, and one for each value above 4 KiB.
    pub chunks: usize,
    /// Those among them whose pages are locked.
    pub locked: usize,
    /// Those among them that are left out of dumps and wiped on fork; none but on Linux.
    pub advised: usize,
    /// Bytes of all mappings.
    pub bytes: usize,
    /// Why a mapping is not locked, if one is not.
    pub failed_reason: Option<LockFailure>,
}

/// Why pages could not be locked, so that the kernel may write them to swap.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LockFailure {
    /// The kernel's number, if it gave one.
    code: Option<i32>,
    /// `RLIMIT_MEMLOCK` at that time; `None` is no limit.
    limit_bytes: Option<os::Bytes>,
}

impl LockFailure {
    pub(crate) fn new(error: io::Error) -> Self {
        Self {
            code: error.raw_os_error(),
            limit_bytes: os::lock_limit_bytes(),
        }
    }
}

impl fmt::Display for LockFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("memory for keys cannot be locked and may be swapped out")?;
        if let Some(code) = self.code {
            write!(f, ": {}", io::Error::from_raw_os_error(code))?;
        }
        match self.limit_bytes {
            Some(limit) => write!(
                f,
                "; RLIMIT_MEMLOCK is {limit} bytes, raise it (`ulimit -l`, LimitMEMLOCK= in a unit)"
            ),
            None => f.write_str("; turn swap off or encrypt it"),
        }
    }
}

/// What the kernel granted so far. A child made by `fork` holds no locks, and sees those of its parent here.
#[must_use]
pub fn status() -> Status {
    let mut status = Status {
        chunks: 0,
        locked: 0,
        advised: 0,
        bytes: 0,
        failed_reason: None,
    };
    for facts in slab().facts() {
        status.chunks += 1;
        status.bytes += facts.len;
        status.locked += usize::from(facts.lock_failure.is_none());
        status.advised += usize::from(facts.advised);
        status.failed_reason = status.failed_reason.or(facts.lock_failure);
    }
    status
}

/// Whether all pages are locked; so it is too while there are none, hence ask after the first key.
#[must_use]
pub fn locked_fully() -> bool {
    status().failed_reason.is_none()
}

/// The addresses of all mappings of the arena, without their guard pages.
#[must_use]
pub fn regions() -> Vec<Range<usize>> {
    slab().facts().map(range).collect()
}

/// How often `needle` occurs in the arena, for tests that look for what should be gone.
///
/// Linux only. Works in a hardened process, too.
///
/// # Errors
/// If the kernel does not let the process copy its own memory (a filter against
/// `process_vm_readv`), or has none left for the copy; `Unsupported` elsewhere.
pub fn scan(needle: &[u8]) -> io::Result<usize> {
    if needle.is_empty() {
        return Ok(0);
    }
    // Held to the end, so that no mapping is given back meanwhile.
    let slab = slab();
    let mut found = 0;
    for facts in slab.facts() {
        let copy = Mapping::copy_of(range(facts))?;
        let windows = copy.bytes().windows(needle.len());
        found += windows.filter(|window| *window == needle).count();
    }
    Ok(found)
}

fn range(facts: Facts) -> Range<usize> {
    facts.start..facts.start + facts.len
}
