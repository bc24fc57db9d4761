//! [`Rule::BoundedLoad`].

use std::time::Duration;

use orchestra_gateway::HedgeAfter;
use serde_json::Value;

use super::{Found, Rule};
use crate::history::{Calls, Exchange};
use crate::world::{Route, World};

/// Retries for each call that is brought to an upstream.
const SHARE: f64 = 0.1;
/// Retries a second that are free.
const RESERVE: f64 = 10.0;
/// How long what was not used may still be used.
const MEMORY: Duration = Duration::from_secs(10);
/// The most sends that a tree can ask for.
const MOST_WRITTEN: usize = 32;
/// Times over which requests are counted.
const STRETCHES: [Duration; 3] = [
    Duration::from_secs(9),
    Duration::from_secs(27),
    Duration::from_secs(90),
];

pub(super) fn check(calls: &Calls<'_>, world: &World, found: &mut Found) {
    let most = most_attempts(world);
    for call in &calls.calls {
        let made = call.exchanges.len();
        if made > most {
            let what = format!("{made} attempts, {most} are allowed");
            found.add(Rule::BoundedLoad, call.number, what);
        }
    }
    of_hedges(calls, world, found);
    for target in 0..world.upstreams.len() {
        of_target(target, calls, world, found);
    }
}

/// Calls that are sent again before an earlier request is over are no more than their share of all, and none where nobody
/// asked for it.
fn of_hedges(calls: &Calls<'_>, world: &World, found: &mut Found) {
    let hedging = world.settings.hedging.usual;
    let share = match hedging.after {
        HedgeAfter::Never => 0.0,
        HedgeAfter::Percentile(_) | HedgeAfter::Time(_) => hedging.most_extra.part(),
    };
    let hedged = calls.calls.iter().filter(|call| call.is_hedged()).count();
    if float(hedged) > share * float(calls.calls.len()) {
        let what = format!("{hedged} of {} calls are hedged", calls.calls.len());
        found.add(Rule::BoundedLoad, None, what);
    }
}

/// A request is either the first for its call at this upstream, or a retry. What retries are paid from is kept by the
/// second and forgotten after ten: so in any stretch of time they are a share of what was brought here in it and ten seconds
/// before, and the reserve of as many times ten seconds as fit, each a second short, and once more.
fn of_target(target: usize, calls: &Calls<'_>, world: &World, found: &mut Found) {
    let (first, again) = requests(target, calls);
    for (number, since) in again.iter().enumerate() {
        for stretch in STRETCHES {
            let until = *since + stretch;
            let retries = again[number..].partition_point(|at| *at < until);
            let from = since.saturating_sub(MEMORY);
            let offered =
                first.partition_point(|at| *at < until) - first.partition_point(|at| *at < from);
            let filled = (stretch.as_secs_f64() / 9.0).ceil() + 1.0;
            let allowed = SHARE.mul_add(float(offered), RESERVE * MEMORY.as_secs_f64() * filled);
            if float(retries) > allowed {
                let name = &world.upstreams[target].name;
                let what = format!("{name}: {retries} retries for {offered} calls since {since:?}");
                return found.add(Rule::BoundedLoad, None, what);
            }
        }
    }
}

/// When calls were brought to an upstream, and when it was asked again, in their order.
fn requests(target: usize, calls: &Calls<'_>) -> (Vec<Duration>, Vec<Duration>) {
    let (mut first, mut again) = (Vec::new(), Vec::new());
    for call in &calls.calls {
        let here = |exchange: &&Exchange<'_>| exchange.sent.target == target;
        let mut times = call.exchanges.iter().filter(here).map(|one| one.at);
        first.extend(times.next());
        again.extend(times);
    }
    first.sort();
    again.sort();
    (first, again)
}

fn float(count: usize) -> f64 {
    f64::from(u32::try_from(count).unwrap_or(u32::MAX))
}

/// The most that one call may be sent: the gateway's own bound, or what a tree has written down.
pub(super) fn most_attempts(world: &World) -> usize {
    let written = match &world.route {
        Route::InOrder => 0,
        Route::Tree(tree) => sends(tree, 0),
        Route::Configured(_) => MOST_WRITTEN,
    };
    world.settings.max_attempts.max(written)
}

/// How many sends a tree has written down; `retries` is what the nodes above say of them.
fn sends(node: &Value, retries: u64) -> usize {
    let own = node["retry"]["attempts"].as_u64().unwrap_or(retries);
    match node["targets"].as_array() {
        Some(targets) => targets.iter().map(|target| sends(target, own)).sum(),
        None => 1 + usize::try_from(own).unwrap_or(usize::MAX - 1),
    }
}
