//! The keys that providers are called with: several for each, with weights, exchanged while calls run.
//!
//! Whoever embeds the gateway hands keys in ([`ProviderKey`], [`Keys`]); where they come from is none of its
//! business. A member holds them as one [`KeyState`], which an attempt takes along as its [`Access`]. A key that is
//! refused is benched: passed over for a while, as long as there is another.

mod access;
mod bench;
mod guard;
mod name;
mod offered;
mod pool;
mod quota;
mod source;
mod state;
mod watch;

pub(crate) use access::{Access, Closed, DoorTo, chance};
pub use name::{InvalidKeyName, KeyName};
pub use offered::{Keys, ProviderKey, UnusableKey};
pub use quota::QuotaReport;
pub use source::{KeySource, RefreshFuture, Refreshed};
pub(crate) use state::KeyState;
pub use state::{KeyReport, KeyStanding, UsedKey};
pub(crate) use watch::KeyWatch;

/// A moment of the gateway's monotonic clock as it stands in an atomic number.
fn millis(time: std::time::Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
pub(crate) mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use orchestra_providers::{Provider, Row};
    use orchestra_secrets::Secret;
    use orchestra_types::{ModelId, ProviderId, SeededRng};

    use super::*;
    use crate::providers::Member;

    pub(crate) fn provider() -> Provider {
        let row = Row {
            base_url: Some("https://api.example.com/v1".to_owned()),
            endpoints: Some(vec!["messages".to_owned()]),
            ..Row::default()
        };
        Provider::build(ProviderId::new("p").unwrap(), &row).unwrap()
    }

    pub(super) fn offered(name: &str, secret: &str) -> ProviderKey {
        ProviderKey::new(KeyName::new(name).unwrap(), Secret::new(secret.to_owned()))
    }

    /// A provider with these keys, as an attempt that begins now reaches it.
    pub(crate) fn access(keys: &[&str]) -> Access {
        let named = |(number, key): (usize, &&str)| offered(&format!("key-{number}"), key);
        let keys = Keys::Ready(keys.iter().enumerate().map(named).collect());
        let member = Arc::new(Member::new(provider(), keys).unwrap());
        Access::open(
            &member,
            &ModelId::new("m"),
            &SeededRng::new(1),
            Duration::ZERO,
        )
        .unwrap()
    }
}
