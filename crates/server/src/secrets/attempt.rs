//! Trying what was found on a store, one thing after another.

use orchestra_secrets::{Credential, SlotKind, Store, StoreError};
use zeroize::Zeroizing;

use super::standing::{Sealing, Why};
use super::unlock::Offer;

/// One way through all sources.
pub(super) struct Attempt<'s> {
    store: &'s Store,
    /// The kinds of slots that the store has. What fits none of them need not be tried.
    kinds: Vec<SlotKind>,
    /// The key files so far: some slots want one together with a passphrase.
    files: Vec<Zeroizing<Vec<u8>>>,
    /// Why what was found did not do.
    pub(super) refusal: Option<Sealing>,
}

impl<'s> Attempt<'s> {
    pub(super) const fn new(store: &'s Store, kinds: Vec<SlotKind>) -> Self {
        Self {
            store,
            kinds,
            files: Vec::new(),
            refusal: None,
        }
    }

    /// Whether a passphrase is of any use.
    pub(super) fn takes_passphrases(&self) -> bool {
        self.kinds.iter().any(|kind| kind.stretches())
    }

    /// Whether this unseals the store. What does not fit is noted, and the next may do.
    pub(super) async fn offer(&mut self, offer: Offer) -> Result<bool, Sealing> {
        for credential in self.credentials(offer) {
            match self.store.unseal(credential).await {
                Ok(()) => return Ok(true),
                Err(error @ StoreError::Unlock(_)) => {
                    tracing::warn!("{error}");
                    self.refusal = Some(Sealing::from(&error));
                }
                // With the right key the store turned out to be wrong: another key will not help.
                Err(error) => return Err(Sealing::from(&error)),
            }
        }
        Ok(false)
    }

    fn credentials(&mut self, offer: Offer) -> Vec<Credential> {
        let wants = |kind| self.kinds.contains(&kind);
        let mut credentials = Vec::new();
        match offer {
            Offer::KeyFile(content) => {
                if wants(SlotKind::KeyFile) {
                    credentials.push(Credential::key_file(&content));
                }
                self.files.push(content);
            }
            Offer::Passphrase(text) => {
                if wants(SlotKind::Passphrase) {
                    credentials.push(Credential::passphrase(&text));
                }
                if wants(SlotKind::PassphraseAndKeyFile) {
                    let files = self.files.iter();
                    let both = files.map(|file| Credential::passphrase_and_key_file(&text, file));
                    credentials.extend(both);
                }
            }
        }
        if credentials.is_empty() {
            let refusal = || Sealing::plain(Why::Refused);
            self.refusal.get_or_insert_with(refusal);
        }
        credentials
    }
}
