//! The system calls that the tests need and std does not have.
#![expect(unsafe_code, reason = "fork and ptrace have no safe interface")]

use std::io;

/// Whether this process passes the kernel's checks anyway.
pub(crate) fn is_root() -> bool {
    // SAFETY: reads a number.
    unsafe { libc::geteuid() == 0 }
}

/// The answer of a forked child. `check` must neither allocate nor take a lock: other threads
/// may have been in the middle of that.
pub(crate) fn in_a_fork(check: impl FnOnce() -> bool) -> bool {
    // SAFETY: the child does nothing but `check` and `_exit`.
    let pid = unsafe { libc::fork() };
    assert!(pid >= 0, "{}", io::Error::last_os_error());
    if pid == 0 {
        let code = i32::from(!check());
        // SAFETY: ends the child.
        unsafe { libc::_exit(code) };
    }
    let mut status = 0;
    // SAFETY: the kernel writes to `status` alone.
    assert_eq!(unsafe { libc::waitpid(pid, &raw mut status, 0) }, pid);
    libc::WIFEXITED(status) && libc::WEXITSTATUS(status) == 0
}

/// Attaches to a process as a debugger does, and lets go of it.
#[cfg(target_os = "linux")]
pub(crate) fn attach(pid: u32) -> io::Result<()> {
    let pid = libc::pid_t::try_from(pid).unwrap();
    let nothing = std::ptr::null_mut::<libc::c_void>();
    // SAFETY: attaching reads and writes no memory.
    if unsafe { libc::ptrace(libc::PTRACE_ATTACH, pid, nothing, nothing) } != 0 {
        return Err(io::Error::last_os_error());
    }
    let mut status = 0;
    // SAFETY: the kernel writes to `status` alone.
    assert_eq!(unsafe { libc::waitpid(pid, &raw mut status, 0) }, pid);
    // SAFETY: as for attaching.
    let result = unsafe { libc::ptrace(libc::PTRACE_DETACH, pid, nothing, nothing) };
    assert_eq!(result, 0, "{}", io::Error::last_os_error());
    Ok(())
}

/// Bytes of another process, or of this one where it may not read itself.
#[cfg(target_os = "linux")]
pub(crate) fn read_memory(pid: u32, address: usize, into: &mut [u8]) -> io::Result<()> {
    let pid = libc::pid_t::try_from(pid).unwrap();
    let local = libc::iovec {
        iov_base: into.as_mut_ptr().cast(),
        iov_len: into.len(),
    };
    let remote = libc::iovec {
        iov_base: std::ptr::without_provenance_mut(address),
        iov_len: into.len(),
    };
    // SAFETY: the kernel writes to `into` alone and checks the other address.
    let copied = unsafe { libc::process_vm_readv(pid, &local, 1, &remote, 1, 0) };
    if copied < 0 {
        return Err(io::Error::last_os_error());
    }
    assert_eq!(usize::try_from(copied).unwrap(), into.len());
    Ok(())
}
