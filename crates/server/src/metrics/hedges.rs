//! Second targets that were asked while the first one was slow.

use std::sync::atomic::{AtomicU64, Ordering};

use orchestra_gateway::{CallRecord, HedgeOutcome};

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
}

impl Hedges {
    pub(super) fn record(&self, record: &CallRecord) {
        if record.hedge_capped {
            self.capped.fetch_add(1, Ordering::Relaxed);
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
            if count > 0 {
                text.sample(name, &[("outcome", outcome)], count);
            }
        }
    }
}
