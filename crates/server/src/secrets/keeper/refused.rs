//! What happens when a provider refuses a key: perhaps there is a newer version.

use orchestra_gateway::{KeyName, KeySource, RefreshFuture, Refreshed};
use orchestra_secrets::{Reference, Source, StoreError};
use orchestra_types::ProviderId;

use super::held::{Errand, Holding, Key};
use super::{Keeper, Listing};
use crate::secrets::standing::{Standing, chain};

impl KeySource for Keeper {
    fn refused(
        &self,
        provider: &ProviderId,
        key: &KeyName,
        version: Option<u32>,
    ) -> RefreshFuture<'_> {
        let errand = self.errand_of(provider, key);
        Box::pin(async move {
            let Some(errand) = errand else {
                return Refreshed::Unchanged;
            };
            let before = self.serial_of(&errand);
            let asked = match &errand.0 {
                Reference::Stored(_) => self.look_for_newer(&errand, version).await,
                Reference::File(_) => self.read_again(&errand).await,
                // The environment of a process does not change.
                Reference::Variable(_) => Ok(()),
            };
            if let Err(error) = asked {
                let words = chain(&error);
                tracing::warn!(
                    "the secret store cannot tell whether {} is newer: {words}",
                    errand.0
                );
            }
            match self.serial_of(&errand) {
                after if after > before => Refreshed::Renewed,
                _ => Refreshed::Unchanged,
            }
        })
    }
}

impl Keeper {
    fn errand_of(&self, provider: &ProviderId, key: &KeyName) -> Option<Errand> {
        let books = self.books();
        let wants = books
            .providers
            .wants
            .iter()
            .find(|wants| wants.provider == *provider)?;
        let keys = wants.keys.keys(&books.listing, self.vault().variables());
        let wanted = keys.into_iter().find(|wanted| wanted.name == *key)?;
        Some((wanted.reference, Some(wants.origin.clone())))
    }

    /// Counts up with every key that is fetched for the errand.
    fn serial_of(&self, errand: &Errand) -> u64 {
        match self.books().held.get(errand) {
            Some(Holding::Key(key)) => key.serial,
            _ => 0,
        }
    }

    /// One query; the store is written to only if it has something newer.
    async fn look_for_newer(
        &self,
        errand: &Errand,
        version: Option<u32>,
    ) -> Result<(), StoreError> {
        let (Reference::Stored(name), Some(store)) = (&errand.0, self.vault.store()) else {
            return Ok(());
        };
        if self.standing() != Standing::Unsealed {
            return Ok(());
        }
        let listing = Listing::of(store.entries(Some(name)).await?);
        let held = match self.books().held.get(errand) {
            Some(Holding::Key(key)) if key.version == version => key.entry,
            // Somebody else was told of something newer already.
            _ => return Ok(()),
        };
        if super::listing::Listed::of(&errand.0, &listing).is_same_as(held) {
            return Ok(());
        }
        self.refresh().await
    }

    /// A file may have been replaced, as container secrets are.
    async fn read_again(&self, errand: &Errand) -> Result<(), StoreError> {
        let _alone = self.fetching.lock().await;
        let Ok(obtained) = self.vault.variables().fetch(&errand.0, None).await else {
            return Ok(());
        };
        let mut books = self.books();
        let same = match books.held.get(errand) {
            Some(Holding::Key(key)) => key.secret.expose() == obtained.secret.expose(),
            _ => false,
        };
        if !same {
            books
                .held
                .put(errand.clone(), Holding::Key(Key::from(obtained)));
            drop(books);
            self.install();
        }
        Ok(())
    }
}
