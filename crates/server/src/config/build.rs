//! From what the operator wrote to what the gateway works with.

use std::collections::{BTreeMap, HashMap};

use orchestra_dialects::HeadLimits;
use orchestra_gateway::{
    InvalidKeyName, KeyName, Keys, ProviderKey, Providers, Settings, Translation, UnusableKey,
};
use orchestra_ledger::{ClientKeys, InvalidKeys};
use orchestra_providers::{
    Catalogue, Provider, Registry, RegistryError, ResolveError, Row, RowError, UnknownKind,
};
use orchestra_secrets::{FetchError, Reference, Source, Variables};
use orchestra_types::{InvalidName, KeyId, ProviderId};

use super::{ClientKeyConfig, Config, ConversationStore, ProviderConfig};

/// The environment variable that holds a client key when the configuration names none.
const CLIENT_KEY_VARIABLE: &str = "ORCHESTRA_CLIENT_KEY";

/// The first parts of the gateway's own paths, which `/{provider}/...` must not hide.
const RESERVED: [&str; 8] = [
    "v1",
    "health",
    "models",
    "chat",
    "completions",
    "responses",
    "embeddings",
    "messages",
];

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
        "provider {provider:?} needs a key: set {variable}, or write `key = \"env:NAME\"` for another variable"
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
    /// A key that no header can carry.
    #[error(transparent)]
    UnusableKey(#[from] UnusableKey),
    /// Aliases or provider names that do not fit together.
    #[error("in [models] or [[providers]]")]
    Registry(#[from] RegistryError),
    /// A model for strict translation that nobody serves.
    #[error("in [translation] strict_models")]
    StrictModel(#[from] ResolveError),
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
    /// A limit that nothing could pass.
    #[error("{0} must be at least 1")]
    ZeroLimit(&'static str),
}

/// What a configuration amounts to.
#[derive(Debug)]
pub struct Built {
    /// The providers with their keys.
    pub providers: Providers,
    /// The bounds of calls.
    pub settings: Settings,
    /// Who may call.
    pub client_keys: ClientKeys,
    /// Where conversations are kept.
    pub conversations: ConversationStore,
    /// Whether the providers were found by their keys in the environment, not configured.
    pub from_environment: bool,
}

impl Config {
    /// Checks the configuration against the catalogue and fetches every key that it refers to.
    ///
    /// # Errors
    /// [`BuildError`] names the entry at fault and what to write instead.
    pub fn build(&self, catalogue: &Catalogue, variables: &Variables) -> Result<Built, BuildError> {
        self.check_server()?;
        let from_environment = self.providers.is_empty();
        let found = if from_environment {
            detected(catalogue, variables)?
        } else {
            self.configured(catalogue, variables)?
        };
        let (list, mut keys) = split(found);
        let aliases: BTreeMap<String, Vec<String>> = self
            .models
            .iter()
            .map(|(alias, targets)| (alias.clone(), targets.clone().into_vec()))
            .collect();
        let registry = Registry::build(list, catalogue, &aliases)?;
        for model in &self.translation.strict_models {
            registry.resolve(model)?;
        }
        Ok(Built {
            providers: Providers::new(registry, |id| {
                let key = keys.remove(id);
                key.map_or(Keys::NotNeeded, |key| Keys::Ready(vec![key]))
            })?,
            settings: self.settings()?,
            client_keys: self.client_keys(variables)?,
            conversations: self.responses.build()?,
            from_environment,
        })
    }

    fn configured(
        &self,
        catalogue: &Catalogue,
        variables: &Variables,
    ) -> Result<Vec<Found>, BuildError> {
        self.providers
            .iter()
            .map(|entry| configured(entry, catalogue, variables))
            .collect()
    }

    fn check_server(&self) -> Result<(), BuildError> {
        let server = &self.server;
        for (name, value) in [
            ("server.max_connections", server.max_connections),
            (
                "server.max_connections_per_ip",
                server.max_connections_per_ip,
            ),
            ("server.worker_threads", server.worker_threads.unwrap_or(1)),
        ] {
            if value == 0 {
                return Err(BuildError::ZeroLimit(name));
            }
        }
        Ok(())
    }

    fn client_keys(&self, variables: &Variables) -> Result<ClientKeys, BuildError> {
        let mut secrets = Vec::new();
        for ClientKeyConfig { name, key } in &self.server.client_keys {
            let missing = |source| BuildError::ClientKey {
                name: name.clone(),
                source,
            };
            secrets.push((KeyId::new(name)?, variables.read(key).map_err(missing)?));
        }
        if secrets.is_empty() && variables.value(CLIENT_KEY_VARIABLE).is_some() {
            let reference = Reference::Variable(CLIENT_KEY_VARIABLE.to_owned());
            let name = "default".to_owned();
            let missing = |source| BuildError::ClientKey {
                name: name.clone(),
                source,
            };
            secrets.push((
                KeyId::new(&name)?,
                variables.read(&reference).map_err(missing)?,
            ));
        }
        let mut pepper = [0; 64];
        getrandom::fill(&mut pepper).map_err(BuildError::Entropy)?;
        Ok(ClientKeys::new(
            pepper,
            secrets.iter().map(|(id, key)| (id.clone(), key.expose())),
        )?)
    }

    fn settings(&self) -> Result<Settings, BuildError> {
        let usual = Settings::default();
        let (times, limits) = (&self.timeouts, &self.limits);
        let time = |own: Option<super::Seconds>, usual| own.map_or(usual, super::Seconds::duration);
        let number = |name, own: Option<usize>, usual| match own {
            Some(0) => Err(BuildError::ZeroLimit(name)),
            own => Ok(own.unwrap_or(usual)),
        };
        number("limits.max_body_bytes", limits.max_body_bytes, 1)?;
        let depth = number(
            "limits.max_json_depth",
            limits.max_json_depth,
            usize::from(usual.head.depth),
        )?;
        Ok(Settings {
            connect: time(times.connect_seconds, usual.connect),
            first_byte: time(times.first_byte_seconds, usual.first_byte),
            idle: time(times.idle_seconds, usual.idle),
            hold_back: time(times.hold_back_seconds, usual.hold_back),
            total: time(times.total_seconds, usual.total),
            stream_total: time(times.stream_total_seconds, usual.stream_total),
            max_attempts: number(
                "limits.max_attempts",
                limits.max_attempts,
                usual.max_attempts,
            )?,
            max_answer_bytes: number(
                "limits.max_answer_bytes",
                limits.max_answer_bytes,
                usual.max_answer_bytes,
            )?,
            max_event_bytes: number(
                "limits.max_event_bytes",
                limits.max_event_bytes,
                usual.max_event_bytes,
            )?,
            head: HeadLimits {
                depth: u8::try_from(depth).unwrap_or(u8::MAX),
                ..usual.head
            },
            translation: Translation {
                strict: self.translation.strict,
                strict_models: self.translation.strict_models.iter().cloned().collect(),
            },
        })
    }
}

/// A provider and its key.
type Found = (Provider, Option<ProviderKey>);

fn split(found: Vec<Found>) -> (Vec<Provider>, HashMap<ProviderId, ProviderKey>) {
    let mut keys = HashMap::new();
    let mut list = Vec::with_capacity(found.len());
    for (provider, key) in found {
        if let Some(key) = key {
            keys.insert(provider.id().clone(), key);
        }
        list.push(provider);
    }
    (list, keys)
}

/// Every provider of the catalogue whose key is in the environment.
fn detected(catalogue: &Catalogue, variables: &Variables) -> Result<Vec<Found>, BuildError> {
    let mut found = Vec::new();
    for kind in catalogue.kinds() {
        let Some(row) = catalogue
            .get(kind)
            .filter(|row| row.works_with_a_key_alone())
        else {
            continue;
        };
        let provider = build(kind, row)?;
        if let Some(key) = first_key(&provider, variables)? {
            found.push((provider, Some(key)));
        }
    }
    Ok(found)
}

fn configured(
    entry: &ProviderConfig,
    catalogue: &Catalogue,
    variables: &Variables,
) -> Result<Found, BuildError> {
    let name = entry.name.as_deref().unwrap_or(&entry.kind);
    let id = ProviderId::new(name)?;
    if RESERVED.contains(&id.as_str()) {
        return Err(BuildError::ReservedName(id));
    }
    let written = Row {
        kind: Some(entry.kind.clone()),
        base_url: entry.base_url.clone(),
        ..Row::default()
    };
    let written = entry
        .overrides
        .as_ref()
        .map_or_else(|| written.clone(), |over| over.overlay(&written));
    let row = catalogue
        .complete(&id, &written)
        .map_err(|source| BuildError::Kind {
            provider: id.clone(),
            source,
        })?;
    let provider = build(name, &row)?;
    let key = match &entry.key {
        Some(reference) => Some(fetch(&id, reference, variables)?),
        None => first_key(&provider, variables)?,
    };
    if key.is_none() && provider.key_required() {
        let variable = provider
            .key_names()
            .first()
            .cloned()
            .unwrap_or_else(|| "its key".to_owned());
        return Err(BuildError::NoKey {
            provider: id,
            variable,
        });
    }
    Ok((provider, key))
}

fn build(name: &str, row: &Row) -> Result<Provider, BuildError> {
    let provider = ProviderId::new(name)?;
    Provider::build(provider.clone(), row).map_err(|source| BuildError::Row { provider, source })
}

/// The key in the first of the provider's variables that is set. A variable that is set to
/// something unusable is an error, not a missing key.
fn first_key(
    provider: &Provider,
    variables: &Variables,
) -> Result<Option<ProviderKey>, BuildError> {
    let Some(name) = provider
        .key_names()
        .iter()
        .find(|name| variables.value(name).is_some())
    else {
        return Ok(None);
    };
    let reference = Reference::Variable(name.clone());
    fetch(provider.id(), &reference, variables).map(Some)
}

fn fetch(
    provider: &ProviderId,
    reference: &Reference,
    variables: &Variables,
) -> Result<ProviderKey, BuildError> {
    let secret = variables.read(reference).map_err(|source| {
        let provider = provider.clone();
        BuildError::ProviderKey { provider, source }
    })?;
    let name = KeyName::new(&reference.to_string()).map_err(|source| {
        let provider = provider.clone();
        BuildError::KeyName { provider, source }
    })?;
    Ok(ProviderKey::new(name, secret))
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::time::Duration;

    use orchestra_gateway::ConversationBounds;

    use super::*;

    fn build_from(text: &str, variables: &[(&str, &str)]) -> Result<Built, String> {
        let config =
            Config::parse(text, Path::new("orchestra.toml")).map_err(|error| error.to_string())?;
        let variables = Variables::from_pairs(variables.iter().copied());
        config
            .build(&Catalogue::embedded(), &variables)
            .map_err(|error| format!("{:#}", anyhow::Error::from(error)))
    }

    fn names(built: &Built) -> Vec<&str> {
        built
            .providers
            .members()
            .map(|member| member.provider.id().as_str())
            .collect()
    }

    #[test]
    fn without_configuration_the_keys_in_the_environment_decide() {
        let built = build_from(
            "",
            &[
                ("OPENAI_API_KEY", "a-key"),
                ("DEEPSEEK_API_KEY", ""),
                ("OTHER", "x"),
            ],
        )
        .unwrap();
        assert_eq!(names(&built), ["openai"]);
        assert!(built.from_environment && built.client_keys.is_empty());
    }

    #[test]
    fn configured_providers_are_the_only_ones() {
        let text = "[[providers]]\nname = \"mine\"\nkind = \"openai-compatible\"\nbase_url = \"http://127.0.0.1:9/v1\"\n";
        let built = build_from(text, &[("OPENAI_API_KEY", "a-key")]).unwrap();
        assert_eq!(names(&built), ["mine"]);
    }

    #[test]
    fn overrides_reach_the_provider() {
        let text = "[[providers]]\nkind = \"openai\"\nkey = \"env:K\"\n[providers.overrides]\npatterns = [\"my-*\"]\n";
        let built = build_from(text, &[("K", "a-key")]).unwrap();
        assert!(built.providers.registry().resolve("my-model").is_ok());
    }

    #[test]
    fn conversations_are_kept_where_the_file_says_so() {
        let store = |text| build_from(text, &[]).unwrap().conversations;
        assert_eq!(
            store(""),
            ConversationStore::Memory(ConversationBounds::MEMORY)
        );
        assert_eq!(
            store("[responses]\nstore = \"off\"\n"),
            ConversationStore::Off
        );
        let text = "[responses]\nstore = \"sqlite\"\npath = \"kept.db\"\nttl_seconds = 5184000\nmax_bytes = 7\n";
        let bounds = ConversationBounds {
            ttl: Duration::from_secs(5_184_000),
            bytes: 7,
            ..ConversationBounds::DISK
        };
        assert_eq!(
            store(text),
            ConversationStore::File("kept.db".into(), bounds)
        );
    }

    #[test]
    fn translation_is_strict_where_the_file_says_so() {
        let text =
            "[models]\nfast = \"openai/gpt-5-mini\"\n[translation]\nstrict_models = [\"fast\"]\n";
        let built = build_from(text, &[("OPENAI_API_KEY", "a-key")]).unwrap();
        let translation = built.settings.translation;
        assert!(!translation.strict && translation.strict_models.contains("fast"));
        assert!(
            build_from("[translation]\nstrict = true\n", &[])
                .unwrap()
                .settings
                .translation
                .strict
        );
    }

    #[test]
    fn what_cannot_work_is_named_with_its_remedy() {
        for (text, words) in [
            ("[[providers]]\nkind = \"openai\"\n", "OPENAI_API_KEY"),
            (
                "[[providers]]\nkind = \"openai\"\nkey = \"env:NOT_SET\"\n",
                "env:NOT_SET",
            ),
            ("[[providers]]\nkind = \"opnai\"\n", "openai"),
            ("[[providers]]\nkind = \"openai-compatible\"\n", "base_url"),
            (
                "[[providers]]\nname = \"A b\"\nkind = \"openai\"\n",
                "no valid name",
            ),
            ("[models]\nfast = \"openai/gpt-5\"\n", "OPENAI_API_KEY"),
            (
                "[server]\nclient_keys = [{ name = \"app\", key = \"env:SHORT\" }]\n",
                "shorter than",
            ),
            (
                "[translation]\nstrict_models = [\"no/such\"]\n",
                "strict_models",
            ),
            ("[limits]\nmax_attempts = 0\n", "limits.max_attempts"),
            ("[responses]\nstore = \"sqlite\"\n", "needs a `path`"),
            (
                "[responses]\npath = \"kept.db\"\n",
                "for store = \"sqlite\" only",
            ),
            (
                "[responses]\nmax_conversations = 0\n",
                "responses.max_conversations",
            ),
            ("[server]\nmax_connections = 0\n", "server.max_connections"),
            (
                "[[providers]]\nname = \"v1\"\nkind = \"openai\"\n",
                "paths of its own",
            ),
        ] {
            let message = build_from(text, &[("SHORT", "abc")]).unwrap_err();
            assert!(message.contains(words), "{text}: {message}");
        }
    }

    #[test]
    fn one_client_key_may_come_from_the_environment() {
        let built = build_from(
            "",
            &[("ORCHESTRA_CLIENT_KEY", "a-client-key-of-some-length")],
        )
        .unwrap();
        assert_eq!(
            built
                .client_keys
                .identify("a-client-key-of-some-length")
                .unwrap()
                .as_str(),
            "default"
        );
    }
}
