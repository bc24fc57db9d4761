//! The keeper of a server's keys: fetches what the configuration asks for, hands it to the gateway, and follows the
//! secret store while the server runs.
//!
//! Fetching a secret is noted in the store's audit log, so nothing is fetched twice: what was fetched is held until the
//! store's list of names shows another version. A server whose store is sealed uses no key at all, those of the
//! environment included: who seals it wants it to stop.

mod added;
mod clients;
mod dormant;
mod fetch;
mod held;
mod install;
mod listing;
mod refused;
mod stored;
mod uses;
mod watch;

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use orchestra_gateway::Roster;
use orchestra_secrets::{Clock, Credential, Store, StoreError, SystemClock};
use orchestra_types::ProviderId;

use added::InUse;
pub(crate) use clients::{ClientDesk, Clients};
pub(crate) use dormant::Dormant;
use held::Held;
pub(crate) use listing::Listing;
pub(crate) use uses::CountingSink;
use uses::Uses;

use super::added::Workshop;
use super::standing::{Sealing, Standing, Why};
use super::vault::{Asking, Opener, Vault};
use super::wants::ProviderWants;

/// The keys of a server.
pub struct Keeper {
    vault: Vault,
    /// The keys of the providers that the configuration declares.
    wants: Vec<ProviderWants>,
    /// Where calls find the providers.
    roster: Arc<Roster>,
    workshop: Workshop,
    clients: ClientDesk,
    clock: Arc<dyn Clock>,
    /// One fetches at a time.
    fetching: tokio::sync::Mutex<()>,
    /// Whoever hands keys out holds this, so that nothing is handed out behind the back of somebody who seals.
    books: Mutex<Books>,
    uses: Uses,
    dormant: Dormant,
}

/// What a keeper takes care of.
pub(crate) struct Charge {
    /// Where calls find the providers; at first those that the configuration declares.
    pub(crate) roster: Arc<Roster>,
    /// The keys of these.
    pub(crate) wants: Vec<ProviderWants>,
    /// What others are made of while the server runs.
    pub(crate) workshop: Workshop,
    /// Who may call.
    pub(crate) clients: ClientDesk,
    /// What a start would find now.
    pub(crate) dormant: Dormant,
}

/// What the keeper knows.
struct Books {
    held: Held,
    listing: Listing,
    providers: InUse,
    /// What was last handed to each provider, in words.
    told: HashMap<ProviderId, String>,
    /// Why the store cannot be followed, if that is so.
    failure: Option<String>,
}

impl Keeper {
    /// A keeper that has handed out nothing yet.
    pub(crate) fn new(vault: Vault, charge: Charge, listing: Listing) -> Self {
        let Charge {
            roster,
            wants,
            workshop,
            clients,
            dormant,
        } = charge;
        let books = Books {
            held: Held::default(),
            listing: Listing::default(),
            providers: InUse::configured(&roster.now(), &wants),
            told: HashMap::new(),
            failure: None,
        };
        let keeper = Self {
            vault,
            wants,
            roster,
            workshop,
            clients,
            clock: Arc::new(SystemClock),
            fetching: tokio::sync::Mutex::default(),
            books: Mutex::new(books),
            uses: Uses::default(),
            dormant,
        };
        // A store that is sealed tells which providers there are; calls for them hear that it is.
        if let Some(draft) = keeper.draft(&listing.providers) {
            keeper.adopt(draft);
        }
        keeper
    }

    /// Where the keys come from.
    #[must_use]
    pub const fn vault(&self) -> &Vault {
        &self.vault
    }

    /// Whether the secret store can be used.
    #[must_use]
    pub fn standing(&self) -> Standing {
        self.vault.standing()
    }

    /// Who may call, as far as is known now.
    pub(crate) const fn clients(&self) -> &ClientDesk {
        &self.clients
    }

