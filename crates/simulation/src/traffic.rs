//! Who comes, and when.

use std::time::Duration;

use crate::dice::Dice;

/// Clients that come whether the earlier ones were served or not: an open loop.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Traffic {
    /// Calls a second, independent of each other (a Poisson process).
    pub rate: f64,
    /// For how long they come.
    pub lasts: Duration,
    /// The share of calls that ask for a stream, 0 to 1.
    pub streamed: f64,
    /// The share of clients that leave before they have their answer, 0 to 1.
    pub leaving: f64,
    /// The longest that such a client stays; it leaves at a moment drawn from zero to this.
    pub patience: Duration,
}

impl Default for Traffic {
    /// One call a second for two minutes, half of them streams, every twentieth client leaving within three seconds.
    fn default() -> Self {
        Self {
            rate: 1.0,
            lasts: Duration::from_secs(120),
            streamed: 0.5,
            leaving: 0.05,
            patience: Duration::from_secs(3),
        }
    }
}

/// One call to come.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Visit {
    pub(crate) at: Duration,
    pub(crate) call: u32,
    pub(crate) streamed: bool,
    /// After which time the client leaves.
    pub(crate) leaves: Option<Duration>,
}

impl Traffic {
    /// The calls, in the order in which they come.
    pub(crate) fn visits(self, dice: Dice) -> impl Iterator<Item = Visit> {
        let mean = Duration::try_from_secs_f64(1.0 / self.rate).unwrap_or(Duration::MAX);
        let mut at = Duration::ZERO;
        (0..u32::MAX).map_while(move |call| {
            at = at.saturating_add(dice.gap(mean));
            let streamed = dice.chance(self.streamed);
            let leaves = dice
                .chance(self.leaving)
                .then(|| self.patience.mul_f64(dice.unit()));
            let visit = Visit {
                at,
                call,
                streamed,
                leaves,
            };
            (at < self.lasts).then_some(visit)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_many_come_as_were_said() {
        let traffic = Traffic {
            rate: 10.0,
            lasts: Duration::from_secs(1_000),
            ..Traffic::default()
        };
        let visits: Vec<Visit> = traffic.visits(Dice::new(3, 1)).collect();
        assert!((9_700..10_300).contains(&visits.len()), "{}", visits.len());
        assert!(visits.is_sorted_by_key(|visit| visit.at));
        let leaving = visits.iter().filter(|visit| visit.leaves.is_some()).count();
        assert!((400..600).contains(&leaving), "{leaving}");
    }

    #[test]
    fn nobody_comes_at_a_rate_of_zero() {
        let traffic = Traffic {
            rate: 0.0,
            ..Traffic::default()
        };
        assert_eq!(traffic.visits(Dice::new(3, 1)).count(), 0);
    }
}
