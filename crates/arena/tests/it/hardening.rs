//! What `harden` changes of the process.

use std::process::Command;

use orchestra_arena::harden;

use crate::child;

fn shell(script: &str) -> String {
    let output = Command::new("sh").args(["-c", script]).output().unwrap();
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn core_files_are_forbidden_for_good() {
    const TEST: &str = "hardening::core_files_are_forbidden_for_good";
    if child::role().is_none() {
        child::told(&mut child::again(TEST, "hardened"));
        return;
    }
    harden().unwrap();
    assert_eq!(shell("ulimit -S -c; ulimit -H -c"), "0\n0\n");
    harden().unwrap();
}

#[cfg(target_os = "linux")]
#[test]
fn a_hardened_process_can_still_scan() {
    const TEST: &str = "hardening::a_hardened_process_can_still_scan";
    if child::role().is_none() {
        let public = child::Public::new();
        let mut command = child::limited(&public.program(), "true", TEST, "hardened");
        child::told(child::without_privilege(&mut command));
        return;
    }
    harden().unwrap();
    let value = crate::locked_needle(7, 0);
    let bytes: Vec<u8> = crate::needle(7).collect();
    assert_eq!(orchestra_arena::scan(&bytes).unwrap(), 1);
    drop(value);
    assert_eq!(orchestra_arena::scan(&bytes).unwrap(), 0);
}
