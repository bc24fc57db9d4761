//! Second targets that were asked while the first one was slow.

use std::sync::atomic::{AtomicU64, Ordering};

use orchestra_gateway::{CallRecord, HedgeOutcome};

use super::series::{billionths, dollars};
use super::text::{Kind, Text};

const OUTCOMES: [HedgeOutcome; 4] = [
    HedgeOutcome::Won,
    HedgeOutcome::Lost,
    HedgeOutcome::Failed,
    HedgeOutcome::Abandoned,
];

/// What became of them, and how many were not asked because their share was used up.
#[derive(Debug, Default)]
pub(super) struct Hedges {
    outcomes: [AtomicU64; OUTCOMES.len()],
    capped: AtomicU64,
    /// In billionths of a dollar.
    cost: AtomicU64,
}

impl Hedges {
    pub(super) fn record(&self, record: &CallRecord) {
        if record.hedge_capped {
            self.capped.fetch_add(1, Ordering::Relaxed);
        }
        let costs = record.attempts.iter().filter_map(|one| one.estimated_cost);
        let cost = costs.map(billionths).fold(0, u64::saturating_add);
        if cost > 0 {
            self.cost.fetch_add(cost, Ordering::Relaxed);
        }
        for hedge in record.attempts.iter().filter_map(|attempt| attempt.hedge) {
            if let Some(at) = OUTCOMES.iter().position(|known| *known == hedge) {
                self.outcomes[at].fetch_add(1, Ordering::Relaxed);
            }
        }
    }

    pub(super) fn write(&self, text: &mut Text) {
        let name = "orchestra_hedges_total";
        let help = "Second targets asked while the first one was slow, by what came of them; capped: not asked, as their share was used up.";
        text.family(name, Kind::Counter, help);
        let outcomes = OUTCOMES.iter().map(|outcome| outcome.as_str());
        let counted = outcomes
            .zip(&self.outcomes)
            .chain([("capped", &self.capped)]);
        for (outcome, count) in counted {
            let count = count.load(Ordering::Relaxed);
            text.sample(name, &[("outcome", outcome)], count);
        }
        let name = "orchestra_hedge_cost_dollars_total";
        let help = "What cancelled attempts may have cost by list price, in US dollars: all of the input, and a usual answer.";
        text.family(name, Kind::Counter, help);
        let cost = self.cost.load(Ordering::Relaxed);
        text.sample(name, &[], dollars(cost));
    }
}
