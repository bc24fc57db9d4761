//! What a run amounts to.

use std::fmt;
use std::time::Duration;

use crate::event::{Ending, Heard, Sent};
use crate::history::{Call, Calls, History};
use crate::outage::Outage;
use crate::world::World;

/// How long after its onset an outage is still a surprise.
const ONSET: Duration = Duration::from_secs(60);

/// A run in figures. Calls whose clients left count for the upstreams' load, and for nothing else.
#[derive(Clone, Debug, PartialEq)]
pub struct Report {
    /// Calls whose clients stayed.
    pub calls: u32,
    /// Those that got a whole answer.
    pub served: u32,
    /// Those whose answer broke off after its content had begun: nobody could have hidden that.
    pub broken: u32,
    /// The share of calls, 0 to 1, for which at least one upstream would have had an answer, if each had been asked
    /// once. Knows nothing of capacities.
    pub oracle: f64,
    /// Requests to upstreams.
    pub attempts: u32,
    /// Half of the streams that showed content did so within this time.
    pub first_token_p50: Option<Duration>,
    /// 99 in 100 of them did.
    pub first_token_p99: Option<Duration>,
    /// What each upstream had to do, in the world's order.
    pub loads: Vec<Load>,
    /// For each outage, as long as it takes until so many calls come as failed or broke off among those that came within a
    /// minute of its onset, or were under way then.
    pub lost: Vec<Duration>,
}

/// What an upstream had to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Load {
    /// Its name.
    pub name: String,
    /// Requests that it got.
    pub requests: u32,
    /// Those for which it had no room.
    pub refused: u32,
    /// The most answers on which it worked at one time.
    pub busiest: u32,
}

impl Report {
    /// The share of calls that got a whole answer, 0 to 1; 1 without calls.
    #[must_use]
    pub fn availability(&self) -> f64 {
        share(self.served, self.calls)
    }

    /// The same of the calls that could have been served: without those that broke off after content.
    #[must_use]
    pub fn availability_before_content(&self) -> f64 {
        share(self.served, self.calls - self.broken)
    }
}

impl History {
    /// The run in figures.
    #[must_use]
    pub fn report(&self) -> Report {
        let calls = Calls::of(self).calls;
        let stayed: Vec<&Call<'_>> = calls
            .iter()
            .filter(|call| !is(call, Ending::Left))
            .collect();
        let served = stayed.iter().filter(|call| is(call, Ending::Complete));
        let broken = stayed.iter().filter(|call| broke_off(call));
        let chances = stayed.iter().map(|call| self.world.oracle(call.at));
        let sent = || calls.iter().flat_map(|call| &call.exchanges);
        let load = |target| Load::of(&self.world, target, sent().map(|one| one.sent));
        let lost = |outage: &Outage| self.world.traffic_of(lost_to(outage, &stayed));
        let mut waits = stayed
            .iter()
            .filter_map(|call| first_token(call))
            .collect::<Vec<_>>();
        waits.sort();
        Report {
            calls: count(stayed.iter()),
            served: count(served),
            broken: count(broken),
            oracle: chances.sum::<f64>() / f64::from(count(stayed.iter()).max(1)),
            attempts: count(sent()),
            first_token_p50: at_share(&waits, 0.5),
            first_token_p99: at_share(&waits, 0.99),
            loads: (0..self.world.upstreams.len()).map(load).collect(),
            lost: self.world.outages.iter().map(lost).collect(),
        }
    }
}

impl World {
    /// The chance that at least one upstream answers a request that comes at this time.
    fn oracle(&self, at: Duration) -> f64 {
        let fails = |(target, upstream): (usize, &crate::Upstream)| {
            let here = |outage: &&Outage| outage.target == target && outage.touches(at, at);
            let failing = self
                .outages
                .iter()
                .filter(here)
                .filter(|one| one.trouble.fails());
            let well = failing.map(|outage| 1.0 - outage.share).product::<f64>();
            1.0 - well * (1.0 - upstream.stumbles)
        };
        1.0 - self
            .upstreams
            .iter()
            .enumerate()
            .map(fails)
            .product::<f64>()
    }

