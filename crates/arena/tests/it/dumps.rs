//! A process that aborts, with and without hardening, and what it leaves behind.

use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process;

use orchestra_arena::harden;
use tempfile::TempDir;

use crate::{child, locked_needle, needle};

const LIMIT: &str = "ulimit -c unlimited";
/// Seeds of what lies in the arena, and of what lies beside it.
const INSIDE: u8 = 11;
const BESIDE: u8 = 12;

/// What became of a child.
struct Remains {
    dumped: bool,
    /// What it left in its folder.
    files: Vec<PathBuf>,
    _folder: TempDir,
}

fn remains(test: &str, role: &str) -> Remains {
    let folder = TempDir::new().unwrap();
    let mut command = child::limited(&child::this_program(), LIMIT, test, role);
    let status = command.current_dir(folder.path()).output().unwrap().status;
    assert_eq!(status.signal(), Some(libc::SIGABRT), "{status}");
    let entries = fs::read_dir(folder.path()).unwrap();
    Remains {
        dumped: status.core_dumped(),
        files: entries.map(|entry| entry.unwrap().path()).collect(),
        _folder: folder,
    }
}

/// Whether this machine writes a core file into the folder of whoever aborts.
fn dumps_are_files_here() -> bool {
    let pattern = fs::read_to_string("/proc/sys/kernel/core_pattern").unwrap();
    let allowed = process::Command::new("sh")
        .args(["-c", LIMIT])
        .status()
        .unwrap();
    !pattern.starts_with(['|', '/', '@', '\n']) && allowed.success()
}

fn holds(bytes: &[u8], seed: u8) -> bool {
    let wanted: Vec<u8> = needle(seed).collect();
    bytes.windows(wanted.len()).any(|window| window == wanted)
}

#[test]
fn a_hardened_process_leaves_no_core_file() {
    const TEST: &str = "dumps::a_hardened_process_leaves_no_core_file";
    if child::role().is_some() {
        harden().unwrap();
        process::abort();
    }
    let remains = remains(TEST, "hardened");
    assert!(!remains.dumped);
    assert_eq!(remains.files, Vec::<PathBuf>::new());
}

/// Shows also that the test above can fail.
#[test]
fn the_core_file_of_another_holds_no_key() {
    const TEST: &str = "dumps::the_core_file_of_another_holds_no_key";
    if child::role().is_some() {
        let _inside = [locked_needle(INSIDE, 0), locked_needle(INSIDE, 70_000)];
        let _beside: Vec<u8> = needle(BESIDE).collect();
        process::abort();
    }
    let remains = remains(TEST, "plain");
    if !dumps_are_files_here() {
        eprintln!("core files do not land in folders on this machine: nothing to look at");
        return;
    }
    assert!(remains.dumped);
    assert_eq!(remains.files.len(), 1);
    let core = fs::read(&remains.files[0]).unwrap();
    assert!(holds(&core, BESIDE));
    assert!(!holds(&core, INSIDE));
}
