//! The size of the process' pages.

use std::io;

/// Keeps the process, and the programs that it starts, on pages of the usual size, where it runs on Linux
/// (`PR_SET_THP_DISABLE`, prctl(2)).
///
/// An allocator that asks for transparent huge pages takes 2 MiB where it needs a few KiB, which is most of what a small
/// server holds. For programs to call first of all: pages that are there stay as they are.
///
/// # Errors
/// The kernel's. Nothing but memory is lost.
pub fn use_small_pages() -> io::Result<()> {
    #[cfg(target_os = "linux")]
    crate::raw::os::forbid_huge_pages()?;
    Ok(())
}
