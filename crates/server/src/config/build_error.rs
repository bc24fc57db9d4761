//! What is wrong with a configuration that can be read.

use orchestra_gateway::{InvalidKeyName, RouteError, UnusableKey};
use orchestra_ledger::InvalidKeys;
use orchestra_providers::{RegistryError, ResolveError, RowError, UnknownKind};
use orchestra_secrets::{FetchError, InvalidOrigin, Reference};
use orchestra_types::{InvalidName, ProviderId};

/// A configuration that was understood but cannot work.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// A name with other characters than names have.
    #[error("in the configuration")]
    Name(#[from] InvalidName),
    /// A kind that the catalogue does not have.
    #[error("in [[providers]] {provider:?}")]
    Kind {
        /// The provider.
        provider: ProviderId,
        /// Which kinds there are.
        source: UnknownKind,
    },
    /// A provider whose fields do not make sense together.
    #[error("in [[providers]] {provider:?}")]
    Row {
        /// The provider.
        provider: ProviderId,
        /// What is wrong.
        source: RowError,
    },
    /// A configured provider without its key.
    #[error("the key of provider {provider:?} cannot be had")]
    ProviderKey {
        /// The provider.
        provider: ProviderId,
        /// Why not.
        source: FetchError,
    },
    /// A provider that needs a key, and nothing says where it is.
    #[error(
        "provider {provider:?} needs a key: set {variable}, keep it in the secret store (`orchestra secrets init`), \
         or write `key = \"env:NAME\"` for another variable"
    )]
    NoKey {
        /// The provider.
        provider: ProviderId,
        /// The usual variable.
        variable: String,
    },
    /// A reference that is too long to name its key by, or has line ends in it.
    #[error("the reference to the key of provider {provider:?} cannot name it")]
    KeyName {
        /// The provider.
        provider: ProviderId,
        /// What is wrong with it.
        source: InvalidKeyName,
    },
    /// `key` and `keys` of one provider.
    #[error("provider {0:?} has `key` and `keys`; write one of them")]
    KeyAndKeys(ProviderId),
    /// `keys` without any.
    #[error("provider {0:?} has an empty list of `keys`; remove it, or name a key")]
    EmptyKeys(ProviderId),
    /// A key twice: calls could not be told apart.
    #[error(
        "provider {provider:?} has {reference} twice among its `keys`; give it a weight instead"
    )]
    SameKey {
        /// The provider.
        provider: ProviderId,
        /// The key's reference.
        reference: Reference,
    },
    /// A reference to a store that is not there.
    #[error(
        "{reference} is in a secret store, and there is none{}: make one with `orchestra secrets init`, \
         or say in [secrets] where it is",
        .place.as_ref().map_or_else(String::new, |place| format!(" at {place}"))
    )]
    NoStore {
        /// What was to be found there.
        reference: Reference,
        /// Where it was looked for.
        place: Option<String>,
    },
    /// An address whose host nobody could bind a key to.
    #[error("the address of provider {provider:?} cannot be told from others")]
    Origin {
        /// The provider.
        provider: ProviderId,
        /// What is wrong with it.
        source: InvalidOrigin,
    },
    /// A key that no header can carry.
    #[error(transparent)]
    UnusableKey(#[from] UnusableKey),
    /// Aliases or provider names that do not fit together.
    #[error("in [models] or [[providers]]")]
    Registry(#[from] RegistryError),
    /// A slug of a provider that is not there.
    #[error("in [portkey] slugs: no provider is named {0:?}")]
    UnknownSlug(String),
    /// A price that is nobody's.
    #[error("in [prices]: {0:?} names no provider: write \"provider/model\"")]
    PriceName(String),
    /// A price at a provider that is not there.
    #[error("in [prices]: the provider of {name:?} is not configured; there are {known}")]
    PriceOfNobody {
        /// As it was written.
        name: String,
        /// The providers.
        known: String,
    },
    /// An address to which calls must not bring keys.
    #[error(
        "in [portkey] custom_hosts: {0:?} is no https://host or https://host:port; http:// is for this machine alone \
         (http://localhost:8080), and there are no wildcards"
    )]
    CustomHost(String),
    /// An administrator whom nobody knows.
    #[error(
        "in [portkey] admin_keys: no client key has the name {0:?}; write a name of [server] client_keys"
    )]
    UnknownAdmin(String),
    /// A tree of strategies that cannot work.
    #[error(transparent)]
    Route(#[from] RouteError),
    /// A model for strict translation that nobody serves.
    #[error("in [translation] strict_models")]
    StrictModel(#[from] ResolveError),
    /// Hedging for a model that nobody serves.
    #[error("in [hedging.models]")]
    HedgingOfModel(#[source] ResolveError),
    /// Streams held back for a model that nobody serves.
    #[error("in [hold_back.models]")]
    HoldBackOfModel(#[source] ResolveError),
    /// Two times for one thing.
    #[error("in {0}: `after` and `after_seconds` say the same twice; write one of them")]
    HedgingTwice(String),
    /// A model whose streams are gone on with, and that nobody serves.
    #[error("in [recovery] models")]
    RecoveryOfModel(#[source] ResolveError),
    /// Retries for a model that nobody serves.
    #[error("in [retries.models]")]
    RetriesOfModel(#[source] ResolveError),
    /// Retries for a provider that is not there.
    #[error(
        "in [retries.providers]: there is no provider {0:?}; write a name of [[providers]], or one whose key is set"
    )]
    RetriesOfNobody(ProviderId),
    /// A priority for calls of a model that nobody serves.
    #[error("in [overload.priority.models]")]
    PriorityOfModel(#[source] ResolveError),
    /// A priority for a client that is not there.
    #[error(
        "in [overload.priority.clients]: there is no client key {0:?}; write a name of [server] client_keys"
    )]
    PriorityOfNobody(String),
    /// A client key that cannot be had.
    #[error("the client key {name:?} cannot be had")]
    ClientKey {
        /// Its name.
        name: String,
        /// Why not.
        source: FetchError,
    },
    /// Client keys that cannot be used.
    #[error("in [server] client_keys")]
    ClientKeys(#[from] InvalidKeys),
    /// The operating system gave no randomness.
    #[error("the operating system gave no random bytes")]
    Entropy(#[source] getrandom::Error),
    /// A name that is the first part of one of the gateway's own paths.
    #[error("a provider cannot be named {0:?}: the gateway has paths of its own under that name")]
    ReservedName(ProviderId),
    /// A store that is a file, and nothing that says which.
    #[error("in [responses]: store = \"sqlite\" needs a `path` for the database's file")]
    StoreWithoutPath,
    /// A file, and a store that is none.
    #[error(
        "in [responses]: `path` is for store = \"sqlite\" only; remove it, or choose that store"
    )]
    PathWithoutStore,
    /// An answer that would leave no room for others.
    #[error(
        "in [cache]: `max_entry_bytes` must be at most half of `max_bytes`; lower it, or raise that"
    )]
    LargeEntry,
    /// A limit that nothing could pass.
    #[error("{0} must be at least 1")]
    ZeroLimit(&'static str),
}
