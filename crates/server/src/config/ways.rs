//! The ways that calls may take: models that stand for several, trees of strategies, Portkey's language.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use orchestra_gateway::{
    Compat, ConfigError, Member, Node, Providers, Relay, RelayMode, RouteError, Routes,
};
use orchestra_providers::{Catalogue, Provider};
use orchestra_secrets::Origin;
use orchestra_types::ProviderId;
use serde::Deserialize;
use serde_json::{Map, Value};
use url::{Host, Url};

use super::rest::LONGEST_KEPT;
use super::seconds::Seconds;
use super::{BuildError, Config};

/// What a model's name of the operator's own stands for.
#[derive(Clone, Debug, Deserialize)]
#[serde(
    untagged,
    expecting = "expected a \"provider/model\", a list of them, or a table with `strategy` and `targets`"
)]
pub enum ModelConfig {
    /// One target.
    One(String),
    /// Targets in the order in which they are tried.
    Many(Vec<String>),
    /// A tree of strategies, in the language of Portkey's configs.
    Tree(Map<String, Value>),
}

impl ModelConfig {
    /// The targets, if it is no tree.
    pub(super) fn targets(&self) -> Option<Vec<String>> {
        match self {
            Self::One(name) => Some(vec![name.clone()]),
            Self::Many(names) => Some(names.clone()),
            Self::Tree(_) => None,
        }
    }

    fn tree(&self) -> Option<&Map<String, Value>> {
        match self {
            Self::Tree(tree) => Some(tree),
            Self::One(_) | Self::Many(_) => None,
        }
    }
}

/// `[portkey]`: how clients of Portkey are served.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PortkeyConfig {
    /// Whether trees mean what they should, or what Portkey's own gateway makes of them.
    pub compat: CompatConfig,
    /// Whether a call may bring a provider's key of its own.
    pub caller_keys: bool,
    /// When calls go by way of Portkey, if it is among the providers.
    pub upstream: UpstreamConfig,
    /// What Portkey calls the providers that are configured here, by their names here.
    pub slugs: BTreeMap<String, String>,
    /// The origins at which calls may have a provider's language spoken with a key of their own.
    pub custom_hosts: Vec<String>,
    /// The clients that may save configs and see providers, by their names in `client_keys`. Nobody else may.
    pub admin_keys: Vec<String>,
    /// The database's file for saved configs, feedback and logs; that of `[responses]` by default.
    pub path: Option<PathBuf>,
    /// How long feedback and logs are kept.
    pub keep_seconds: Option<Seconds<LONGEST_KEPT>>,
    /// How many bytes of feedback and logs are kept.
    pub max_kept_bytes: Option<u64>,
    /// How many bytes of them one client has.
    pub max_kept_bytes_per_client: Option<u64>,
}

/// When calls go by way of Portkey.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum UpstreamConfig {
    /// First, with direct calls as backup.
    First,
    /// When direct calls have failed.
    Fallback,
    /// Always.
    Only,
    /// Only where a call or a tree names it.
    Off,
}

impl From<UpstreamConfig> for RelayMode {
    fn from(config: UpstreamConfig) -> Self {
        match config {
            UpstreamConfig::First => Self::First,
            UpstreamConfig::Fallback => Self::Fallback,
            UpstreamConfig::Only => Self::Only,
            UpstreamConfig::Off => Self::Off,
        }
    }
}

impl Default for PortkeyConfig {
    fn default() -> Self {
        Self {
            compat: CompatConfig::Correct,
            caller_keys: true,
            upstream: UpstreamConfig::First,
            slugs: BTreeMap::new(),
            custom_hosts: Vec::new(),
            admin_keys: Vec::new(),
            path: None,
            keep_seconds: None,
            max_kept_bytes: None,
            max_kept_bytes_per_client: None,
        }
    }
}

/// What trees mean.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
pub enum CompatConfig {
    /// What the documents say.
    #[serde(rename = "correct")]
    Correct,
    /// What Portkey's gateway 1.x does.
    #[serde(rename = "portkey-1.x")]
    Portkey,
}

