//! [`Rule::Recovery`].

use std::time::Duration;

use super::{Found, Rule};
use crate::event::Ending;
use crate::history::{Calls, History};
use crate::world::World;

/// After this time all must be well again.
const WITHIN: Duration = Duration::from_secs(60);
/// How long is looked at after it.
const LOOK: Duration = Duration::from_secs(60);
/// The share of what went well before that must go well after.
const SHARE: f64 = 0.95;
/// Below so many calls a share says nothing.
const ENOUGH: u32 = 20;
/// Chance alone makes a difference; this many standard errors of it are none.
const ERRORS: f64 = 4.5;

pub(super) fn check(calls: &Calls<'_>, history: &History, found: &mut Found) {
    let world = &history.world;
    let Some(first) = world.outages.iter().map(|outage| outage.from).min() else {
        return;
    };
    // A queue that fills up takes in more than can be served for long.
    let settled = world.settings.overload.max_wait;
    let before = Share::of(calls, settled, first);
    for outage in &world.outages {
        let (from, until) = (outage.until + WITHIN, outage.until + WITHIN + LOOK);
        let disturbed = |other: &crate::Outage| other.touches(outage.until, until);
        if world.outages.iter().any(disturbed) {
            continue;
        }
        let after = Share::of(calls, from, until);
        if before.all < ENOUGH || after.all < ENOUGH {
            continue;
        }
        // Where more calls come than can be served, those at the beginning fare better than any later ones.
        if after.is_worse_than(&before) && after.is_worse_than(&undisturbed(history, from, until)) {
            let (was, is) = (before.share(), after.share());
            let what = format!("{was:.3} of the calls went well before, {is:.3} since {from:?}");
            found.add(Rule::Recovery, None, what);
        }
    }
}

/// How the calls of that time fare in the same world without any outage.
fn undisturbed(history: &History, from: Duration, until: Duration) -> Share {
    let world = World {
        outages: Vec::new(),
        ..history.world.clone()
    };
    let twin = world.run(history.seed);
    // A world that cannot be run again excuses nothing.
    twin.map_or(Share { all: 1, good: 1 }, |twin| {
        Share::of(&Calls::of(&twin), from, until)
    })
}

/// The calls of some time whose clients stayed.
#[derive(Clone, Copy, Debug, Default)]
struct Share {
    all: u32,
    good: u32,
}

impl Share {
    fn of(calls: &Calls<'_>, from: Duration, until: Duration) -> Self {
        let mut share = Self::default();
        for call in calls
            .calls
            .iter()
            .filter(|call| call.at >= from && call.at < until)
        {
            let ending = call.seen.map(|(_, view)| view.ending);
            share.all += u32::from(ending != Some(Ending::Left));
            share.good += u32::from(ending == Some(Ending::Complete));
        }
        share
    }

    fn share(&self) -> f64 {
        f64::from(self.good) / f64::from(self.all.max(1))
    }

    /// By more than chance.
    fn is_worse_than(&self, other: &Self) -> bool {
        self.share() < other.share() * SHARE - other.noise(self) * ERRORS
    }

    /// The standard error of the difference to another share, if both are this one.
    fn noise(&self, other: &Self) -> f64 {
        let parts = 1.0 / f64::from(self.all) + 1.0 / f64::from(other.all);
        (self.share() * (1.0 - self.share()) * parts).sqrt()
    }
}
