//! What happened in one run.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use orchestra_types::Usage;

use crate::event::{Attempted, Charge, Event, Happening, Over, Sent, View};
use crate::world::World;

/// One run, from its first event to its last. Printed, it is the log: one line for each event.
#[derive(Clone, Debug)]
pub struct History {
    /// The seed.
    pub seed: u64,
    /// The world that was run.
    pub world: World,
    /// All that happened, in its order.
    pub events: Vec<Event>,
}

impl fmt::Display for History {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.events
            .iter()
            .try_for_each(|event| writeln!(f, "{event}"))
    }
}

/// A gateway's record, as it was noted.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Record<'h> {
    pub(crate) at: Duration,
    pub(crate) ending: &'static str,
    pub(crate) attempts: &'h [Attempted],
    pub(crate) charge: Charge,
    pub(crate) recovered: usize,
}

/// A request to an upstream, from its beginning to its end.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Exchange<'h> {
    pub(crate) at: Duration,
    pub(crate) sent: &'h Sent,
    pub(crate) over: Option<Ended>,
}

/// How an upstream was done with a request.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ended {
    pub(crate) at: Duration,
    pub(crate) how: Over,
    pub(crate) tokens: u32,
    /// What it had told of the tokens that it counts.
    pub(crate) counted: Option<Usage>,
}

/// All that is known of one call.
#[derive(Clone, Debug)]
pub(crate) struct Call<'h> {
    pub(crate) number: u32,
    pub(crate) at: Duration,
    pub(crate) streamed: bool,
    pub(crate) seen: Option<(Duration, &'h View)>,
    pub(crate) records: Vec<Record<'h>>,
    pub(crate) exchanges: Vec<Exchange<'h>>,
}

/// A history by its calls. What belongs to no call stands apart.
#[derive(Clone, Debug, Default)]
pub(crate) struct Calls<'h> {
    pub(crate) calls: Vec<Call<'h>>,
    /// Requests to upstreams and records of calls that nobody made.
    pub(crate) strays: Vec<&'h Event>,
}

impl<'h> Calls<'h> {
    pub(crate) fn of(history: &'h History) -> Self {
        let mut calls: BTreeMap<u32, Call<'h>> = BTreeMap::new();
        let mut strays = Vec::new();
        let mut owners = BTreeMap::new();
        for event in &history.events {
            let owner = owner(event, &mut owners);
            if let Happening::Arrived { call, streamed, .. } = &event.what {
                calls.insert(*call, Call::new(*call, event.at, *streamed));
            } else {
                match owner.and_then(|call| calls.get_mut(&call)) {
                    Some(call) => call.add(event),
                    None => strays.push(event),
                }
            }
        }
        Self {
            calls: calls.into_values().collect(),
            strays,
        }
    }
}

/// The call that an event belongs to.
fn owner(event: &Event, owners: &mut BTreeMap<u32, u32>) -> Option<u32> {
    match &event.what {
        Happening::Arrived { call, .. } | Happening::Seen { call, .. } => Some(*call),
        Happening::Recorded { call, .. } => *call,
        Happening::Sent(sent) => {
            owners.extend(sent.call.map(|call| (sent.exchange, call)));
            sent.call
        }
        Happening::Over { exchange, .. } => owners.get(exchange).copied(),
    }
}

impl<'h> Call<'h> {
    const fn new(number: u32, at: Duration, streamed: bool) -> Self {
        Self {
            number,
            at,
            streamed,
            seen: None,
            records: Vec::new(),
            exchanges: Vec::new(),
        }
    }

    fn add(&mut self, event: &'h Event) {
        let at = event.at;
        match &event.what {
            Happening::Arrived { .. } => {}
            Happening::Sent(sent) => self.exchanges.push(Exchange {
                at,
                sent,
                over: None,
            }),
            Happening::Over {
                exchange,
                how,
                tokens,
                counted,
            } => {
                let mut own = self.exchanges.iter_mut();
                if let Some(own) = own.find(|own| own.sent.exchange == *exchange) {
                    own.over = Some(Ended {
                        at,
                        how: *how,
                        tokens: *tokens,
                        counted: *counted,
                    });
                }
            }
            Happening::Recorded {
                ending,
                attempts,
                charge,
                recovered,
                ..
            } => self.records.push(Record {
                at,
                ending,
                attempts,
                charge: *charge,
                recovered: *recovered,
            }),
            Happening::Seen { view, .. } => self.seen = Some((at, view)),
        }
    }

    /// Whether its client saw anything of what this exchange wrote.
    pub(crate) fn showed(&self, exchange: u32) -> bool {
        let Some((_, view)) = self.seen else {
            return false;
        };
        let mut earlier = view.earlier.iter();
        view.exchange == Some(exchange) || earlier.any(|part| part.exchange == exchange)
    }

    /// Whether it was sent to another upstream before its request to one was over.
    pub(crate) fn is_hedged(&self) -> bool {
        let mut pairs = self.exchanges.windows(2);
        pairs.any(|pair| {
            let other = pair[0].sent.target != pair[1].sent.target;
            other && pair[0].over.is_none_or(|over| over.at > pair[1].at)
        })
    }

    /// The exchange that wrote what the client saw.
    pub(crate) fn source(&self) -> Option<&Exchange<'h>> {
        let number = self.seen?.1.exchange?;
        let mut own = self.exchanges.iter();
        own.find(|exchange| exchange.sent.exchange == number)
    }
}
