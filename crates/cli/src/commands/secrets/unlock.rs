//! Presenting what opens the store, until it does.

use anyhow::anyhow;
use orchestra_secrets::{Credential, SlotKind, Store, StoreError, UnlockError};

use super::desk::Desk;
use super::offers::{Offer, Presented};
use crate::arguments::secrets::Unlock;
use crate::terminal::NotTyped;

/// How often somebody may mistype.
const TRIES: u32 = 3;

/// Why a credential did not do.
#[derive(Debug)]
pub(super) enum Attempt {
    /// It is another store's, or mistyped.
    Refused,
    /// Something else is wrong, which another credential would not mend.
    Failed(anyhow::Error),
}

impl From<StoreError> for Attempt {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Unlock(UnlockError::Refused | UnlockError::NoSlot(_)) => Self::Refused,
            error => Self::Failed(error.into()),
        }
    }
}

impl Desk<'_> {
    /// Opens the store and unseals it.
    pub(crate) async fn unsealed(&self, unlock: &Unlock) -> anyhow::Result<Store> {
        self.refuse_foreign()?;
        let store = self.store().await?;
        let kinds = kinds(&store).await?;
        let unseal = async |credential| Ok(store.unseal(credential).await?);
        self.present_here(unlock, &kinds, unseal).await?;
        Ok(store)
    }

    /// As [`Desk::present`], to something that this process opens itself.
    pub(super) async fn present_here<T>(
        &self,
        unlock: &Unlock,
        kinds: &[SlotKind],
        attempt: impl AsyncFn(Credential) -> Result<T, Attempt>,
    ) -> anyhow::Result<T> {
        let open = async |presented: Presented| attempt(presented.into_credential()?).await;
        self.present(unlock, kinds, open).await
    }

    /// Presents one thing after the other until one will do: what needs nobody first, then what is typed. `kinds` are
    /// those of the slots that the store has.
    pub(super) async fn present<T>(
        &self,
        unlock: &Unlock,
        kinds: &[SlotKind],
        attempt: impl AsyncFn(Presented) -> Result<T, Attempt>,
    ) -> anyhow::Result<T> {
        let mut refused = Vec::new();
        for offer in self.offers(unlock, kinds)? {
            let name = offer.name().to_owned();
            let tried = match offer {
                Offer::Ready(presented, _) => attempt(presented).await,
                offer => self.ask(&offer, &attempt).await,
            };
            match tried {
                Ok(done) => return Ok(done),
                Err(Attempt::Refused) => refused.push(name),
                Err(Attempt::Failed(error)) => return Err(error),
            }
        }
        Err(self.nothing_fits(&refused, kinds))
    }

    /// Asks until it fits, or too often.
    async fn ask<T>(
        &self,
        offer: &Offer,
        attempt: &impl AsyncFn(Presented) -> Result<T, Attempt>,
    ) -> Result<T, Attempt> {
        let failed = |error: NotTyped| Attempt::Failed(error.into());
        let (question, what) = match offer {
            Offer::Recovery => ("Recovery key: ", "the recovery key is typed"),
            _ => (
                "Passphrase of the secret store: ",
                "the passphrase is typed",
            ),
        };
        let terminal = self.terminal(what).map_err(Attempt::Failed)?;
        for left in (0..TRIES).rev() {
            let typed = offer.typed(terminal.hidden(question).map_err(failed)?);
            let why = match typed {
                Ok(presented) => match attempt(presented).await {
                    Err(Attempt::Refused) => "that does not open the store".to_owned(),
                    done => return done,
                },
                Err(slip) => slip,
            };
            if left > 0 {
                let again = format!("{why}. Tries left: {left}\n");
                terminal
                    .show(&again)
                    .map_err(|error| failed(error.into()))?;
            }
        }
        Err(Attempt::Refused)
    }

    fn nothing_fits(&self, refused: &[String], kinds: &[SlotKind]) -> anyhow::Error {
        let kinds: Vec<&str> = kinds.iter().map(|kind| in_words(*kind)).collect();
        let locked = format!("it is locked with: {}", kinds.join(", "));
        if refused.is_empty() {
            let hint = if self.terminal.is_some() {
                "name the key file with --key-file, or give the recovery key with --recovery"
            } else {
                "there is no terminal to ask at; name a key file with --key-file"
            };
            return anyhow!("nothing is at hand that opens the store ({locked}): {hint}");
        }
        anyhow!(
            "{} does not open the store ({locked})\nIf all else is lost, the recovery key opens it: --recovery",
            refused.join(" nor ")
        )
    }
}

/// What the store is locked with. Says so of a sealed store, too.
pub(super) async fn kinds(store: &Store) -> anyhow::Result<Vec<SlotKind>> {
    let status = store.status().await?;
    let mut kinds: Vec<SlotKind> = Vec::new();
    for slot in status.slots {
        if !kinds.contains(&slot.kind) {
            kinds.push(slot.kind);
        }
    }
    Ok(kinds)
}

/// What opens a slot, for people.
pub(super) const fn in_words(kind: SlotKind) -> &'static str {
    match kind {
        SlotKind::Passphrase => "a passphrase",
        SlotKind::KeyFile => "a key file",
        SlotKind::PassphraseAndKeyFile => "a passphrase and a key file together",
        SlotKind::Recovery => "the recovery key",
    }
}
