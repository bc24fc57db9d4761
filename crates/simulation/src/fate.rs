//! Luck that is decided by who asks, not by when.
//!
//! Where only a share of the requests is hit, it is chance which. If that chance depends on nothing but the call, the target and
//! how often it was asked, then what would have become of a call at every target is known, and so whether anybody could have
//! served it.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::dice::Dice;
use crate::outage::{Outage, Trouble};
use crate::upstream::Upstream;

/// Beyond so many calls, those that came first are forgotten: they are long over.
const REMEMBERED: usize = 200_000;

/// The luck of all calls of one seed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Fate(pub(crate) u64);

/// Who asks, and how often the same one was asked before.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Luck {
    pub(crate) call: Option<u32>,
    pub(crate) asked: u32,
}

/// How often each call has asked each target.
#[derive(Debug, Default)]
pub(crate) struct Asked(BTreeMap<(u32, usize), u32>);

impl Asked {
    /// Counts once more, and says how often it was before.
    pub(crate) fn again(&mut self, call: u32, target: usize) -> u32 {
        if self.0.len() > REMEMBERED {
            self.0.pop_first();
        }
        let times = self.0.entry((call, target)).or_default();
        let before = *times;
        *times += 1;
        before
    }
}

impl Fate {
    /// What decides about this request at this target.
    pub(crate) fn dice(self, target: usize, luck: Luck) -> Option<Dice> {
        let call = u64::from(luck.call?);
        let target = u64::try_from(target).unwrap_or(u64::MAX);
        let purpose =
            (1 << 60) | (call << 24) | ((target & 0xfff) << 12) | u64::from(luck.asked & 0xfff);
        Some(Dice::new(self.0, purpose))
    }

    /// Whether a target would have served this call if it had been asked when the call came.
    pub(crate) fn serves(
        self,
        upstream: (usize, &Upstream),
        outages: &[Outage],
        call: u32,
        at: Duration,
    ) -> bool {
        let (target, upstream) = upstream;
        let luck = Luck {
            call: Some(call),
            asked: 0,
        };
        let Some(dice) = self.dice(target, luck) else {
            return false;
        };
        let hit = trouble(outages, target, at, &dice);
        hit.is_none_or(|trouble| !trouble.fails())
            && !(hit.is_none() && dice.chance(upstream.stumbles))
    }
}

/// What hits a request that comes to a target at this time, if anything does.
pub(crate) fn trouble(
    outages: &[Outage],
    target: usize,
    at: Duration,
    dice: &Dice,
) -> Option<Trouble> {
    let mut here = outages
        .iter()
        .filter(|outage| outage.target == target && outage.touches(at, at));
    here.find(|outage| dice.chance(outage.share))
        .map(|outage| outage.trouble)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn luck_is_the_same_whenever_it_is_asked_for_and_another_for_everyone() {
        let draw = |call, target, asked| {
            let luck = Luck {
                call: Some(call),
                asked,
            };
            Fate(3).dice(target, luck).unwrap().between(0, u32::MAX)
        };
        assert_eq!(draw(1, 2, 0), draw(1, 2, 0));
        let others = [draw(2, 2, 0), draw(1, 1, 0), draw(1, 2, 1)];
        assert!(!others.contains(&draw(1, 2, 0)));
        let hit = (0..10_000).filter(|call| {
            let luck = Luck {
                call: Some(*call),
                asked: 0,
            };
            Fate(3).dice(0, luck).unwrap().chance(0.1)
        });
        let hit = hit.count();
        assert!((900..1_100).contains(&hit), "{hit}");
    }
}
