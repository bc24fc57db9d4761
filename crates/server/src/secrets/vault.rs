//! The store of a server, in whatever state it is.

use std::fmt;
use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use orchestra_secrets::{SlotKind, Store, StoreError, Variables};
use tokio::time::timeout;
use zeroize::Zeroizing;

use super::attempt::Attempt;
use super::keeper::Listing;
use super::standing::{Sealing, Standing, Why};
use super::unlock::{Offer, offer, sources};
use super::{Prompt, SecretsConfig, SecretsError, StorePlace, UnlockSource};

/// How long a start waits for a database. Calls that need no key of the store are served meanwhile by nobody, so it is
/// short; the database is asked again in the background.
const START_PATIENCE: Duration = Duration::from_secs(3);

/// How often a person may mistype the passphrase.
const TYPED_AT_MOST: usize = 3;

/// The secret store of a server, or the absence of one, and the environment that keys come from as well.
pub struct Vault {
    variables: Arc<Variables>,
    place: Option<StorePlace>,
    unlock: Vec<UnlockSource>,
    prompt: Arc<dyn Prompt>,
    state: RwLock<State>,
}

impl fmt::Debug for Vault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Vault")
            .field("place", &self.place)
            .field("standing", &self.standing())
            .finish_non_exhaustive()
    }
}

#[derive(Debug)]
enum State {
    /// There is no store.
    Nothing,
    /// There may be one, in a database that does not answer.
    Away(Sealing),
    /// It is open, and sealed if there is a reason.
    Here(Store, Option<Sealing>),
}

impl Vault {
    /// No store, only variables and files.
    #[must_use]
    pub fn without_store(variables: Variables) -> Self {
        Self {
            variables: Arc::new(variables),
            place: None,
            unlock: Vec::new(),
            prompt: Arc::new(NoPrompt),
            state: RwLock::new(State::Nothing),
        }
    }

    /// Opens the store that the configuration names, sealed. A database that does not answer within three seconds is
    /// asked again by whoever serves; a store that is not there is no error.
    ///
    /// # Errors
    /// [`SecretsError`] if the configuration says nothing that could be a place.
    pub async fn open(
        config: &SecretsConfig,
        folder: &Path,
        variables: Variables,
        prompt: Arc<dyn Prompt>,
    ) -> Result<Self, SecretsError> {
        let place = config.place(folder, &variables)?;
        let vault = Self {
            variables: Arc::new(variables),
            unlock: config.unlock.clone(),
            prompt,
            state: RwLock::new(State::Away(Sealing::plain(Why::Unreachable))),
            place: Some(place),
        };
        if timeout(START_PATIENCE, vault.reopen()).await.is_err() {
            tracing::error!("the database of the secret store does not answer");
        }
        Ok(vault)
    }

    /// Opens a store that could not be opened before. Whether it is open now.
    pub(crate) async fn reopen(&self) -> bool {
        let Some(place) = &self.place else {
            return false;
        };
        if !matches!(*self.read(), State::Away(_)) {
            return true;
        }
        let state = match place.open(&actor()).await {
            Ok(None) => State::Nothing,
            Ok(Some(store)) => State::Here(store, Some(Sealing::plain(Why::Unlocking))),
            Err(error) => State::Away(Sealing::from(&error)),
        };
        let here = !matches!(state, State::Away(_));
        *self.write() = state;
        here
    }

    /// Where the store is, or would be.
    #[must_use]
    pub const fn place(&self) -> Option<&StorePlace> {
        self.place.as_ref()
    }

    /// The environment and files.
    #[must_use]
    pub fn variables(&self) -> &Arc<Variables> {
        &self.variables
    }

    /// The store, sealed or not, if it can be reached.
    #[must_use]
    pub fn store(&self) -> Option<Store> {
        match &*self.read() {
            State::Here(store, _) => Some(store.clone()),
            State::Nothing | State::Away(_) => None,
        }
    }

    /// The names that the store has, sealed or not; none if it cannot be asked.
    pub(crate) async fn listing(&self) -> Listing {
        let Some(store) = self.store() else {
            return Listing::default();
        };
        store.entries(None).await.map_or_else(
            |error| {
                let words = super::standing::chain(&error);
                tracing::error!("the secret store cannot be read: {words}");
                Listing::default()
            },
            Listing::of,
        )
    }

    /// Whether the store can be used.
    #[must_use]
    pub fn standing(&self) -> Standing {
        match &*self.read() {
            State::Nothing => Standing::NoStore,
            State::Away(sealing) | State::Here(_, Some(sealing)) => {
                Standing::Sealed(sealing.clone())
            }
            // A store that found its root key replaced has sealed itself; until it is clear that nothing unseals it
            // again, keys that were fetched before go on working.
            State::Here(_, None) => Standing::Unsealed,
        }
    }

