//! What a run amounts to.

use std::fmt;
use std::time::Duration;

use crate::history::History;
use crate::tally::Tally;

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
    /// Calls that failed before any content though an upstream would have served them, if the world is
    /// [fated](crate::World::fated): else nobody can say.
    pub avoidable: Option<u32>,
    /// Requests to upstreams.
    pub attempts: u32,
    /// Half of the streams that showed content did so within this time.
    pub first_token_p50: Option<Duration>,
    /// 95 in 100 of them did.
    pub first_token_p95: Option<Duration>,
    /// 99 in 100 of them did.
    pub first_token_p99: Option<Duration>,
    /// What each upstream had to do, in the world's order.
    pub loads: Vec<Load>,
    /// For each outage, as long as it takes until so many calls come as failed or broke off among those that came within a
    /// minute of its onset, or were under way then.
    pub lost: Vec<Duration>,
    /// The same of those calls alone that an upstream would have served; nothing unless the world is fated.
    pub lost_avoidably: Vec<Duration>,
    /// Tokens that stand in whole answers.
    pub delivered: u64,
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
    /// Those of them for which no trouble was to blame: it was well, and had been for as long as a request may hang there.
    pub overrun: u32,
    /// Those that it would ask money for: it wrote some of an answer, or would have if it had not been dropped.
    pub billed: u32,
    /// Tokens that it wrote.
    pub tokens: u64,
    /// The most answers on which it worked at one time.
    pub busiest: u32,
    /// The most on which it can.
    pub capacity: u32,
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
        Tally::of(self.world.clone(), self.seed, &self.events).report()
    }
}

fn share(part: u32, all: u32) -> f64 {
    if all == 0 {
        return 1.0;
    }
    f64::from(part) / f64::from(all)
}

/// The value that this share of the sorted values does not exceed.
pub(crate) fn at_share(sorted: &[Duration], share: f64) -> Option<Duration> {
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
            ("95 in 100", self.first_token_p95),
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
                ..
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
