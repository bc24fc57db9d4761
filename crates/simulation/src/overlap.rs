//! How much outages of different providers coincide.

use std::time::Duration;

use crate::outage::Outage;
use crate::weather::providers;
use crate::world::World;

/// For how long pairs of providers are out at the same time, all pairs together.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Overlap {
    /// For so long they are.
    pub together: Duration,
    /// For so long they would be by chance, if each were out for as long as it is.
    pub by_chance: Duration,
}

impl Overlap {
    /// Of the outages of a world, as long as calls come. A provider is out if anything is wrong with any of its targets.
    #[must_use]
    pub fn of(world: &World) -> Self {
        let lasts = world.traffic.lasts;
        let courses: Vec<Vec<(Duration, Duration)>> = providers(&world.upstreams)
            .into_iter()
            .map(|name| times(world, name, lasts))
            .collect();
        let mut overlap = Self::default();
        for (place, one) in courses.iter().enumerate() {
            for other in &courses[place + 1..] {
                overlap.together += both(one, other);
                let share = sum(other).as_secs_f64() / lasts.as_secs_f64().max(1e-9);
                overlap.by_chance += sum(one).mul_f64(share);
            }
        }
        overlap
    }

    /// How many times as long as by chance they are out together; `None` if chance says never.
    #[must_use]
    pub fn factor(&self) -> Option<f64> {
        let chance = self.by_chance.as_secs_f64();
        (chance > 0.0).then(|| self.together.as_secs_f64() / chance)
    }
}

/// When a provider is out, each moment once.
fn times(world: &World, name: &str, lasts: Duration) -> Vec<(Duration, Duration)> {
    let is = |outage: &&Outage| world.upstreams[outage.target].name == name;
    let cut = |outage: &Outage| (outage.from.min(lasts), outage.until.min(lasts));
    let mut all: Vec<_> = world.outages.iter().filter(is).map(cut).collect();
    all.sort_unstable();
    let mut joined: Vec<(Duration, Duration)> = Vec::new();
    for (from, until) in all {
        match joined.last_mut() {
            Some(last) if from <= last.1 => last.1 = last.1.max(until),
            _ => joined.push((from, until)),
        }
    }
    joined
}

fn sum(times: &[(Duration, Duration)]) -> Duration {
    times.iter().map(|(from, until)| *until - *from).sum()
}

fn both(one: &[(Duration, Duration)], other: &[(Duration, Duration)]) -> Duration {
    let (mut one, mut other) = (one.iter().peekable(), other.iter().peekable());
    let mut time = Duration::ZERO;
    while let (Some(own), Some(theirs)) = (one.peek(), other.peek()) {
        time += own.1.min(theirs.1).saturating_sub(own.0.max(theirs.0));
        if own.1 < theirs.1 {
            one.next();
        } else {
            other.next();
        }
    }
    time
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outage::Trouble;
    use crate::upstream::Upstream;

    #[test]
    fn moments_count_once_and_only_across_providers() {
        let secs = Duration::from_secs;
        let mut world = World::new(["one", "two", "one"].map(Upstream::new).into());
        world.traffic.lasts = secs(100);
        let outage = |target, from, until| Outage {
            target,
            from: secs(from),
            until: secs(until),
            share: 1.0,
            trouble: Trouble::Refused,
        };
        // The first provider is out from 10 to 40, the second from 30 to 50 and from 90 on.
        world.outages = vec![
            outage(0, 10, 30),
            outage(2, 20, 40),
            outage(1, 30, 50),
            outage(1, 90, 500),
        ];
        let overlap = Overlap::of(&world);
        assert_eq!((overlap.together, overlap.by_chance), (secs(10), secs(9)));
        assert!((overlap.factor().unwrap() - 10.0 / 9.0).abs() < 1e-9);
        world.outages.truncate(2);
        assert_eq!(Overlap::of(&world), Overlap::default());
        assert_eq!(Overlap::of(&world).factor(), None);
    }
}