    /// Tries everything that may unseal the store, in its order. Passphrases are stretched on other threads; this may
    /// wait for a person at the terminal. What comes of it is noted when [`Vault::opened`] says so, or at once if it is
    /// nothing.
    pub(crate) async fn unlock(&self, asking: Asking) -> Option<Store> {
        let store = self.store()?;
        match self.try_sources(&store, asking).await {
            Ok(()) => Some(store),
            // An operator was faster.
            Err(_) if !store.is_sealed() => None,
            Err(sealing) => {
                self.note_unless_operator(Some(sealing));
                None
            }
        }
    }

    /// The store is unsealed, and its keys are known. Unless an operator sealed it meanwhile, which nobody but an operator
    /// undoes.
    pub(crate) fn opened(&self, by: Opener) -> bool {
        match by {
            Opener::Operator => {
                self.note(None);
                true
            }
            Opener::Source => self.note_unless_operator(None),
        }
    }

    /// From now on the store is sealed, for this reason. Its own keys are forgotten by [`Store::seal`].
    pub(crate) fn sealed(&self, sealing: Sealing) {
        self.note(Some(sealing));
    }

    fn note(&self, sealing: Option<Sealing>) {
        if let State::Here(_, noted) = &mut *self.write() {
            *noted = sealing;
        }
    }

    /// Whether it was noted: what an operator said stands.
    fn note_unless_operator(&self, sealing: Option<Sealing>) -> bool {
        match &mut *self.write() {
            State::Here(_, Some(noted)) if noted.why == Why::Operator => false,
            State::Here(_, noted) => {
                *noted = sealing;
                true
            }
            State::Nothing | State::Away(_) => false,
        }
    }

    async fn try_sources(&self, store: &Store, asking: Asking) -> Result<(), Sealing> {
        let mut attempt = Attempt::new(store, kinds(store).await?);
        for source in sources(&self.unlock, &self.variables) {
            let tries = match (&source, asking) {
                (UnlockSource::Prompt, Asking::AtTheTerminal) if attempt.takes_passphrases() => {
                    TYPED_AT_MOST
                }
                (UnlockSource::Prompt, _) => 0,
                _ => 1,
            };
            for _ in 0..tries {
                let Some(found) = self.look(&source, &mut attempt).await else {
                    break;
                };
                if attempt.offer(found).await? {
                    return Ok(());
                }
            }
        }
        Err(attempt
            .refusal
            .unwrap_or_else(|| Sealing::plain(Why::NoCredential)))
    }

    /// What a source has. Reading a file and waiting for a person may block.
    async fn look(&self, source: &UnlockSource, attempt: &mut Attempt<'_>) -> Option<Offer> {
        let (variables, prompt) = (Arc::clone(&self.variables), Arc::clone(&self.prompt));
        let source = source.clone();
        let looking = tokio::task::spawn_blocking(move || offer(&source, &variables, &*prompt));
        match looking.await {
            Ok(Ok(found)) => found,
            Ok(Err(error)) => {
                attempt.refusal = Some(Sealing::from(&error));
                tracing::error!("{}", super::standing::chain(&error));
                None
            }
            // The server is stopping.
            Err(_) => None,
        }
    }

    fn read(&self) -> std::sync::RwLockReadGuard<'_, State> {
        // Nobody who holds the lock can leave it half written.
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> std::sync::RwLockWriteGuard<'_, State> {
        self.state.write().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The kinds of slots that a store has; all of them if one is damaged, since another may do.
async fn kinds(store: &Store) -> Result<Vec<SlotKind>, Sealing> {
    match store.status().await {
        Ok(status) => Ok(status.slots.iter().map(|slot| slot.kind).collect()),
        Err(StoreError::Tampered { .. }) => Ok(vec![
            SlotKind::Passphrase,
            SlotKind::KeyFile,
            SlotKind::PassphraseAndKeyFile,
        ]),
        Err(error) => Err(Sealing::from(&error)),
    }
}

/// Whether a person may be asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Asking {
    Nobody,
    AtTheTerminal,
}

/// Who unsealed a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Opener {
    Operator,
    Source,
}

/// Nobody to be asked.
#[derive(Debug)]
pub struct NoPrompt;

impl Prompt for NoPrompt {
    fn passphrase(&self, _: &str) -> std::io::Result<Option<Zeroizing<String>>> {
        Ok(None)
    }
}

/// Who a server is in the audit log: several may share a store.
fn actor() -> String {
    let host = rustix::system::uname();
    let host = host.nodename().to_string_lossy().into_owned();
    format!("orchestra on {host}, process {}", std::process::id())
}
