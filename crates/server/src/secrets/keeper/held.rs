//! What was fetched and is held.

use std::collections::HashMap;
use std::sync::Arc;

use orchestra_secrets::{EntryId, Obtained, Origin, Reference, Secret};

/// A reference, and where its secret is sent: a secret that may go to one place may not go to another.
pub(super) type Errand = (Reference, Option<Origin>);

/// What came of each errand.
#[derive(Default)]
pub(super) struct Held {
    holdings: HashMap<Errand, Holding>,
    /// Counts the keys that were ever held.
    serial: u64,
}

/// What came of an errand.
#[derive(Clone)]
pub(super) enum Holding {
    Key(Key),
    /// There is no use in asking again while the store's list shows the same.
    Unusable {
        entry: Option<EntryId>,
        reason: String,
    },
}

/// A key that was fetched.
#[derive(Clone)]
pub(super) struct Key {
    pub(super) secret: Arc<Secret>,
    pub(super) version: Option<u32>,
    pub(super) entry: Option<EntryId>,
    pub(super) expires_ms: Option<i64>,
    /// Tells it from all others that were ever held: a file has no versions.
    pub(super) serial: u64,
}

impl From<Obtained> for Key {
    fn from(obtained: Obtained) -> Self {
        Self {
            secret: Arc::new(obtained.secret),
            version: obtained.version,
            entry: obtained.entry,
            expires_ms: obtained.expires_ms,
            serial: 0,
        }
    }
}

impl Key {
    pub(super) fn is_expired(&self, now_ms: i64) -> bool {
        self.expires_ms.is_some_and(|end| end <= now_ms)
    }
}

impl Holding {
    /// Which entry of the store it was made of.
    pub(super) const fn entry(&self) -> Option<EntryId> {
        match self {
            Self::Key(key) => key.entry,
            Self::Unusable { entry, .. } => *entry,
        }
    }
}

impl Held {
    pub(super) fn get(&self, errand: &Errand) -> Option<&Holding> {
        self.holdings.get(errand)
    }

    pub(super) fn put(&mut self, errand: Errand, mut holding: Holding) {
        if let Holding::Key(key) = &mut holding {
            self.serial += 1;
            key.serial = self.serial;
        }
        self.holdings.insert(errand, holding);
    }

    /// Lets go of everything that came from the store. Values are wiped with their last holder.
    pub(super) fn forget_stored(&mut self) {
        self.holdings
            .retain(|(reference, _), _| !matches!(reference, Reference::Stored(_)));
    }

    /// Lets go of everything else. Values are wiped with their last holder.
    pub(super) fn keep_only(&mut self, errands: &[Errand]) {
        self.holdings.retain(|errand, _| errands.contains(errand));
    }

    /// All keys with the references that they stand for.
    pub(super) fn keys(&self) -> impl Iterator<Item = (&Reference, &Key)> {
        self.holdings
            .iter()
            .filter_map(|((reference, _), holding)| match holding {
                Holding::Key(key) => Some((reference, key)),
                Holding::Unusable { .. } => None,
            })
    }
}
