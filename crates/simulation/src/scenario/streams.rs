//! Worlds whose streams break.

use super::{any_outage, secs, three};
use crate::dice::Dice;
use crate::outage::{Outage, Trouble};
use crate::traffic::Traffic;
use crate::world::World;

pub(super) fn broken_streams(dice: &Dice) -> World {
    let mut world = three(0.0);
    let troubles = [
        Trouble::Cut,
        Trouble::Stall,
        Trouble::NoEnd,
        // Never silent for too long, and yet not done in time.
        Trouble::Drip { gap: secs(9) },
    ];
    world.settings.stream_total = secs(45);
    world.outages = (0..4)
        .map(|_| Outage {
            trouble: *dice.pick(&troubles),
            ..any_outage(dice, 3)
        })
        .collect();
    world.traffic = Traffic {
        streamed: 0.9,
        leaving: 0.3,
        lasts: secs(100),
        ..Traffic::default()
    };
    world
}

/// Models that can go on from the beginning of an answer, one of which repeats it, and a gateway that has them do so.
pub(super) fn gone_on(dice: &Dice) -> World {
    let mut world = broken_streams(dice);
    world.settings.recovery.enabled = true;
    world.settings.stream_total = secs(120);
    world.settings.max_attempts = *dice.pick(&[3, 5]);
    for upstream in &mut world.upstreams {
        upstream.repeats = dice.chance(0.3);
        upstream.stumbles = 0.002;
    }
    if dice.chance(0.3) {
        world.outages.push(any_outage(dice, 3));
    }
    world.traffic.leaving = 0.1;
    world
}
