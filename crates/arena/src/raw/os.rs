//! The system calls, each as one function that says what it needs.

use std::ffi::c_int;
use std::io;
use std::ptr::{self, NonNull};

/// Bytes of one page of this machine.
pub(crate) fn page_bytes() -> usize {
    // SAFETY: `sysconf` reads nothing of ours.
    let bytes = unsafe { libc::sysconf(libc::_SC_PAGESIZE) };
    // POSIX lets no system be without a page size; 64 KiB is a multiple of every size in use.
    usize::try_from(bytes).unwrap_or(64 * 1024)
}

/// `len` bytes of address space that cannot be read or written yet.
///
/// # Errors
/// The kernel's, above all `ENOMEM`.
pub(super) fn reserve(len: usize) -> io::Result<NonNull<u8>> {
    let flags = libc::MAP_PRIVATE | libc::MAP_ANON;
    // SAFETY: an anonymous mapping at an address of the kernel's choice touches nothing that is there already.
    let start = unsafe { libc::mmap(ptr::null_mut(), len, libc::PROT_NONE, flags, -1, 0) };
    if start == libc::MAP_FAILED {
        return Err(io::Error::last_os_error());
    }
    NonNull::new(start.cast()).ok_or_else(|| io::Error::other("the kernel mapped address zero"))
}

/// Makes pages readable and writable.
///
/// # Safety
/// The range is whole pages of a mapping of the caller's.
pub(super) unsafe fn open(start: NonNull<u8>, len: usize) -> io::Result<()> {
    let access = libc::PROT_READ | libc::PROT_WRITE;
    // SAFETY: the caller owns the range; more access breaks no reference into it.
    outcome(unsafe { libc::mprotect(start.as_ptr().cast(), len, access) })
}

/// Keeps pages in memory, so that they are never written to swap.
///
/// # Safety
/// The range is whole pages of a mapping of the caller's.
pub(super) unsafe fn lock(start: NonNull<u8>, len: usize) -> io::Result<()> {
    // SAFETY: locking changes no byte.
    outcome(unsafe { libc::mlock(start.as_ptr().cast(), len) })
}

/// Leaves pages out of core dumps and gives zeros to forked children.
///
/// # Safety
/// The range is whole pages of a private anonymous mapping of the caller's.
#[cfg(target_os = "linux")]
pub(super) unsafe fn advise(start: NonNull<u8>, len: usize) -> io::Result<()> {
    let start = start.as_ptr().cast();
    // SAFETY: neither advice changes a byte in this process. Both are tried even if one fails.
    let (dump, fork) = unsafe {
        (
            outcome(libc::madvise(start, len, libc::MADV_DONTDUMP)),
            outcome(libc::madvise(start, len, libc::MADV_WIPEONFORK)),
        )
    };
    dump.and(fork)
}

/// Other kernels have no such advice.
///
/// # Safety
/// None needed; the signature is that of Linux.
#[cfg(not(target_os = "linux"))]
pub(super) unsafe fn advise(_start: NonNull<u8>, _len: usize) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

/// Gives a mapping back. A refusal leaves it mapped, which harms nobody.
///
/// # Safety
/// The range is a whole mapping of the caller's, and nobody holds a pointer into it.
pub(super) unsafe fn release(start: NonNull<u8>, len: usize) {
    // SAFETY: the caller gives up the range.
    unsafe { libc::munmap(start.as_ptr().cast(), len) };
}

/// Has the kernel copy bytes of this process from `from` into `into`; `Ok` is how many it copied.
///
/// Other threads may be writing there meanwhile: the copy is made outside of the program, so that
/// this is no data race, and an address that is not mapped is an error and no crash.
///
/// # Errors
/// The kernel's, `EPERM` or `ENOSYS` where a system-call filter forbids `process_vm_readv`.
#[cfg(target_os = "linux")]
pub(super) fn copy_in(from: usize, into: &mut [u8]) -> io::Result<usize> {
    let local = libc::iovec {
        iov_base: into.as_mut_ptr().cast(),
        iov_len: into.len(),
    };
    let remote = libc::iovec {
        iov_base: ptr::without_provenance_mut(from),
        iov_len: into.len(),
    };
    // SAFETY: the kernel writes to `into` alone, which is ours, and checks `from` itself.
    let copied = unsafe { libc::process_vm_readv(libc::getpid(), &local, 1, &remote, 1, 0) };
    usize::try_from(copied).map_err(|_| io::Error::last_os_error())
}

/// Other kernels have no such call.
#[cfg(not(target_os = "linux"))]
pub(super) fn copy_in(_from: usize, _into: &mut [u8]) -> io::Result<usize> {
    Err(io::ErrorKind::Unsupported.into())
}

/// The kernel's number of bytes: signed on some systems.
pub(crate) type Bytes = libc::rlim_t;

/// How many bytes this process may lock; `None` is no limit, or an unknown one.
pub(crate) fn lock_limit_bytes() -> Option<Bytes> {
    let mut limit = libc::rlimit {
        rlim_cur: libc::RLIM_INFINITY,
        rlim_max: libc::RLIM_INFINITY,
    };
    // SAFETY: the kernel writes to `limit` alone.
    unsafe { libc::getrlimit(libc::RLIMIT_MEMLOCK, &raw mut limit) };
    (limit.rlim_cur != libc::RLIM_INFINITY).then_some(limit.rlim_cur)
}

/// No core files from here on; without privilege there is no way back.
///
/// # Errors
/// The kernel's.
pub(crate) fn forbid_core_files() -> io::Result<()> {
    let none = libc::rlimit {
        rlim_cur: 0,
        rlim_max: 0,
    };
    // SAFETY: the kernel reads `none` alone.
    outcome(unsafe { libc::setrlimit(libc::RLIMIT_CORE, &raw const none) })
}

/// Makes the process one that cannot be dumped, nor traced by others of its user.
///
/// # Errors
/// The kernel's.
#[cfg(target_os = "linux")]
pub(crate) fn forbid_dumps() -> io::Result<()> {
    let no: std::ffi::c_ulong = 0;
    // SAFETY: this operation takes numbers only.
    outcome(unsafe { libc::prctl(libc::PR_SET_DUMPABLE, no, no, no, no) })
}

/// Takes huge pages away from the process, whatever part of it asks for some.
///
/// # Errors
/// The kernel's.
#[cfg(target_os = "linux")]
pub(crate) fn forbid_huge_pages() -> io::Result<()> {
    let (yes, no): (std::ffi::c_ulong, std::ffi::c_ulong) = (1, 0);
    // SAFETY: this operation takes numbers only.
    outcome(unsafe { libc::prctl(libc::PR_SET_THP_DISABLE, yes, no, no, no) })
}

fn outcome(result: c_int) -> io::Result<()> {
    if result == 0 {
        return Ok(());
    }
    Err(io::Error::last_os_error())
}
