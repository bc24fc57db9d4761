//! What a gateway does for its calls, and can be made to do without.

use std::time::Duration;

use orchestra_gateway::{
    HedgeAfter, HedgeRules, Node, Retries, RetryRules, RouteSettings, Settings,
};
use orchestra_health::{BreakerPolicy, Policy};
use orchestra_routing::{Hedge, NodeKind, Retry};

use crate::world::{Route, World};

/// Something that a gateway does so that its calls go well.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Measure {
    /// Going on to another target when one fails.
    Fallback,
    /// Asking the same target again.
    Retries,
    /// Remembering which targets fail or want to be left alone: breakers and pauses.
    Health,
    /// Asking a second target while the first one is slow.
    Hedging,
}

impl Measure {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Fallback, Self::Retries, Self::Health, Self::Hedging];

    /// One word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Fallback => "fallback",
            Self::Retries => "retries",
            Self::Health => "health",
            Self::Hedging => "hedging",
        }
    }

    pub(crate) fn take_from(
        self,
        settings: &mut Settings,
        policy: &mut Policy,
        directions: &mut RouteSettings,
    ) {
        match self {
            Self::Fallback => settings.fallback = false,
            Self::Retries => {
                settings.retries = RetryRules::all(Retries::NONE);
                directions.retry = Some(Retry::NONE);
            }
            Self::Health => {
                policy.max_pause = Duration::ZERO;
                policy.breaker = BreakerPolicy {
                    failures_in_a_row: u32::MAX,
                    failure_share: f64::INFINITY,
                    ..policy.breaker
                };
            }
            Self::Hedging => {
                settings.hedging = HedgeRules::default();
                directions.hedge = Some(Hedge {
                    after: Some(HedgeAfter::Never),
                    ..Hedge::default()
                });
            }
        }
    }
}

impl World {
    /// Whether the gateway does this at all, as far as it is configured.
    #[must_use]
    pub fn takes(&self, measure: Measure) -> bool {
        match measure {
            Measure::Fallback | Measure::Retries | Measure::Health => true,
            Measure::Hedging => self.hedges(),
        }
    }

    fn hedges(&self) -> bool {
        let rules = &self.settings.hedging;
        let mut said = rules.models.values().chain([&rules.usual]);
        let in_tree = || match &self.route {
            Route::Configured(configured) => {
                let tree = configured.routes.models.get(&configured.model);
                tree.is_some_and(|tree| any_hedges(tree))
            }
            Route::InOrder | Route::Tree(_) => false,
        };
        said.any(|hedging| hedging.after != HedgeAfter::Never) || in_tree()
    }
}

fn any_hedges(node: &Node) -> bool {
    let own = node.settings.hedge.and_then(|hedge| hedge.after);
    own.is_some_and(|after| after != HedgeAfter::Never)
        || match &node.kind {
            NodeKind::Target(_) => false,
            NodeKind::Strategy { children, .. } => children.iter().any(any_hedges),
        }
}
