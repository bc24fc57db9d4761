//! How long streams that have begun to answer are held back, while another target could still take over.

use std::collections::BTreeMap;

use orchestra_routing::HoldBack;

/// How long streams are held back once they have shown content: whoever fails until then is replaced without the client's notice.
/// By default they are not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HoldBackRules {
    /// Where nothing else is said.
    pub usual: HoldBack,
    /// For calls of a model, by the name that clients use: an alias, or any other.
    pub models: BTreeMap<String, HoldBack>,
}

impl Default for HoldBackRules {
    /// A client sees the first token as soon as it is there.
    fn default() -> Self {
        Self {
            usual: HoldBack::NONE,
            models: BTreeMap::new(),
        }
    }
}

impl HoldBackRules {
    /// What holds for a call of this model at a place of which its tree says `own`.
    pub(crate) fn of(&self, model: &str, own: Option<HoldBack>) -> HoldBack {
        own.or_else(|| self.models.get(model).copied())
            .unwrap_or(self.usual)
    }
}
