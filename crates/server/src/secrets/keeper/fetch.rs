//! Fetching what is new, and nothing else.

use std::collections::HashSet;
use std::sync::Arc;

use orchestra_secrets::{FetchError, Reference, Source, Sources, Store, StoreError};

use super::held::{Errand, Holding, Key};
use super::listing::Listed;
use super::{Keeper, Listing};
use crate::secrets::standing::{Standing, chain};
use crate::secrets::wants::ProviderWants;

impl Keeper {
    /// Looks at what there is, fetches what changed, and hands it out.
    ///
    /// # Errors
    /// [`StoreError`] if the store cannot be asked. What was fetched before is kept and still handed out.
    pub(crate) async fn refresh(&self) -> Result<(), StoreError> {
        let _alone = self.fetching.lock().await;
        let store = match self.vault.standing() {
            Standing::Sealed(_) => None,
            Standing::Unsealed | Standing::NoStore => self.vault.store(),
        };
        let fetched = self.fetch_changed(store.as_ref()).await;
        self.install();
        fetched
    }

    /// Without a store, what is in one waits.
    pub(super) async fn fetch_changed(&self, store: Option<&Store>) -> Result<(), StoreError> {
        if let Some(store) = store {
            let listing = Listing::of(store.entries(None).await?);
            self.dormant.tell(&listing);
            self.books().listing = listing;
        }
        let definitions = Arc::clone(&self.books().listing.providers);
        let draft = match store {
            Some(_) => self.draft(&definitions),
            None => None,
        };
        let wants = match &draft {
            Some(draft) => Arc::clone(&draft.wants),
            None => Arc::clone(&self.books().providers.wants),
        };
        let errands = self.errands(&wants);
        let fetched = self.run_all(store, &errands).await;
        // A new provider is found by calls when its key is there.
        if let Some(draft) = draft {
            self.adopt(draft);
            self.books().held.keep_only(&errands);
        }
        fetched
    }

    async fn run_all(&self, store: Option<&Store>, errands: &[Errand]) -> Result<(), StoreError> {
        let sources = self.sources(store);
        for errand in errands {
            let needs_store = matches!(errand.0, Reference::Stored(_));
            if store.is_some() || !needs_store {
                self.run(&sources, errand.clone()).await?;
            }
        }
        Ok(())
    }

    /// Everything that is wanted, each once.
    fn errands(&self, wants: &[ProviderWants]) -> Vec<Errand> {
        let books = self.books();
        let mut errands: Vec<Errand> = Vec::new();
        for wants in wants {
            let keys = wants.keys.keys(&books.listing, self.vault.variables());
            let origin = Some(&wants.origin);
            let companions = wants.companions(&books.listing, self.vault.variables());
            let companions = companions.into_iter().map(|(_, wanted)| wanted);
            let all = keys.into_iter().chain(companions);
            errands.extend(all.map(|key| (key.reference, origin.cloned())));
        }
        let clients = self.clients.wants().iter();
        errands.extend(clients.map(|client| (client.reference.clone(), None)));
        let mut once = HashSet::new();
        errands.retain(|errand| once.insert(errand.clone()));
        errands
    }

    /// Fetches one secret, unless what is held is what the store's list shows.
    async fn run(&self, sources: &Sources, errand: Errand) -> Result<(), StoreError> {
        let listed = {
            let books = self.books();
            let listed = Listed::of(&errand.0, &books.listing);
            match books.held.get(&errand) {
                Some(holding) if listed.is_same_as(holding.entry()) => return Ok(()),
                None if listed == Listed::Nothing => {
                    let reason = format!("{} does not exist", errand.0);
                    drop(books);
                    self.hold(
                        errand,
                        Holding::Unusable {
                            entry: None,
                            reason,
                        },
                    );
                    return Ok(());
                }
                _ => listed,
            }
        };
        let holding = match sources.fetch(&errand.0, errand.1.as_ref()).await {
            Ok(obtained) => Holding::Key(Key::from(obtained)),
            Err(FetchError::Store { source, .. }) if is_of_the_whole_store(&source) => {
                return Err(*source);
            }
            Err(error) => Holding::Unusable {
                entry: listed.entry(),
                reason: chain(&error),
            },
        };
        self.hold(errand, holding);
        Ok(())
    }

    fn hold(&self, errand: Errand, holding: Holding) {
        self.books().held.put(errand, holding);
    }

    /// Asks each source for its own. A further kind of place is a further line here.
    fn sources(&self, store: Option<&Store>) -> Sources {
        let variables = self.vault.variables();
        let sources = Sources::default()
            .with("env", variables.clone())
            .with("file", variables.clone());
        match store {
            Some(store) => sources.with("store", Arc::new(store.clone())),
            None => sources,
        }
    }
}

/// Whether the error says nothing about the one secret that was asked for.
fn is_of_the_whole_store(error: &StoreError) -> bool {
    !matches!(
        error,
        StoreError::NoSecret(_)
            | StoreError::NoVersion { .. }
            | StoreError::Revoked { .. }
            | StoreError::Expired { .. }
            | StoreError::WrongOrigin { .. }
            | StoreError::EntryTampered { .. }
    )
}