    /// How long it takes until so many calls come.
    fn traffic_of(&self, calls: u32) -> Duration {
        let seconds = f64::from(calls) / self.traffic.rate;
        Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX)
    }
}

impl Load {
    fn of<'h>(world: &World, target: usize, sent: impl Iterator<Item = &'h Sent>) -> Self {
        let mut load = Self {
            name: world.upstreams[target].name.clone(),
            requests: 0,
            refused: 0,
            busiest: 0,
        };
        for sent in sent.filter(|sent| sent.target == target) {
            load.requests += 1;
            load.refused += u32::from(sent.heard == Heard::Full);
            if matches!(sent.heard, Heard::Served { .. } | Heard::Troubled(_)) {
                load.busiest = load.busiest.max(sent.busy + 1);
            }
        }
        load
    }
}

fn is(call: &Call<'_>, ending: Ending) -> bool {
    call.seen.is_some_and(|(_, view)| view.ending == ending)
}

fn broke_off(call: &Call<'_>) -> bool {
    !is(call, Ending::Complete) && call.seen.is_some_and(|(_, view)| view.tokens > 0)
}

fn first_token(call: &Call<'_>) -> Option<Duration> {
    call.seen?.1.first_token.filter(|_| call.streamed)
}

/// Calls that did not go well, of those that came within a minute of the onset or were under way.
fn lost_to(outage: &Outage, calls: &[&Call<'_>]) -> u32 {
    let until = outage.until.min(outage.from + ONSET);
    let touched = calls.iter().filter(|call| {
        let over = call.seen.map_or(Duration::MAX, |(at, _)| at);
        call.at < until && over >= outage.from
    });
    count(touched.filter(|call| !is(call, Ending::Complete)))
}

fn count(items: impl Iterator) -> u32 {
    u32::try_from(items.count()).unwrap_or(u32::MAX)
}

fn share(part: u32, all: u32) -> f64 {
    if all == 0 {
        return 1.0;
    }
    f64::from(part) / f64::from(all)
}

/// The value that this share of the sorted values does not exceed.
fn at_share(sorted: &[Duration], share: f64) -> Option<Duration> {
    let all = u32::try_from(sorted.len()).unwrap_or(u32::MAX);
    let below = |place: &u32| f64::from(*place) < f64::from(all) * share;
    let place = (1..all).take_while(below).count();
    sorted.get(place).copied()
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let percent = |share: f64| share * 100.0;
        writeln!(f, "calls                  {}", self.calls)?;
        writeln!(
            f,
            "whole answers          {:.4} %",
            percent(self.availability())
        )?;
        writeln!(
            f,
            "  of those not begun   {:.4} %",
            percent(self.availability_before_content())
        )?;
        writeln!(f, "  an oracle            {:.4} %", percent(self.oracle))?;
        writeln!(f, "requests               {}", self.attempts)?;
        let waits = [
            ("half", self.first_token_p50),
            ("99 in 100", self.first_token_p99),
        ];
        for (name, wait) in waits {
            let Some(wait) = wait else { continue };
            writeln!(f, "first token, {name:<9} {} ms", wait.as_millis())?;
        }
        for load in &self.loads {
            let Load {
                name,
                requests,
                refused,
                busiest,
            } = load;
            writeln!(
                f,
                "{name:<22} {requests} requests, {refused} refused, {busiest} at a time"
            )?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_of_sorted_values() {
        let values: Vec<Duration> = (1..=100).map(Duration::from_secs).collect();
        assert_eq!(at_share(&values, 0.5), Some(Duration::from_secs(50)));
        assert_eq!(at_share(&values, 0.99), Some(Duration::from_secs(99)));
        assert_eq!(at_share(&values[..1], 0.99), Some(Duration::from_secs(1)));
        assert_eq!(at_share(&[], 0.5), None);
    }
}