    /// Unix time in milliseconds, as expiries are compared with it.
    pub(crate) fn now_ms(&self) -> i64 {
        self.clock.unix_ms()
    }

    /// Tries what may unseal the store, without asking anybody, and hands the keys out.
    pub async fn unlock(&self) {
        self.unlock_by(Asking::Nobody).await;
    }

    /// The same, and asks at the terminal if need be.
    pub async fn unlock_or_ask(&self) {
        self.unlock_by(Asking::AtTheTerminal).await;
    }

    async fn unlock_by(&self, asking: Asking) {
        if let Some(store) = self.vault.unlock(asking).await {
            tracing::info!("the secret store is unsealed");
            self.enter(&store, Opener::Source).await;
            return;
        }
        match self.standing() {
            Standing::NoStore | Standing::Unsealed => self.refresh_or_tell().await,
            Standing::Sealed(sealing) => {
                tracing::error!(reason = sealing.why.code(), "{sealing}");
                self.install();
            }
        }
    }

    /// Unseals with an operator's credential, and hands the keys out. `accepting` is the epoch of an older state that is
    /// to count from now on.
    ///
    /// # Errors
    /// As [`Store::unseal`] and [`Store::accept_restore`].
    pub(crate) async fn unseal(
        &self,
        store: &Store,
        credential: Credential,
        accepting: Option<u64>,
    ) -> Result<(), StoreError> {
        match accepting {
            Some(epoch) => store.accept_restore(credential, epoch).await?,
            None => store.unseal(credential).await?,
        }
        tracing::info!("the secret store was unsealed by an operator");
        self.enter(store, Opener::Operator).await;
        Ok(())
    }

    /// The store was just unsealed. It counts as unsealed when the keys are there, so that whoever hears that the server
    /// is ready can call.
    async fn enter(&self, store: &Store, by: Opener) {
        let alone = self.fetching.lock().await;
        if let Err(error) = self.fetch_changed(Some(store)).await {
            tell_failure(&error);
        }
        if !self.vault.opened(by) {
            self.books().held.forget_stored();
            // The audit log has it if the database does.
            let _ = store.seal().await;
        }
        self.install();
        drop(alone);
    }

    /// Forgets all keys, at once for calls that come from now on; those that are under way may end.
    ///
    /// # Errors
    /// If the audit log cannot take it. The store is sealed all the same.
    pub(crate) async fn seal(&self, store: &Store) -> Result<(), StoreError> {
        tracing::warn!(
            "an operator seals the secret store: no call is served until it is unsealed"
        );
        let told = self.standing() == Standing::Unsealed;
        self.forget(Sealing::plain(Why::Operator));
        if told {
            self.flush_at_last(store).await;
        }
        let sealed = store.seal().await;
        // What somebody was fetching meanwhile goes, too.
        let _alone = self.fetching.lock().await;
        self.books().held.forget_stored();
        sealed
    }

    /// From now on nobody gets a key, for this reason.
    fn forget(&self, sealing: Sealing) {
        self.vault.sealed(sealing);
        self.books().held.forget_stored();
        self.install();
    }

    /// Why the store cannot be followed, if that is so: what is known of it may be out of date.
    pub(crate) fn failure(&self) -> Option<String> {
        self.books().failure.clone()
    }

    /// Looks at what there is, and says in the log if that fails.
    pub(crate) async fn refresh_or_tell(&self) {
        if let Err(error) = self.refresh().await {
            tell_failure(&error);
        }
    }

    fn books(&self) -> MutexGuard<'_, Books> {
        // Nobody who holds the lock can leave them half written.
        self.books.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn tell_failure(error: &StoreError) {
    let words = super::standing::chain(error);
    tracing::error!("keys cannot be fetched from the secret store: {words}");
}

impl fmt::Debug for Keeper {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keeper")
            .field("vault", &self.vault)
            .field("wants", &self.wants)
            .finish_non_exhaustive()
    }
}
