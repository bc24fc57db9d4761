//! What happens when there are more calls than can be served at one time: a bounded wait in lines by class, then a word at
//! once, and never a pile of calls that grows.

mod door;
mod priority;
mod queue;
mod shed;

use std::time::Duration;

pub(crate) use door::{Door, Permit};
use orchestra_health::Bounds;
pub use orchestra_health::Priority;
pub use priority::Priorities;
pub(crate) use priority::{Given, PRIORITY};
pub(crate) use queue::{await_place, patience};
pub use shed::{Shed, ShedAt, ShedReason};

/// The bounds of waiting, and who comes first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Overload {
    /// How long a call waits for a place in all, be it at a target that has as many calls as it takes or in the gateway. In a
    /// line that has not been empty for so long, a newcomer waits a fifth of it, and who came last is first.
    pub max_wait: Duration,
    /// How many wait in one line: for one target, or for the gateway itself. Zero, and nobody waits.
    pub max_waiting: usize,
    /// Calls that are served at one time, until the ends of their streams.
    pub max_calls: usize,
    /// Who comes first.
    pub priorities: Priorities,
}

impl Overload {
    pub(crate) const fn bounds(&self) -> Bounds {
        Bounds {
            most: self.max_waiting,
            standing: self.max_wait,
        }
    }
}

impl Default for Overload {
    /// Ten seconds: longer than most answers take to begin, and a small part of the time that clients give a call. 500 in a
    /// line, whose bodies are in memory meanwhile. 8,192 calls, less than the 10,000 connections that a server takes by
    /// default: so there are connections left for whoever asks how it fares.
    fn default() -> Self {
        Self {
            max_wait: Duration::from_secs(10),
            max_waiting: 500,
            max_calls: 8_192,
            priorities: Priorities::default(),
        }
    }
}

/// How many calls the gateway has in hand.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CallLoad {
    /// Calls that are being served.
    pub calls: usize,
    /// Calls that wait until one of those is over.
    pub waiting: usize,
}
