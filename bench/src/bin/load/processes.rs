//! CPU time of the measured processes.

use std::time::Duration;

/// The kernel reports CPU time in ticks of this many a second on every Linux platform
/// (`USER_HZ`, proc(5)).
const TICKS_PER_SECOND: u64 = 100;

/// CPU time used so far by a set of processes, user and system, all threads.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CpuTime(Duration);

impl CpuTime {
    /// Reads it; `None` if there are no processes or one of them is gone.
    pub(crate) fn of(pids: &[u32]) -> Option<Self> {
        if pids.is_empty() {
            return None;
        }
        let mut ticks = 0;
        for pid in pids {
            let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
            ticks += ticks_in(&stat)?;
        }
        Some(Self(Duration::from_millis(ticks * 1000 / TICKS_PER_SECOND)))
    }

    pub(crate) fn since(self, earlier: Self) -> Duration {
        self.0.saturating_sub(earlier.0)
    }
}

/// `utime` and `stime`, the 14th and 15th fields of proc(5)'s `stat`.
fn ticks_in(stat: &str) -> Option<u64> {
    // The second field is the program's name, which may hold blanks and brackets.
    let (_, after_name) = stat.rsplit_once(')')?;
    let mut fields = after_name.split_whitespace().skip(11);
    let user: u64 = fields.next()?.parse().ok()?;
    let system: u64 = fields.next()?.parse().ok()?;
    Some(user + system)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_right_fields_whatever_the_name() {
        let stat = "7 (a) b (c) S 1 7 7 0 -1 4194560 1 2 3 4 150 50 9 9 20 0 1 0";
        assert_eq!(ticks_in(stat), Some(200));
        assert_eq!(ticks_in("7 (cut) S 1"), None);
    }

    #[test]
    fn no_process_has_no_time() {
        assert!(CpuTime::of(&[]).is_none());
    }
}
