//! Waiting for a place at a target.

use std::future::poll_fn;
use std::time::Duration;

use orchestra_health::{Called, Ticket, Wait};
use orchestra_types::Clock;
use tokio::time::{Instant, timeout_at};

use super::{Overload, ShedReason};

/// A newcomer waits for this part of the usual time in a line that does not get empty: it is no burst then, and whoever waits
/// long keeps all behind it waiting (controlled delay, as `CoDel` and Facebook's "Fail at Scale" have it).
const STANDING_SHARE: u32 = 5;

/// How long a newcomer waits in a line that has not been empty for this time.
pub(crate) fn patience(overload: &Overload, busy_for: Duration) -> Duration {
    if busy_for >= overload.max_wait {
        overload.max_wait / STANDING_SHARE
    } else {
        overload.max_wait
    }
}

/// The place that is handed over, and the number of its target.
pub(crate) async fn await_place(
    wait: &Wait,
    clock: &dyn Clock,
    until: Instant,
) -> Result<(usize, Ticket), ShedReason> {
    loop {
        let alarm = wait.alarm();
        let rest = alarm.map(|alarm| alarm.saturating_sub(clock.monotonic()));
        if rest == Some(Duration::ZERO) {
            wait.look(clock.monotonic());
            continue;
        }
        let look = rest.and_then(|rest| Instant::now().checked_add(rest));
        let wakes = look.map_or(until, |look| look.min(until));
        match timeout_at(wakes, poll_fn(|cx| wait.poll(alarm, cx))).await {
            Ok(Called::Granted(place)) => return Ok(place),
            Ok(Called::Displaced) => return Err(ShedReason::Displaced),
            Ok(Called::Alarm) => {}
            Err(_) if Instant::now() >= until => return Err(ShedReason::WaitTimeout),
            Err(_) => wait.look(clock.monotonic()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_joins_a_line_that_never_gets_empty_waits_for_less() {
        let overload = Overload::default();
        let just = overload.max_wait.saturating_sub(Duration::from_millis(1));
        assert_eq!(patience(&overload, Duration::ZERO), overload.max_wait);
        assert_eq!(patience(&overload, just), overload.max_wait);
        assert_eq!(
            patience(&overload, overload.max_wait),
            overload.max_wait / 5
        );
    }
}
