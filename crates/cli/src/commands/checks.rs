//! Asking providers for their models: costs no tokens, proves address and key.

use futures_util::future::join_all;
use orchestra_gateway::{Gateway, ProviderCheck};
use orchestra_types::ProviderId;
use serde_json::{Value, json};

use crate::output::table;

/// A provider, and what came of asking it.
#[derive(Debug)]
pub(super) struct Checked {
    pub(super) name: ProviderId,
    check: ProviderCheck,
}

impl Checked {
    pub(super) const fn works(&self) -> bool {
        matches!(self.check, ProviderCheck::Working { .. })
    }

    pub(super) fn detail(&self) -> String {
        match &self.check {
            ProviderCheck::Working { models } => format!("{models} models"),
            ProviderCheck::Unlisted { reason } | ProviderCheck::Failing { reason } => {
                reason.clone()
            }
        }
    }

    pub(super) fn json(&self) -> Value {
        json!({ "name": self.name.as_str(), "working": self.works(), "detail": self.detail() })
    }

    fn row(&self) -> Vec<String> {
        let state = if self.works() { "working" } else { "failing" };
        vec![self.name.to_string(), state.to_owned(), self.detail()]
    }
}

/// The providers that the gateway works with.
pub(super) fn in_use(gateway: &Gateway) -> Vec<ProviderId> {
    let providers = gateway.providers();
    let members = providers.members();
    members.map(|member| member.provider.id().clone()).collect()
}

/// Asks these providers, all at the same time.
pub(super) async fn check(gateway: &Gateway, names: Vec<ProviderId>) -> Vec<Checked> {
    let ask = |name: ProviderId| async move {
        let check = gateway.check(&name).await;
        Checked { name, check }
    };
    join_all(names.into_iter().map(ask)).await
}

/// One line for each.
pub(super) fn lines(checks: &[Checked]) -> String {
    let rows: Vec<Vec<String>> = checks.iter().map(Checked::row).collect();
    table(&["PROVIDER", "STATE", "DETAIL"], &rows)
}
