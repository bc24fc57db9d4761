//! `orchestra.toml`: what an operator may write, and what it means.

mod build;
mod build_error;
mod cache;
mod error;
mod found;
mod hedging;
mod hold_back;
mod listen;
mod outline;
mod overload;
mod prices;
mod recovery;
mod responses;
mod rest;
mod retries;
mod seconds;
mod server;
mod settings;
mod ways;

use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};

use orchestra_providers::{PriceRow, Row};
use orchestra_secrets::Reference;
use serde::Deserialize;

pub use build::Built;
pub use build_error::BuildError;
pub use cache::CacheConfig;
pub use error::ConfigError;
pub(crate) use found::is_reserved;
pub use hedging::{HedgingConfig, ModelHedgingConfig};
pub use hold_back::{HoldBackConfig, ModelHoldBackConfig};
pub use outline::Outline;
pub use overload::{OverloadConfig, PriorityConfig, PriorityWord};
pub use recovery::RecoveryConfig;
pub use responses::{ConversationStore, ResponsesConfig, StoreKind};
pub use rest::RestSettings;
pub use retries::{RetriesConfig, RetryConfig};
use seconds::Seconds;
pub use server::{ClientKeyConfig, ServerConfig};
pub use ways::{CompatConfig, ModelConfig, PortkeyConfig, UpstreamConfig};

use crate::secrets::SecretsConfig;

/// The file's name in the working directory.
pub const FILE_NAME: &str = "orchestra.toml";

/// The whole configuration. Every part has a default; a field that does not exist is an error.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// How clients reach the gateway.
    #[serde(default)]
    pub server: ServerConfig,
    /// The providers to use. Without any, every provider of the catalogue whose key is in the secret store or in the
    /// environment.
    #[serde(default)]
    pub providers: Vec<ProviderConfig>,
    /// Names for models: each stands for one `provider/model`, for several that are tried in order, or for a tree of
    /// strategies.
    #[serde(default)]
    pub models: BTreeMap<String, ModelConfig>,
    /// Trees of strategies that a call may name in its header `x-portkey-config`.
    #[serde(default)]
    pub configs: BTreeMap<String, serde_json::Map<String, serde_json::Value>>,
    /// What models cost, by `provider/model` with `*` for any characters, where the catalogue does not know or knows wrong.
    #[serde(default)]
    pub prices: BTreeMap<String, PriceRow>,
    /// How clients of Portkey are served.
    #[serde(default)]
    pub portkey: PortkeyConfig,
    /// How long each phase of a call may take.
    #[serde(default)]
    pub timeouts: TimeoutConfig,
    /// How large and how many.
    #[serde(default)]
    pub limits: LimitConfig,
    /// How often the same target is asked again.
    #[serde(default)]
    pub retries: RetriesConfig,
    /// When a second target is asked while the first one is slow.
    #[serde(default)]
    pub hedging: HedgingConfig,
    /// How long streams that have begun to answer are held back.
    #[serde(default)]
    pub hold_back: HoldBackConfig,
    /// What happens when there are more calls than can be served.
    #[serde(default)]
    pub overload: OverloadConfig,
    /// What calls may lose on their way to a provider of another dialect.
    #[serde(default)]
    pub translation: TranslationConfig,
    /// Text streams that die and are gone on with at another target.
    #[serde(default)]
    pub recovery: RecoveryConfig,
    /// Answers that are kept for calls that ask the same.
    #[serde(default)]
    pub cache: CacheConfig,
    /// Where conversations are kept that clients go on from.
    #[serde(default)]
    pub responses: ResponsesConfig,
    /// Where provider keys are kept, encrypted.
    #[serde(default)]
    pub secrets: SecretsConfig,
}

/// `[[providers]]`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProviderConfig {
    /// The name in `provider/model` and in paths; by default the kind's.
    pub name: Option<String>,
    /// A kind of the catalogue, such as `openai` or `openai-compatible`.
    pub kind: String,
    /// Another address than the catalogue's. Loopback and private addresses are fine here:
    /// the operator wrote them.
    pub base_url: Option<String>,
    /// Where the key is; by default it is looked for under the name that the catalogue says, in the secret store and then
    /// in the environment.
    #[serde(default, deserialize_with = "optional_reference")]
    pub key: Option<Reference>,
    /// Several keys instead, among which the calls are divided.
    pub keys: Option<Vec<ProviderKeyConfig>>,
    /// Fields of the catalogue's row to replace, for vendors with habits of their own.
    pub overrides: Option<Row>,
}

