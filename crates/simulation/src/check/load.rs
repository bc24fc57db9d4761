//! [`Rule::BoundedLoad`].

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::Value;

use super::{Found, Rule};
use crate::history::Calls;
use crate::world::{Route, World};

/// Retries for each call that is brought to an upstream.
const SHARE: f64 = 0.1;
/// Retries a second that are free.
const RESERVE: f64 = 10.0;
/// How long what was not used may still be used.
const MEMORY: Duration = Duration::from_secs(10);

pub(super) fn check(calls: &Calls<'_>, world: &World, found: &mut Found) {
    let most = most_attempts(world);
    for call in &calls.calls {
        let made = call.exchanges.len();
        if made > most {
            let what = format!("{made} attempts, {most} are allowed");
            found.add(Rule::BoundedLoad, call.number, what);
        }
    }
    for target in 0..world.upstreams.len() {
        of_target(target, calls, world, found);
    }
}

/// A request is either the first for its call at this upstream, or a retry. In any stretch of time, retries are a share
/// of what is brought here in it and in the memory before, and the reserve of both.
fn of_target(target: usize, calls: &Calls<'_>, world: &World, found: &mut Found) {
    let (mut first, mut again) = (Vec::new(), Vec::new());
    let mut brought = BTreeSet::new();
    for call in &calls.calls {
        let here = call
            .exchanges
            .iter()
            .filter(|one| one.sent.target == target);
        for exchange in here {
            let is_first = brought.insert(call.number);
            if is_first { &mut first } else { &mut again }.push(exchange.at);
        }
    }
    first.sort();
    again.sort();
    for (number, since) in again.iter().enumerate() {
        let until = *since + MEMORY;
        let retries = again[number..].partition_point(|at| *at < until);
        let from = since.saturating_sub(MEMORY);
        let offered =
            first.partition_point(|at| *at < until) - first.partition_point(|at| *at < from);
        let stretch = (MEMORY * 2).as_secs_f64();
        let allowed = SHARE.mul_add(float(offered), RESERVE * stretch);
        if float(retries) > allowed {
            let name = &world.upstreams[target].name;
            let what = format!("{name}: {retries} retries for {offered} calls since {since:?}");
            return found.add(Rule::BoundedLoad, None, what);
        }
    }
}

fn float(count: usize) -> f64 {
    f64::from(u32::try_from(count).unwrap_or(u32::MAX))
}

/// The most that one call may be sent: the gateway's own bound, or what a tree has written down.
pub(super) fn most_attempts(world: &World) -> usize {
    let written = match &world.route {
        Route::InOrder => 0,
        Route::Tree(tree) => sends(tree, 0),
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
