//! Asking a second target while the first one is slow: when, for which calls, and how often at most.

mod account;
mod eligible;

use std::collections::BTreeMap;

use orchestra_routing::{Author, HedgeAfter, Share};

pub(crate) use account::Accounts;
pub(crate) use eligible::is_repeatable;

/// When a second target is asked for a call whose first one is slow, and how often.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hedging {
    /// When.
    pub after: HedgeAfter,
    /// For how large a part of the calls at most.
    pub most_extra: Share,
}

impl Default for Hedging {
    /// Never, and 2 % where somebody only says when: Dean and Barroso's figure ("The Tail at Scale", CACM 2013) for what
    /// takes most of the tail away.
    fn default() -> Self {
        Self {
            after: HedgeAfter::Never,
            most_extra: Share::TWO_PERCENT,
        }
    }
}

/// The hedging of all calls.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HedgeRules {
    /// Where nothing else is said.
    pub usual: Hedging,
    /// For calls of a model, by the name that clients use.
    pub models: BTreeMap<String, Hedging>,
}

impl HedgeRules {
    /// What holds for a call of this model at a place of which its tree says `own`; `None` if no second target is asked. A tree
    /// that came with the call may have fewer second targets asked than the operator allows, not more.
    pub(crate) fn of(&self, model: &str, own: Option<orchestra_routing::Hedge>) -> Option<Hedging> {
        let mut hedging = *self.models.get(model).unwrap_or(&self.usual);
        if let Some(own) = own {
            hedging.after = own.after.unwrap_or(hedging.after);
            let asked = own.most_extra.unwrap_or(hedging.most_extra);
            hedging.most_extra = match own.author {
                Author::Operator => asked,
                // Who makes the call does not pay for it.
                Author::Caller => asked.min(hedging.most_extra),
            };
        }
        (hedging.after != HedgeAfter::Never).then_some(hedging)
    }
}

#[cfg(test)]
mod tests {
    use orchestra_routing::Hedge;

    use super::*;

    #[test]
    fn a_tree_comes_before_the_model_and_the_model_before_the_rest() {
        let p95 = HedgeAfter::Percentile(95);
        let hedging = |after, percent: u32| Hedging {
            after,
            most_extra: Share::millionths(percent * 10_000).unwrap(),
        };
        let rules = HedgeRules {
            usual: hedging(p95, 1),
            models: BTreeMap::from([
                ("off".to_owned(), hedging(HedgeAfter::Never, 1)),
                ("fast".to_owned(), hedging(HedgeAfter::Percentile(90), 3)),
            ]),
        };
        assert_eq!(rules.of("any", None), Some(hedging(p95, 1)));
        assert_eq!(rules.of("off", None), None);
        let own = Hedge {
            after: Some(p95),
            most_extra: None,
            author: Author::Operator,
        };
        assert_eq!(rules.of("fast", Some(own)), Some(hedging(p95, 3)));
        assert_eq!(rules.of("off", Some(own)), Some(hedging(p95, 1)));
        assert_eq!(HedgeRules::default().of("any", None), None);
    }

    #[test]
    fn a_caller_may_have_less_hedged_but_not_more() {
        let rules = HedgeRules::default();
        let most = |percent: u32| Share::millionths(percent * 10_000);
        for (author, asked, expected) in [
            (Author::Operator, most(100), most(100)),
            (Author::Caller, most(100), most(2)),
            (Author::Caller, most(1), most(1)),
            (Author::Caller, None, most(2)),
        ] {
            let own = Hedge {
                after: Some(HedgeAfter::Percentile(95)),
                most_extra: asked,
                author,
            };
            let found = rules.of("any", Some(own)).map(|found| found.most_extra);
            assert_eq!(found, expected, "{author:?} {asked:?}");
        }
    }
}
