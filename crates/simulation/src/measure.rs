//! What a gateway does for its calls, and can be made to do without.

use std::time::Duration;

use orchestra_dialects::Continues;
use orchestra_gateway::{
    HedgeAfter, HedgeRules, HoldBackRules, Node, Retries, RetryRules, RouteSettings, Settings,
};
use orchestra_health::{BreakerPolicy, Policy};
use orchestra_routing::{Hedge, HoldBack, NodeKind, Retry};

use crate::upstream::Upstream;
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
    /// Learning how many calls a target takes at one time.
    Limits,
    /// Having calls wait for a place rather than fail.
    Waiting,
    /// Holding a stream back until it shows content, so that another target can take over unseen.
    HoldBack,
    /// Asking a second target while the first one is slow.
    Hedging,
    /// Going on with a stream that died, at another target.
    Recovery,
}

impl Measure {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Fallback,
        Self::Retries,
        Self::Health,
        Self::Limits,
        Self::Waiting,
        Self::HoldBack,
        Self::Hedging,
        Self::Recovery,
    ];

    /// One word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Fallback => "fallback",
            Self::Retries => "retries",
            Self::Health => "health",
            Self::Limits => "limits",
            Self::Waiting => "waiting",
            Self::HoldBack => "hold-back",
            Self::Hedging => "hedging",
            Self::Recovery => "recovery",
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
            Self::Limits => policy.limits = false,
            Self::Waiting => {
                settings.overload.max_waiting = 0;
                settings.overload.max_wait = Duration::ZERO;
            }
            Self::HoldBack => {
                settings.hold_back = Duration::ZERO;
                settings.hold_back_more = HoldBackRules::default();
                directions.hold_back = Some(HoldBack::NONE);
            }
            Self::Recovery => directions.recover = Some(false),
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
            Measure::Fallback | Measure::Retries | Measure::Health | Measure::Limits => true,
            Measure::Waiting => self.settings.overload.max_waiting > 0,
            Measure::HoldBack => self.traffic.streamed > 0.0 && !self.settings.hold_back.is_zero(),
            Measure::Hedging => self.hedges(),
            Measure::Recovery => self.traffic.streamed > 0.0 && self.recovers(),
        }
    }

    /// Whether some streams are to be gone on with, and there is a target that can.
    fn recovers(&self) -> bool {
        let rules = &self.settings.recovery;
        let Route::Configured(configured) = &self.route else {
            return rules.enabled;
        };
        let tree = configured.routes.models.get(&configured.model);
        let in_tree = || {
            let said = |node: &Node| node.settings.recover == Some(true);
            tree.is_some_and(|tree| any(tree, &said))
        };
        let usual = rules.models.get(&configured.model);
        let mut targets = self.upstreams.iter();
        let able = |upstream: &Upstream| {
            let model = upstream.model.as_deref().unwrap_or_default();
            configured.continues(&upstream.name, model) != Continues::Never
        };
        (*usual.unwrap_or(&rules.enabled) || in_tree()) && targets.any(able)
    }

    fn hedges(&self) -> bool {
        let rules = &self.settings.hedging;
        let mut said = rules.models.values().chain([&rules.usual]);
        let in_tree = || match &self.route {
            Route::Configured(configured) => {
                let tree = configured.routes.models.get(&configured.model);
                tree.is_some_and(|tree| any(tree, &hedges))
            }
            Route::InOrder | Route::Tree(_) => false,
        };
        said.any(|hedging| hedging.after != HedgeAfter::Never) || in_tree()
    }
}

fn hedges(node: &Node) -> bool {
    let own = node.settings.hedge.and_then(|hedge| hedge.after);
    own.is_some_and(|after| after != HedgeAfter::Never)
}

/// Whether this is so of any node.
fn any(node: &Node, is: &impl Fn(&Node) -> bool) -> bool {
    is(node)
        || match &node.kind {
            NodeKind::Target(_) => false,
            NodeKind::Strategy { children, .. } => children.iter().any(|child| any(child, is)),
        }
}
