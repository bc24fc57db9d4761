//! Worlds in which there is much to do: crowds, hedges, storms of retries.

use std::time::Duration;

use orchestra_gateway::{HedgeAfter, Hedging, Retries, RetryRules, Share};

use super::{any_outage, secs, three};
use crate::dice::Dice;
use crate::outage::{Outage, Trouble};
use crate::traffic::Traffic;
use crate::upstream::{Overload, Upstream};
use crate::world::World;

/// Two upstreams, and half as many calls again as they can serve: an answer takes between two and three seconds.
pub(super) fn crowd(dice: &Dice) -> World {
    let overload = *dice.pick(&[
        Overload::Unavailable,
        Overload::RateLimited(secs(1)),
        Overload::RateLimited(secs(5)),
    ]);
    let capacity = *dice.pick(&[4, 4, 8]);
    let upstreams = ["one", "two"].map(|name| Upstream {
        first_token: secs(2),
        capacity,
        overload,
        ..Upstream::new(name)
    });
    let mut world = World::new(upstreams.into());
    let outage = Outage {
        from: secs(30),
        until: secs(60),
        ..any_outage(dice, 2)
    };
    world.outages.push(outage);
    if dice.chance(0.5) {
        let other = 1 - outage.target;
        world.outages.push(Outage {
            target: other,
            ..outage
        });
    }
    world.traffic = Traffic {
        rate: f64::from(capacity) * 1.15,
        lasts: secs(181),
        ..Traffic::default()
    };
    world
}

pub(super) fn hedged(dice: &Dice) -> World {
    let mut world = three(0.002);
    let after = [
        HedgeAfter::Percentile(90),
        HedgeAfter::Percentile(95),
        HedgeAfter::Time(secs(1)),
    ];
    world.settings.hedging.usual = Hedging {
        after: *dice.pick(&after),
        most_extra: Share::of(*dice.pick(&[0.02, 0.2])).unwrap_or(Share::TWO_PERCENT),
    };
    world.traffic.rate = 4.0;
    world.outages = vec![
        Outage {
            target: 0,
            from: secs(0),
            until: secs(120),
            share: 0.05,
            trouble: Trouble::Slow { times: 20.0 },
        },
        any_outage(dice, 3),
    ];
    world.traffic.leaving = 0.05;
    world
}

/// Without the budget each failing call would be sent nine times. What an upstream says with a 429 that asks for no pause is
/// no failure, so nothing else holds the retries back.
pub(super) fn storm(dice: &Dice) -> World {
    let mut world = World::new(vec![Upstream {
        first_token: Duration::from_millis(20),
        tokens: (1, 1),
        token_gap: Duration::ZERO,
        ..Upstream::new("one")
    }]);
    world.outages.push(Outage {
        target: 0,
        from: secs(5),
        until: secs(25),
        share: *dice.pick(&[0.7, 0.8, 0.9]),
        trouble: Trouble::RateLimited {
            retry_after: Some(Duration::ZERO),
        },
    });
    world.settings.max_attempts = 9;
    world.settings.retries = RetryRules::all(Retries {
        as_last: 8,
        ..Retries::default()
    });
    world.traffic = Traffic {
        rate: 40.0,
        lasts: secs(30),
        ..Traffic::default()
    };
    world
}