/// One of several keys of a provider.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProviderKeyConfig {
    /// Where the key is, such as `store:openai-a`.
    #[serde(deserialize_with = "reference")]
    pub key: Reference,
    /// Its share of the calls, measured against the weights of the others; 1 by default.
    #[serde(default = "equal_weight")]
    pub weight: NonZeroU32,
}

const fn equal_weight() -> NonZeroU32 {
    NonZeroU32::MIN
}

/// `[timeouts]`; the defaults are those of [`orchestra_gateway::Settings`].
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TimeoutConfig {
    /// To connect to a provider, name look-up and TLS included.
    pub connect_seconds: Option<Seconds>,
    /// From sending a streamed call to the provider's headers.
    pub first_byte_seconds: Option<Seconds>,
    /// The longest silence within an answer.
    pub idle_seconds: Option<Seconds>,
    /// How long a stream is held back for its first content.
    pub hold_back_seconds: Option<Seconds>,
    /// A whole call that is answered in one piece.
    pub total_seconds: Option<Seconds>,
    /// A whole streamed call.
    pub stream_total_seconds: Option<Seconds>,
}

/// `[limits]`
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LimitConfig {
    /// Sends to providers per call.
    pub max_attempts: Option<usize>,
    /// The largest request body that the gateway reads, 32 MiB by default. Bodies that are
    /// passed through to a provider's other endpoints are not held and not limited.
    pub max_body_bytes: Option<usize>,
    /// The deepest nesting of a request's JSON.
    pub max_json_depth: Option<usize>,
    /// The largest answer in one piece.
    pub max_answer_bytes: Option<usize>,
    /// The largest event of a stream.
    pub max_event_bytes: Option<usize>,
}

impl LimitConfig {
    /// The largest request body in bytes. 32 MiB, as Anthropic allows.
    #[must_use]
    pub fn body_bytes(&self) -> usize {
        self.max_body_bytes.unwrap_or(32 << 20)
    }
}

/// `[translation]`
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TranslationConfig {
    /// Refuse a call of which translation would lose something, false by default.
    pub strict: bool,
    /// The same for calls of these models, by the names that clients use, aliases above all.
    pub strict_models: Vec<String>,
}

fn reference<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Reference, D::Error> {
    String::deserialize(from)?
        .parse()
        .map_err(serde::de::Error::custom)
}

pub(crate) fn optional_reference<'de, D: serde::Deserializer<'de>>(
    from: D,
) -> Result<Option<Reference>, D::Error> {
    reference(from).map(Some)
}

impl Config {
    /// Reads a configuration from its text. `path` is only for messages.
    ///
    /// # Errors
    /// [`ConfigError`] with the line, and the nearest field where one was misspelt.
    pub fn parse(text: &str, path: &Path) -> Result<Self, ConfigError> {
        toml::from_str(text).map_err(|error| ConfigError::syntax(path, text, &error))
    }

    /// Reads the file that was asked for, else `orchestra.toml` in `folder` if there is one,
    /// else the defaults. Says which file it was.
    ///
    /// # Errors
    /// [`ConfigError`] if the file cannot be read or understood. A file that was asked for must exist.
    pub fn load(
        asked: Option<&Path>,
        folder: &Path,
    ) -> Result<(Self, Option<PathBuf>), ConfigError> {
        let path = match asked {
            Some(path) => path.to_owned(),
            None => folder.join(FILE_NAME),
        };
        match std::fs::read_to_string(&path) {
            Ok(text) => Ok((Self::parse(&text, &path)?, Some(path))),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound && asked.is_none() => {
                Ok((Self::default(), None))
            }
            Err(source) => Err(ConfigError::Unreadable { path, source }),
        }
    }
}

#[cfg(test)]
mod tests;
