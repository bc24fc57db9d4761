//! Handing keys to the gateway.

use std::sync::Arc;

use http::HeaderName;
use orchestra_gateway::{Keys, ProviderKey, Providers, UsedKey};
use orchestra_secrets::EntryId;

use super::held::{Holding, Key};
use super::{Books, Keeper};
use crate::secrets::standing::Standing;
use crate::secrets::wants::{ProviderWants, WantedKey};

/// What a provider gets, and how that is told.
struct Handout {
    keys: Keys,
    /// Differs whenever the keys do.
    words: String,
    /// What is wrong with those that it does not get.
    reasons: Vec<String>,
    /// Which entries of the store the keys are.
    entries: Vec<(UsedKey, EntryId)>,
}

impl Keeper {
    /// Hands every provider the keys that it may use now. Changes nothing where nothing changed, so it may be called
    /// at any time.
    pub(crate) fn install(&self) {
        let mut books = self.books();
        let sealed = matches!(self.vault.standing(), Standing::Sealed(_));
        let now_ms = self.clock.unix_ms();
        let wants = Arc::clone(&books.providers.wants);
        for wants in wants.iter() {
            let handout = self.handout(wants, &books, sealed, now_ms);
            if books.told.get(&wants.provider) != Some(&handout.words) {
                let told = handout.words.clone();
                books.told.insert(wants.provider.clone(), told);
                self.hand_to(&books.providers.all, wants, handout);
            }
        }
        // Whoever is new has its keys now.
        if !Arc::ptr_eq(&self.roster.now(), &books.providers.all) {
            self.roster.exchange(Arc::clone(&books.providers.all));
        }
        self.clients.install(&books.held, sealed, now_ms);
    }

    fn hand_to(&self, providers: &Providers, wants: &ProviderWants, handout: Handout) {
        let provider = &wants.provider;
        tell(wants, &handout);
        for (key, entry) in handout.entries {
            self.uses.learn(key, entry);
        }
        let Some(member) = providers.member(provider.as_str()) else {
            return;
        };
        if let Err(error) = member.set_keys(handout.keys) {
            tracing::error!(%provider, "{error}");
            let reason = error.to_string();
            // What is missing has no key that could be unusable.
            let _ = member.set_keys(Keys::Missing { reason });
        }
    }

    fn handout(&self, wants: &ProviderWants, books: &Books, sealed: bool, now_ms: i64) -> Handout {
        let variables = self.vault.variables();
        if sealed {
            let keyless = !wants.keys.may_have_keys(&books.listing, variables);
            let keys = if keyless {
                Keys::NotNeeded
            } else {
                Keys::Sealed
            };
            return Handout::bare(keys);
        }
        let wanted = wants.keys.keys(&books.listing, variables);
        if wanted.is_empty() {
            let missing = |reason| Keys::Missing { reason };
            return Handout::bare(wants.keys.remedy().map_or(Keys::NotNeeded, missing));
        }
        let mut handout = gather(wants, &wanted, books, now_ms);
        let companions = wants.companions(&books.listing, variables);
        handout.add_companions(wants, &companions, books, now_ms);
        handout
    }
}

/// The keys that may be used, and why the others may not.
fn gather(wants: &ProviderWants, wanted: &[WantedKey], books: &Books, now_ms: i64) -> Handout {
    let (mut keys, mut words, mut reasons) = (Vec::new(), Vec::new(), Vec::new());
    let mut entries = Vec::new();
    for want in wanted {
        let errand = (want.reference.clone(), Some(wants.origin.clone()));
        match books.held.get(&errand) {
            Some(Holding::Key(key)) if key.is_expired(now_ms) => {
                reasons.push(format!("{} has expired: set a new value", want.name));
            }
            Some(Holding::Key(key)) => {
                words.push(describe(want, key));
                keys.push(offer(want, key));
                entries.extend(key.entry.map(|entry| (used(want, key), entry)));
            }
            Some(Holding::Unusable { reason, .. }) => reasons.push(reason.clone()),
            None => reasons.push(format!("{} was not fetched yet", want.name)),
        }
    }
    let words = format!("{} / {}", words.join(", "), reasons.join("; "));
    let keys = if keys.is_empty() {
        let reason = reasons.join("; ");
        Keys::Missing { reason }
    } else {
        Keys::Ready(keys)
    };
    Handout {
        keys,
        words,
        reasons,
        entries,
    }
}

fn used(want: &WantedKey, key: &Key) -> UsedKey {
    UsedKey {
        name: want.name.clone(),
        version: key.version,
    }
}

fn offer(want: &WantedKey, key: &Key) -> ProviderKey {
    ProviderKey {
        name: want.name.clone(),
        version: key.version,
        weight: want.weight,
        secret: key.secret.clone(),
        companions: Vec::new(),
    }
}

/// Tells one key from all others, without its value.
fn describe(want: &WantedKey, key: &Key) -> String {
    format!("{} {}", want.name, key.serial)
}

impl Handout {
    /// Adds what goes along with the keys. What is missing is no reason to hold a key back.
    fn add_companions(
        &mut self,
        wants: &ProviderWants,
        companions: &[(HeaderName, WantedKey)],
        books: &Books,
        now_ms: i64,
    ) {
        let Keys::Ready(keys) = &mut self.keys else {
            return;
        };
        for (header, want) in companions {
            let errand = (want.reference.clone(), Some(wants.origin.clone()));
            match books.held.get(&errand) {
                Some(Holding::Key(value)) if !value.is_expired(now_ms) => {
                    self.words
                        .push_str(&format!(" with {}", describe(want, value)));
                    for key in keys.iter_mut() {
                        key.companions.push((header.clone(), value.secret.clone()));
                    }
                }
                Some(Holding::Unusable { reason, .. }) => self.reasons.push(reason.clone()),
                _ => self
                    .reasons
                    .push(format!("{} cannot be had now", want.name)),
            }
        }
    }

    fn bare(keys: Keys) -> Self {
        let (words, reasons) = match &keys {
            Keys::Missing { reason } => (format!("missing: {reason}"), vec![reason.clone()]),
            Keys::Sealed => ("sealed".to_owned(), Vec::new()),
            Keys::NotNeeded | Keys::Ready(_) => ("none is needed".to_owned(), Vec::new()),
        };
        Self {
            keys,
            words,
            reasons,
            entries: Vec::new(),
        }
    }
}

/// One line in the log for every change, with names and versions only.
fn tell(wants: &ProviderWants, handout: &Handout) {
    let provider = &wants.provider;
    let reasons = handout.reasons.join("; ");
    match &handout.keys {
        Keys::NotNeeded => {}
        Keys::Sealed => tracing::info!("the keys of provider {provider} wait for the secret store"),
        Keys::Missing { .. } => {
            tracing::error!("provider {provider} has no key that may be used: {reasons}");
        }
        Keys::Ready(keys) => {
            let shown = keys.iter().map(|key| match key.version {
                Some(version) => format!("{} version {version}", key.name),
                None => key.name.to_string(),
            });
            let shown = shown.collect::<Vec<_>>().join(", ");
            tracing::info!("provider {provider} is called with {shown}");
            if !reasons.is_empty() {
                tracing::error!("some keys of provider {provider} may not be used: {reasons}");
            }
        }
    }
}
