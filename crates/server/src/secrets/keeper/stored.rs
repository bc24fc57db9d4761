//! Which secret of the store holds a provider's key.

use orchestra_secrets::{Name, Reference};
use orchestra_types::ProviderId;

use super::Keeper;

/// Why the key of a provider is not to be exchanged by the provider's name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NotStored {
    /// There is none now.
    #[error("it has no key in the secret store; set one with `orchestra secrets set`")]
    None,
    /// It is somebody else's to exchange.
    #[error("its key is {0}, which is not in the secret store; exchange it there")]
    Elsewhere(String),
    /// Which one is meant?
    #[error("it has {0} keys; exchange the one that you mean with `orchestra secrets rotate NAME`")]
    Several(usize),
}

impl Keeper {
    /// The name of the one secret that a provider is called with.
    ///
    /// # Errors
    /// [`NotStored`] if there is not just one, or it is not in the store.
    pub(crate) fn stored_key(&self, provider: &ProviderId) -> Result<Name, NotStored> {
        let books = self.books();
        let mut wants = books.providers.wants.iter();
        let wants = wants.find(|wants| wants.provider == *provider);
        let wants = wants.ok_or(NotStored::None)?;
        let keys = wants.keys.keys(&books.listing, self.vault.variables());
        match keys.as_slice() {
            [] => Err(NotStored::None),
            [key] => match &key.reference {
                Reference::Stored(name) => Ok(name.clone()),
                elsewhere => Err(NotStored::Elsewhere(elsewhere.to_string())),
            },
            several => Err(NotStored::Several(several.len())),
        }
    }
}
