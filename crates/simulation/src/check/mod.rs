//! What must hold in every run, read from its history alone: the upstreams' and the clients' words against the
//! gateway's.

mod billing;
mod departure;
mod hidden;
mod honest;
mod load;
mod once;
mod record;
mod recovery;
mod time;

use std::fmt;

use crate::history::{Calls, History};

/// What must hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rule {
    /// A call has exactly one record, with one attempt for each request that an upstream saw.
    OneRecord,
    /// A call has one charge: for what the upstreams have told of the answer that its client got, at their prices, no attempt
    /// in it twice and none left out; an attempt that was called off is recorded once, with what it may have cost.
    BilledOnce,
    /// What is not whole never looks complete, and what broke off says so.
    HonestEnd,
    /// The bytes that a client gets are one upstream's, in their order, each once; or of several, each of which goes on with one
    /// that died, as is said.
    BytesOnce,
    /// A call ends within its time, and a second.
    InTime,
    /// An upstream gets at most a tenth more than the calls that are brought to it, and ten a second; a call makes no more
    /// attempts than it may.
    BoundedLoad,
    /// A minute after an outage, as much goes well as before it.
    Recovery,
    /// When a client is gone, so are its requests to upstreams within a second, and its record is there.
    NothingLeft,
    /// No call fails while an upstream that could serve it is alive and has room.
    HiddenFailure,
}

impl Rule {
    /// One word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::OneRecord => "one-record",
            Self::BilledOnce => "billed-once",
            Self::HonestEnd => "honest-end",
            Self::BytesOnce => "bytes-once",
            Self::InTime => "in-time",
            Self::BoundedLoad => "bounded-load",
            Self::Recovery => "recovery",
            Self::NothingLeft => "nothing-left",
            Self::HiddenFailure => "hidden-failure",
        }
    }
}

/// A rule that did not hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// Which.
    pub rule: Rule,
    /// Of which call, if it is about one.
    pub call: Option<u32>,
    /// What is wrong.
    pub what: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.rule.as_str())?;
        self.call.map_or(Ok(()), |call| write!(f, " c{call}"))?;
        write!(f, ": {}", self.what)
    }
}

/// Every violation in a history; none in a good one.
#[must_use]
pub fn check(history: &History) -> Vec<Violation> {
    let calls = Calls::of(history);
    let world = &history.world;
    let mut found = Found::default();
    record::check(&calls, world, &mut found);
    for call in &calls.calls {
        billing::check(call, world, &mut found);
        honest::check(call, &mut found);
        once::check(call, &mut found);
        time::check(call, world, &mut found);
        departure::check(call, &mut found);
    }
    load::check(&calls, world, &mut found);
    recovery::check(&calls, history, &mut found);
    hidden::check(&calls, world, &mut found);
    found.0
}

/// What was found so far.
#[derive(Debug, Default)]
struct Found(Vec<Violation>);

impl Found {
    fn add(&mut self, rule: Rule, call: impl Into<Option<u32>>, what: impl Into<String>) {
        self.0.push(Violation {
            rule,
            call: call.into(),
            what: what.into(),
        });
    }
}
