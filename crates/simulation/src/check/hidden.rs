//! [`Rule::HiddenFailure`].

use std::time::Duration;

use super::load::most_attempts;
use super::{Found, Rule};
use crate::event::{Ending, Heard};
use crate::history::{Call, Calls, Exchange};
use crate::outage::Trouble;
use crate::upstream::Overload;
use crate::world::World;

/// A refusal takes no longer than this.
const REFUSAL: Duration = Duration::from_millis(100);
/// How long an upstream is left alone that is asked too often and does not say for how long.
const UNSAID: Duration = Duration::from_secs(1);
/// An upstream that said that it has too much to do is given less than it might take, for so long after its last word ...
const CAUTION: Duration = Duration::from_secs(300);
/// ... but as much as this in any case.
const LEAST: u32 = 4;

pub(super) fn check(calls: &Calls<'_>, world: &World, found: &mut Found) {
    let places: Vec<Place<'_>> = (0..world.upstreams.len())
        .map(|target| Place::of(target, calls, world))
        .collect();
    for call in &calls.calls {
        let Some(until) = failure(call) else {
            continue;
        };
        let spent = call.exchanges.len() >= most_attempts(world);
        let able = |place: &&Place<'_>| {
            // Nobody can know of a recovery, and there is a choice between those that failed.
            let unknown = || spent && place.failed_lately(call.at);
            place.could_serve(call, until) && !unknown()
        };
        if let Some(able) = places.iter().find(able) {
            let name = &world.upstreams[able.target].name;
            let what = format!("it failed while {name} could have served it");
            found.add(Rule::HiddenFailure, call.number, what);
        }
    }
}

/// When the call failed, if it did. What broke off after content could not be hidden.
fn failure(call: &Call<'_>) -> Option<Duration> {
    let (at, view) = call.seen?;
    let failed = matches!(view.ending, Ending::Error | Ending::Silence | Ending::Hung);
    (failed && view.tokens == 0).then_some(at)
}

/// An upstream and all that it was asked.
struct Place<'h> {
    target: usize,
    world: &'h World,
    exchanges: Vec<&'h Exchange<'h>>,
}

impl<'h> Place<'h> {
    fn of(target: usize, calls: &'h Calls<'_>, world: &'h World) -> Self {
        let exchanges = calls.calls.iter().flat_map(|call| &call.exchanges);
        let here = exchanges.filter(|exchange| exchange.sent.target == target);
        Self {
            target,
            world,
            exchanges: here.collect(),
        }
    }

    /// Whether it was not asked, was well during the whole call, had not asked to be left alone, and had room throughout.
    fn could_serve(&self, call: &Call<'_>, until: Duration) -> bool {
        let asked = call
            .exchanges
            .iter()
            .any(|exchange| exchange.sent.target == self.target);
        let mut outages = self.world.outages.iter();
        let troubled =
            outages.any(|outage| outage.target == self.target && outage.touches(call.at, until));
        !asked && !troubled && !self.pauses(call.at, until) && self.has_room(call.at, until)
    }

    /// Whether the latest request that it is done with failed. Earlier ones that ended later say nothing of the time since.
    fn failed_lately(&self, at: Duration) -> bool {
        let ended = |one: &&&Exchange<'_>| one.over.is_some_and(|over| over.at <= at);
        let last = self.exchanges.iter().filter(ended).max_by_key(|one| one.at);
        last.is_some_and(|one| !matches!(one.sent.heard, Heard::Served { .. }))
    }

    fn pauses(&self, from: Duration, until: Duration) -> bool {
        let overload = self.world.upstreams[self.target].overload;
        let mut before = self.exchanges.iter().filter(|one| one.at <= until);
        before.any(|one| {
            let pause = pause(one.sent.heard, overload);
            pause.is_some_and(|rest| one.at + REFUSAL + rest >= from)
        })
    }

    fn has_room(&self, from: Duration, until: Duration) -> bool {
        let before = self.exchanges.iter().filter(|one| one.at <= until);
        let warned = before
            .clone()
            .any(|one| says_enough(one.sent.heard) && one.at + CAUTION >= from);
        let capacity = self.world.upstreams[self.target].capacity;
        let room = if warned {
            capacity.min(LEAST)
        } else {
            capacity
        };
        let busy = before.clone().filter(|one| works_at(one, from)).count();
        let mut during = before.filter(|one| one.at >= from);
        u32::try_from(busy).is_ok_and(|busy| busy < room)
            && !during.any(|one| one.sent.busy + 1 >= room)
    }
}

/// Whether the exchange takes a place at its upstream at this moment.
fn works_at(exchange: &Exchange<'_>, at: Duration) -> bool {
    let works = matches!(
        exchange.sent.heard,
        Heard::Served { .. } | Heard::Troubled(_)
    );
    works && exchange.at <= at && exchange.over.is_none_or(|over| over.at >= at)
}

/// Whether the upstream says that it has too much to do.
const fn says_enough(heard: Heard) -> bool {
    matches!(
        heard,
        Heard::Full
            | Heard::Troubled(Trouble::RateLimited { .. } | Trouble::Status(429 | 503 | 529))
    )
}

/// For how long the upstream asks to be left alone, if it does.
fn pause(heard: Heard, overload: Overload) -> Option<Duration> {
    // The header has whole seconds.
    let said =
        |rest: Duration| Duration::from_secs(rest.as_secs() + u64::from(rest.subsec_nanos() > 0));
    match (heard, overload) {
        (Heard::Full, Overload::RateLimited(rest)) => Some(said(rest)),
        (Heard::Troubled(Trouble::RateLimited { retry_after }), _) => {
            Some(retry_after.map_or(UNSAID, said))
        }
        (Heard::Full | Heard::Served { .. } | Heard::Stumbled | Heard::Troubled(_), _) => None,
    }
}
