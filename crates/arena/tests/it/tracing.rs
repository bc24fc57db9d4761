//! Another process of the same user that wants the keys.
#![expect(
    clippy::print_stderr,
    reason = "what a child has to say, it says there"
)]

use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Read};
use std::os::unix::fs::FileExt;
use std::process::{self, Stdio};

use orchestra_arena::harden;

use crate::child::{self, Public};
use crate::{locked_needle, needle, system};

const TEST: &str = "tracing::others_of_the_same_user_cannot_read_a_hardened_process";
const SEED: u8 = 21;

#[test]
fn others_of_the_same_user_cannot_read_a_hardened_process() {
    match child::role().as_deref() {
        None => judge(),
        Some("victim") => be_a_victim(),
        Some("hardened victim") => {
            harden().unwrap();
            be_a_victim();
        }
        Some(attacker) => attack(&attacker.replace("attacker of ", "")),
    }
}

fn judge() {
    let hardened = attempts("hardened victim");
    assert_eq!(hardened.len(), 3);
    for attempt in &hardened {
        let refused = [libc::EACCES, libc::EPERM].map(|code| code.to_string());
        let (_, result) = attempt.split_once('=').unwrap();
        assert!(refused.iter().any(|code| code == result), "{attempt}");
    }
    // Shows that the attacks work where nothing prevents them. Yama's scope 2 does (and 1, were the
    // attacker not the parent of its victim).
    let yama = fs::read_to_string("/proc/sys/kernel/yama/ptrace_scope").unwrap_or_default();
    if !matches!(yama.trim(), "2" | "3") {
        assert_eq!(attempts("victim"), ["file=0", "call=0", "attach=0"]);
    }
}

/// What each attack of an unprivileged process on another came to: zero, or the kernel's error.
fn attempts(victim: &str) -> Vec<String> {
    let public = Public::new();
    let role = format!("attacker of {victim}");
    let mut command = child::limited(&public.program(), "true", TEST, &role);
    let told = child::told(child::without_privilege(&mut command));
    told.lines().map(str::to_owned).collect()
}

/// Tells where its key is, and waits until nobody listens.
fn be_a_victim() {
    let key = locked_needle(SEED, 0);
    eprintln!("{}", key.expose().as_ptr().addr());
    io::stdin().read_to_end(&mut Vec::new()).unwrap();
}

fn attack(role: &str) {
    let mut command = child::again(TEST, role);
    command.stdin(Stdio::piped()).stderr(Stdio::piped());
    let mut victim = command.stdout(Stdio::null()).spawn().unwrap();
    let mut line = String::new();
    let mut told = BufReader::new(victim.stderr.take().unwrap());
    told.read_line(&mut line).unwrap();
    let address = line.trim().parse().unwrap();
    let pid = victim.id();
    eprintln!("file={}", code(read_file(pid, address)));
    eprintln!("call={}", code(read_call(pid, address)));
    eprintln!("attach={}", code(system::attach(pid)));
    drop(victim.stdin.take());
    assert!(victim.wait().unwrap().success());
    assert_ne!(pid, process::id());
}

fn code(result: io::Result<()>) -> i32 {
    result.map_or_else(|error| error.raw_os_error().unwrap_or(-1), |()| 0)
}

fn read_file(pid: u32, address: u64) -> io::Result<()> {
    let memory = File::open(format!("/proc/{pid}/mem"))?;
    let mut found = [0; 16];
    memory.read_exact_at(&mut found, address)?;
    assert!(needle(SEED).eq(found));
    Ok(())
}

fn read_call(pid: u32, address: u64) -> io::Result<()> {
    let mut found = [0; 16];
    system::read_memory(pid, usize::try_from(address).unwrap(), &mut found)?;
    assert!(needle(SEED).eq(found));
    Ok(())
}
