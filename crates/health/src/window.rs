//! Counts over the last while.

use std::time::Duration;

/// How many of each there were in the last ten slices of time. Slices that are over are forgotten when
/// something is added; nothing runs in between.
#[derive(Clone, Debug)]
pub(crate) struct Window {
    slice: Duration,
    slices: [Counts; Self::SLICES],
    /// The number of the latest slice that was written.
    latest: u64,
}

/// What is counted.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Counts {
    pub(crate) good: f64,
    pub(crate) bad: f64,
}

impl Window {
    const SLICES: usize = 10;

    /// A window over `whole`.
    pub(crate) fn new(whole: Duration) -> Self {
        Self {
            slice: (whole / 10).max(Duration::from_millis(1)),
            slices: [Counts::default(); Self::SLICES],
            latest: 0,
        }
    }

    pub(crate) fn add(&mut self, now: Duration, good: f64, bad: f64) {
        self.forget(now);
        let place = Self::place(self.latest);
        self.slices[place].good += good;
        self.slices[place].bad += bad;
    }

    pub(crate) fn counts(&self, now: Duration) -> Counts {
        let present = self.number(now);
        let over = present.saturating_sub(self.latest);
        let kept = (Self::SLICES as u64).saturating_sub(over);
        let written = (0..kept.min(self.latest.saturating_add(1))).map(|back| self.latest - back);
        written.map(|number| self.slices[Self::place(number)]).fold(
            Counts::default(),
            |sum, slice| Counts {
                good: sum.good + slice.good,
                bad: sum.bad + slice.bad,
            },
        )
    }

    pub(crate) fn clear(&mut self) {
        self.slices = [Counts::default(); Self::SLICES];
    }

    /// Empties the slices between the latest and the present one.
    fn forget(&mut self, now: Duration) {
        let present = self.number(now);
        // Of two threads the one with the earlier time may come later.
        if present <= self.latest {
            return;
        }
        let over = (present - self.latest).min(Self::SLICES as u64);
        for back in 0..over {
            self.slices[Self::place(present - back)] = Counts::default();
        }
        self.latest = present;
    }

    fn number(&self, now: Duration) -> u64 {
        let number = now.as_nanos() / self.slice.as_nanos();
        u64::try_from(number).unwrap_or(u64::MAX)
    }

    fn place(number: u64) -> usize {
        usize::try_from(number % Self::SLICES as u64).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_older_than_the_window_is_forgotten() {
        let mut window = Window::new(Duration::from_secs(10));
        let at = Duration::from_secs;
        window.add(at(100), 1.0, 0.0);
        window.add(at(105), 0.0, 1.0);
        assert_eq!(
            window.counts(at(109)),
            Counts {
                good: 1.0,
                bad: 1.0
            }
        );
        assert_eq!(
            window.counts(at(110)),
            Counts {
                good: 0.0,
                bad: 1.0
            }
        );
        assert_eq!(window.counts(at(115)), Counts::default());
        window.add(at(900), 2.0, 0.0);
        assert_eq!(
            window.counts(at(900)),
            Counts {
                good: 2.0,
                bad: 0.0
            }
        );
    }

    #[test]
    fn a_time_that_goes_back_harms_nothing() {
        let mut window = Window::new(Duration::from_secs(10));
        window.add(Duration::from_secs(100), 1.0, 0.0);
        window.add(Duration::from_secs(99), 1.0, 0.0);
        assert_eq!(window.counts(Duration::from_secs(100)).good, 2.0);
    }
}
