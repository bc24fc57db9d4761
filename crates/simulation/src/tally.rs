//! Counting as things happen, so that a run of any length needs little room.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::event::{Ending, Event, Happening, Heard, Over, Sent, View};
use crate::fate::Fate;
use crate::outage::Outage;
use crate::report::{Load, Report, at_share};
use crate::world::World;

/// How long after its onset an outage is still a surprise.
const ONSET: Duration = Duration::from_secs(60);

/// What was counted so far.
#[derive(Debug)]
pub(crate) struct Tally {
    world: World,
    fate: Option<Fate>,
    /// Calls that are under way: when they came, and whether they are streams.
    open: BTreeMap<u32, (Duration, bool)>,
    /// Requests that are under way: at which upstream, and whether it works on them.
    exchanges: BTreeMap<u32, (usize, bool)>,
    /// From the call to the first token.
    waits: Vec<Duration>,
    chances: f64,
    /// By outage: calls that were lost to it, and those of them that could have been served.
    lost: Vec<(u32, u32)>,
    report: Report,
}

impl Tally {
    pub(crate) fn new(world: World, seed: u64) -> Self {
        let load = |upstream: &crate::Upstream| Load {
            name: upstream.label(),
            requests: 0,
            refused: 0,
            overrun: 0,
            billed: 0,
            tokens: 0,
            busiest: 0,
            capacity: upstream.capacity,
        };
        Self {
            fate: world.fated.then_some(Fate(seed)),
            open: BTreeMap::new(),
            exchanges: BTreeMap::new(),
            waits: Vec::new(),
            chances: 0.0,
            lost: vec![(0, 0); world.outages.len()],
            report: Report {
                calls: 0,
                served: 0,
                broken: 0,
                oracle: 1.0,
                avoidable: world.fated.then_some(0),
                attempts: 0,
                first_token_p50: None,
                first_token_p95: None,
                first_token_p99: None,
                loads: world.upstreams.iter().map(load).collect(),
                lost: Vec::new(),
                lost_avoidably: Vec::new(),
                delivered: 0,
            },
            world,
        }
    }

    pub(crate) fn of(world: World, seed: u64, events: &[Event]) -> Self {
        let mut tally = Self::new(world, seed);
        events.iter().for_each(|event| tally.take(event));
        tally
    }

    pub(crate) fn take(&mut self, event: &Event) {
        match &event.what {
            Happening::Arrived { call, streamed, .. } => {
                self.open.insert(*call, (event.at, *streamed));
            }
            Happening::Sent(sent) => self.sent(event.at, sent),
            Happening::Over {
                exchange,
                how,
                tokens,
                ..
            } => self.over(*exchange, *how, *tokens),
            Happening::Recorded { .. } => {}
            Happening::Seen { call, view } => {
                if let Some((at, streamed)) = self.open.remove(call) {
                    self.seen(*call, at, streamed, event.at, view);
                }
            }
        }
    }

    fn sent(&mut self, at: Duration, sent: &Sent) {
        let full = sent.heard == Heard::Full;
        let overrun = full && self.is_well(sent.target, at);
        let load = &mut self.report.loads[sent.target];
        load.requests += 1;
        load.refused += u32::from(full);
        load.overrun += u32::from(overrun);
        if matches!(sent.heard, Heard::Served { .. } | Heard::Troubled(_)) {
            load.busiest = load.busiest.max(sent.busy + 1);
        }
        self.report.attempts += 1;
        let served = matches!(sent.heard, Heard::Served { .. });
        self.exchanges.insert(sent.exchange, (sent.target, served));
    }

    fn over(&mut self, exchange: u32, how: Over, tokens: u32) {
        let Some((target, served)) = self.exchanges.remove(&exchange) else {
            return;
        };
        let dropped = served && how == Over::Dropped;
        let load = &mut self.report.loads[target];
        load.billed += u32::from(tokens > 0 || dropped);
        load.tokens += u64::from(tokens);
    }

    /// Whether nothing is wrong with an upstream, and none of its places is still taken by what was wrong.
    fn is_well(&self, target: usize, at: Duration) -> bool {
        let settings = &self.world.settings;
        let since = at.saturating_sub(settings.first_byte.max(settings.total));
        let mut outages = self.world.outages.iter();
        !outages.any(|outage| outage.target == target && outage.touches(since, at))
    }

    /// A call is over. Those whose clients left are none.
    fn seen(&mut self, call: u32, at: Duration, streamed: bool, over: Duration, view: &View) {
        if view.ending == Ending::Left {
            return;
        }
        let chance = self.chance(call, at);
        self.chances += chance;
        let report = &mut self.report;
        report.calls += 1;
        self.waits.extend(view.first_token.filter(|_| streamed));
        if view.ending == Ending::Complete {
            report.served += 1;
            report.delivered += u64::from(view.tokens);
            return;
        }
        let avoidable = self.fate.is_some() && view.tokens == 0 && chance > 0.5;
        report.broken += u32::from(view.tokens > 0);
        if let Some(count) = &mut report.avoidable {
            *count += u32::from(avoidable);
        }
        for (outage, lost) in self.world.outages.iter().zip(&mut self.lost) {
            if at < outage.until.min(outage.from.saturating_add(ONSET)) && over >= outage.from {
                lost.0 += 1;
                lost.1 += u32::from(avoidable);
            }
        }
    }

    /// Whether at least one upstream would have answered this call if each had been asked when it came: yes or no where that is
    /// known, else the chance.
    fn chance(&self, call: u32, at: Duration) -> f64 {
        let world = &self.world;
        let Some(fate) = self.fate else {
            return world.oracle(at);
        };
        let mut upstreams = world.upstreams.iter().enumerate();
        f64::from(u8::from(
            upstreams.any(|upstream| fate.serves(upstream, &world.outages, call, at)),
        ))
    }

    pub(crate) fn report(mut self) -> Report {
        self.waits.sort_unstable();
        let calls = self.report.calls;
        let traffic = |calls: u32| self.world.traffic_of(calls);
        Report {
            oracle: if calls == 0 {
                1.0
            } else {
                self.chances / f64::from(calls)
            },
            first_token_p50: at_share(&self.waits, 0.5),
            first_token_p95: at_share(&self.waits, 0.95),
            first_token_p99: at_share(&self.waits, 0.99),
            lost: self.lost.iter().map(|lost| traffic(lost.0)).collect(),
            lost_avoidably: self.lost.iter().map(|lost| traffic(lost.1)).collect(),
            ..self.report
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
        let upstreams = self.upstreams.iter().enumerate();
        1.0 - upstreams.map(fails).product::<f64>()
    }

    /// How long it takes until so many calls come.
    fn traffic_of(&self, calls: u32) -> Duration {
        let seconds = f64::from(calls) / self.traffic.rate;
        Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX)
    }
}
