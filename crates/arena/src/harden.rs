//! The process around the keys: no dumps, no tracing by others of the same user.

use std::io;

use crate::raw::os;

/// What the kernel refused.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HardenError {
    /// `prctl(PR_SET_DUMPABLE, 0)` failed.
    #[error("cannot keep other processes of this user from reading this one's memory")]
    Dumpable(#[source] io::Error),
    /// `setrlimit(RLIMIT_CORE, 0)` failed.
    #[error("cannot forbid core files")]
    CoreLimit(#[source] io::Error),
}

/// Forbids core files and, on Linux, makes the process undumpable: others of its user cannot
/// attach to it or read `/proc/PID/mem` (`PR_SET_DUMPABLE`, prctl(2), ptrace(2)).
///
/// For programs to call when they start, after they have changed user. Root and
/// `CAP_SYS_PTRACE` pass all the same. `/proc/PID` then belongs to root, so an unprivileged process
/// cannot open its own `/proc/self/mem`, `environ` or `fd` either. A child keeps both, until it executes another
/// program, which keeps the limit alone.
///
/// # Errors
/// [`HardenError`], the first refusal; both measures are tried all the same.
pub fn harden() -> Result<(), HardenError> {
    let limit = os::forbid_core_files().map_err(HardenError::CoreLimit);
    forbid_dumps().and(limit)
}

#[cfg(target_os = "linux")]
fn forbid_dumps() -> Result<(), HardenError> {
    os::forbid_dumps().map_err(HardenError::Dumpable)
}

#[cfg(not(target_os = "linux"))]
fn forbid_dumps() -> Result<(), HardenError> {
    Ok(())
}