impl From<CompatConfig> for Compat {
    fn from(config: CompatConfig) -> Self {
        match config {
            CompatConfig::Correct => Self::Correct,
            CompatConfig::Portkey => Self::Portkey,
        }
    }
}

impl Config {
    /// Reads and checks every tree.
    pub(super) fn routes(
        &self,
        providers: &Providers,
        catalogue: &Catalogue,
    ) -> Result<Routes, BuildError> {
        let models = self.models.iter();
        let trees = models.filter_map(|(name, model)| Some((name, model.tree()?)));
        let routes = Routes {
            models: read("models", trees)?,
            configs: read("configs", self.configs.iter())?,
            guests: self.guests(providers, catalogue),
            custom_hosts: custom_hosts(&self.portkey.custom_hosts)?,
            relay: self.relay(providers)?,
            compat: self.portkey.compat.into(),
        };
        routes.check(providers)?;
        Ok(routes)
    }

    /// Portkey, if it is among the providers.
    fn relay(&self, providers: &Providers) -> Result<Option<Relay>, BuildError> {
        let portkey = &self.portkey;
        let slug = |(name, slug): (&String, &String)| {
            let member = providers.member(name);
            let member = member.ok_or_else(|| BuildError::UnknownSlug(name.clone()))?;
            let bare = slug.strip_prefix('@').unwrap_or(slug);
            Ok((member.provider.id().clone(), bare.to_owned()))
        };
        let slugs: BTreeMap<_, _> = portkey
            .slugs
            .iter()
            .map(slug)
            .collect::<Result<_, BuildError>>()?;
        let relay = |member: &Arc<Member>| Relay {
            provider: member.provider.id().clone(),
            mode: portkey.upstream.into(),
            slugs: slugs.clone(),
        };
        Ok(providers.member("portkey").map(relay))
    }

    /// The providers of the catalogue that a caller with a key of its own may use though they are not configured.
    fn guests(&self, providers: &Providers, catalogue: &Catalogue) -> BTreeMap<String, Provider> {
        if !self.portkey.caller_keys {
            return BTreeMap::new();
        }
        let mut guests = BTreeMap::new();
        let absent = |kind: &&str| providers.member(kind).is_none();
        for kind in catalogue.kinds().filter(absent) {
            let row = catalogue.get(kind);
            let Some(row) = row.filter(|row| row.works_with_a_key_alone()) else {
                continue;
            };
            let built = ProviderId::new(kind)
                .ok()
                .map(|id| Provider::build(id, row));
            if let Some(Ok(provider)) = built {
                for name in row.also_called.iter().flatten() {
                    guests.insert(name.clone(), provider.clone());
                }
                guests.insert(kind.to_owned(), provider);
            }
        }
        guests
    }
}

/// Origins to which keys may go in the clear are on this machine.
fn custom_hosts(written: &[String]) -> Result<Vec<Origin>, BuildError> {
    let origin = |text: &String| {
        let origin = text.parse::<Origin>().ok();
        let origin = origin.filter(|origin| is_private_enough(origin.as_str()));
        origin.ok_or_else(|| BuildError::CustomHost(text.clone()))
    };
    written.iter().map(origin).collect()
}

fn is_private_enough(origin: &str) -> bool {
    let Ok(url) = Url::parse(origin) else {
        return false;
    };
    let here = match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => return false,
    };
    url.scheme() == "https" || (url.scheme() == "http" && here)
}

fn read<'t>(
    table: &'static str,
    trees: impl Iterator<Item = (&'t String, &'t Map<String, Value>)>,
) -> Result<BTreeMap<String, Arc<Node>>, BuildError> {
    let tree = |(name, members): (&String, &Map<String, Value>)| {
        let named = |error: ConfigError| RouteError {
            table,
            name: name.clone(),
            error,
        };
        let node = Node::parse(&Value::Object(members.clone())).map_err(named)?;
        Ok((name.clone(), Arc::new(node)))
    };
    trees.map(tree).collect()
}
