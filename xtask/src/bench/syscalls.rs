//! Counting the system calls of a running process with `strace`, where it is installed and
//! allowed to attach.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, Stdio};

use anyhow::Context;
use serde_json::Value;

/// System calls per request while `load` runs; `None` if they cannot be counted here.
///
/// # Errors
/// If the load fails.
pub(crate) fn count(
    pid: u32,
    load: impl FnOnce() -> anyhow::Result<Value>,
) -> anyhow::Result<Option<f64>> {
    let Some(mut tracer) = attach(pid) else {
        return Ok(None);
    };
    let report = load();
    let summary = detach(&mut tracer);
    let sent = report?["sent"].as_u64().unwrap_or_default();
    let calls = summary?.lines().find_map(total);
    Ok(calls
        .filter(|_| sent > 0)
        .map(|calls| calls as f64 / sent as f64))
}

/// Starts the tracer and waits until it says that it has attached.
fn attach(pid: u32) -> Option<Child> {
    let mut command = Command::new("strace");
    command.args(["-f", "-c", "-p", &pid.to_string()]);
    command.stdin(Stdio::null()).stdout(Stdio::null());
    let mut child = command.stderr(Stdio::piped()).spawn().ok()?;
    let mut first_line = String::new();
    let attached = child.stderr.take().is_some_and(|stderr| {
        let mut reader = BufReader::new(stderr);
        let read = reader.read_line(&mut first_line).is_ok();
        child.stderr = Some(reader.into_inner());
        read && first_line.contains("attached")
    });
    if !attached {
        child.kill().ok();
        child.wait().ok();
        return None;
    }
    Some(child)
}

/// Ends the tracer as a user would, so that it prints its summary.
fn detach(tracer: &mut Child) -> anyhow::Result<String> {
    let pid = tracer.id().to_string();
    let interrupted = Command::new("kill").args(["-INT", &pid]).status();
    if !interrupted.is_ok_and(|status| status.success()) {
        tracer.kill().ok();
    }
    let mut summary = String::new();
    if let Some(stderr) = &mut tracer.stderr {
        stderr
            .read_to_string(&mut summary)
            .context("strace said nothing readable")?;
    }
    tracer.wait().context("strace did not end")?;
    Ok(summary)
}

/// The number of calls, if this is the summary's last line:
/// `100.00  0.5  3  12345  67 total`, where errors may be blank.
fn total(line: &str) -> Option<u64> {
    let fields: Vec<&str> = line.split_whitespace().collect();
    match fields.as_slice() {
        [_share, _seconds, _each, calls, .., "total"] => calls.parse().ok(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_total() {
        assert_eq!(
            total("100.00    0.520000           3     12345       67 total"),
            Some(12_345)
        );
        assert_eq!(
            total("100.00    0.520000           3     12345           total"),
            Some(12_345)
        );
        assert_eq!(
            total(" 99.00    0.500000           3     12000           epoll_wait"),
            None
        );
    }
}
