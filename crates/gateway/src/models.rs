//! The models that can be asked for: what the providers list, and the operator's aliases.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::join_all;
use http::header::ACCEPT;
use http::{HeaderValue, Request};
use orchestra_types::{ModelId, ProviderId};
use serde_json::Value;
use tokio::sync::Mutex;
use tokio::time::timeout;

use crate::fault::chain;
use crate::gateway::Gateway;
use crate::keys::Access;
use crate::providers::{Member, Providers};
use crate::read::{Read, read_up_to};
use crate::transport::OutgoingBody;

/// A provider's list is asked for again after this time.
const FRESH: Duration = Duration::from_secs(300);
/// After a failed attempt the next one waits this long.
const RETRY: Duration = Duration::from_secs(30);
/// A provider that does not list its models within this time is left out for now.
const PATIENCE: Duration = Duration::from_secs(4);
/// More than any list known (OpenRouter's, some 2 MB).
const MAX_LIST_BYTES: usize = 16 << 20;

/// Larger times are no seconds since 1970, and no date can be written for them.
const YEAR_10000: u64 = 253_402_300_800;

/// A model that clients may name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModelEntry {
    /// The name to ask for: as short as it can be while still finding this provider.
    pub id: String,
    /// Who serves it; for an alias or a tree, the first target.
    pub provider: ProviderId,
    /// When the vendor says it was made, in seconds since 1970; zero if it does not.
    pub created: u64,
}

/// What a provider says of itself when asked for its models.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ProviderCheck {
    /// It answered, with this many models.
    Working {
        /// The number of models on its list.
        models: usize,
    },
    /// It answered, and has no list, or none for this key. That says nothing of calls; in plain words.
    Unlisted {
        /// What it answered.
        reason: String,
    },
    /// It could not be used; in plain words.
    Failing {
        /// Why.
        reason: String,
    },
}

/// A provider's list as last seen. Whoever asks first holds it while it is fetched; the others wait instead of asking, too.
#[derive(Debug, Default)]
pub(crate) struct ModelList(Mutex<Option<Seen>>);

#[derive(Debug)]
struct Seen {
    models: Arc<[(String, u64)]>,
    stale_at: Duration,
}

impl ModelList {
    /// What was last seen. Empty if that is nothing, or if the provider is being asked.
    pub(crate) fn seen(&self) -> Arc<[(String, u64)]> {
        let seen = self.0.try_lock();
        let models = seen.map(|seen| seen.as_ref().map(|seen| Arc::clone(&seen.models)));
        models.ok().flatten().unwrap_or_default()
    }

    /// Keeps a list that was just fetched. One that is being asked for at the same time is as good.
    fn keep(&self, models: Vec<(String, u64)>, now: Duration) {
        if let Ok(mut seen) = self.0.try_lock() {
            *seen = Some(Seen {
                models: models.into(),
                stale_at: now + FRESH,
            });
        }
    }
}

impl Gateway {
    /// Every model that can be asked for, sorted by name. Providers are asked for their
    /// lists at most every five minutes; one that does not answer is represented by the
    /// names in the catalogue.
    pub async fn models(&self) -> Vec<ModelEntry> {
        let providers = Arc::clone(&self.providers());
        let lists = join_all(providers.members().map(|member| self.list(member))).await;
        let mut entries = BTreeMap::new();
        for (member, list) in providers.members().zip(&lists) {
            for (model, created) in list.iter() {
                let entry = entry(&providers, member, model, *created);
                entries.insert(entry.id.clone(), entry);
            }
        }
        for (alias, targets) in providers.registry().aliases() {
            if let Some(first) = targets.first() {
                let entry = ModelEntry {
                    id: alias.to_owned(),
                    provider: first.provider.clone(),
                    created: 0,
                };
                entries.insert(alias.to_owned(), entry);
            }
        }
        for (name, tree) in &self.routes().models {
            if let Some((member, _)) = self.finder(&providers).first_place(tree) {
                let entry = ModelEntry {
                    id: name.clone(),
                    provider: member.provider.id().clone(),
                    created: 0,
                };
                entries.insert(name.clone(), entry);
            }
        }
        entries.into_values().collect()
    }

    async fn list(&self, member: &Arc<Member>) -> Arc<[(String, u64)]> {
        let provider = &member.provider;
        let mut slot = member.list.0.lock().await;
        let now = self.parts.clock.monotonic();
        if let Some(seen) = slot.as_ref().filter(|seen| now < seen.stale_at) {
            return Arc::clone(&seen.models);
        }
        let (models, lasts) = match self.fetch_list(member).await {
            Ok(models) => (models.into(), FRESH),
            Err(reason) => {
                let (NoList::Unlisted(reason) | NoList::Failing(reason)) = reason;
                tracing::debug!(provider = %provider.id(), reason, "no list of models");
                let known = slot.take().map(|seen| seen.models);
                (known.unwrap_or_else(|| catalogue_list(member)), RETRY)
            }
        };
        *slot = Some(Seen {
            models: Arc::clone(&models),
            stale_at: now + lasts,
        });
        models
    }

    /// Asks a provider for its models, now. It costs no tokens and proves that the address
    /// and the key are right.
    pub async fn check(&self, provider: &ProviderId) -> ProviderCheck {
        let member = self.providers().member(provider.as_str()).cloned();
        let Some(member) = member else {
            return ProviderCheck::Failing {
                reason: "it is not configured".to_owned(),
            };
        };
        match self.fetch_list(&member).await {
            Ok(models) => {
                let count = models.len();
                member.list.keep(models, self.now());
                ProviderCheck::Working { models: count }
            }
            Err(NoList::Unlisted(reason)) => ProviderCheck::Unlisted { reason },
            Err(NoList::Failing(reason)) => ProviderCheck::Failing { reason },
        }
    }

    async fn fetch_list(&self, member: &Arc<Member>) -> Result<Vec<(String, u64)>, NoList> {
        let (clock, rng) = (&self.parts.clock, self.parts.rng.as_ref());
        // However the provider fares: this is how to find out.
        let access = Access::force(member, &ModelId::new(""), rng, clock.monotonic())
            .map_err(|refusal| NoList::Failing(refusal.message))?;
        let mut request = Request::new(OutgoingBody::from(Bytes::new()));
        *request.uri_mut() = member.provider.models_uri().clone();
        let headers = request.headers_mut();
        headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        for (name, value) in member.provider.static_headers(None) {
            headers.insert(name, value.clone());
        }
        access.sign(None, headers);
        let fetched = async {
            let answer = self
                .parts
                .transport
                .send(request)
                .await
                .map_err(|error| NoList::Failing(chain(&error)))?;
            let status = answer.status();
            match status.as_u16() {
                200 => access.accepted(),
                401 => access.refused(clock.monotonic()),
                _ => {}
            }
            let body = read_up_to(MAX_LIST_BYTES, PATIENCE, answer.into_body()).await;
            match (status.as_u16(), body) {
                (200, Read::Whole(body)) => {
                    parse_list(&body).ok_or_else(|| "its list of models cannot be read".into())
                }
                (200, Read::Cut(_)) => Err("its list of models is too long".into()),
                (200, Read::Silent(_)) => Err("its list of models broke off".into()),
                (200, Read::Broken(_, error)) => Err(chain(error.as_ref()).into()),
                (401, _) => Err("it refused the key with status 401".to_owned().into()),
                (403, _) => Err(NoList::Unlisted(
                    "the key may not see its list of models (status 403)".to_owned(),
                )),
                (other @ (404 | 405 | 410 | 501), _) => Err(NoList::Unlisted(format!(
                    "it has no list of models (status {other})"
                ))),
                (other, _) => Err(format!("it answered with status {other}").into()),
            }
        };
        timeout(PATIENCE, fetched)
            .await
            .unwrap_or_else(|_| Err(format!("no answer within {} s", PATIENCE.as_secs()).into()))
    }
}

/// The shortest name that leads to this provider: the bare one, `provider/model`, or `@provider/model`.
fn entry(providers: &Providers, member: &Member, model: &str, created: u64) -> ModelEntry {
    let provider = member.provider.id();
    let leads_here = |name: &String| {
        let targets = providers.registry().resolve(name);
        let first = targets.ok().and_then(|targets| targets.into_iter().next());
        first.is_some_and(|first| first.provider == *provider && first.model.as_str() == model)
    };
    let mut names = vec![model.to_owned(), format!("{provider}/{model}")];
    names.retain(leads_here);
    let shortest = names.into_iter().next();
    ModelEntry {
        id: shortest.unwrap_or_else(|| format!("@{provider}/{model}")),
        provider: provider.clone(),
        created,
    }
}

/// Why there is no list.
enum NoList {
    /// The provider is there.
    Unlisted(String),
    /// It could not be used.
    Failing(String),
}

impl From<String> for NoList {
    fn from(reason: String) -> Self {
        Self::Failing(reason)
    }
}

impl From<&str> for NoList {
    fn from(reason: &str) -> Self {
        Self::Failing(reason.to_owned())
    }
}

/// What the catalogue knows, for a provider that does not answer.
fn catalogue_list(member: &Member) -> Arc<[(String, u64)]> {
    member
        .provider
        .known_models()
        .iter()
        .map(|name| (name.clone(), 0))
        .collect()
}

/// Both vendors' lists: `{"data": [{"id": ..., "created": ...}]}`; a bare array as
/// Together sends it.
fn parse_list(body: &[u8]) -> Option<Vec<(String, u64)>> {
    let list: Value = serde_json::from_slice(body).ok()?;
    let models = list.get("data").unwrap_or(&list).as_array()?;
    let named = |model: &Value| {
        let id = model.get("id")?.as_str()?;
        let created = model.get("created").and_then(Value::as_u64);
        let seconds = created.filter(|seconds| *seconds < YEAR_10000).unwrap_or(0);
        Some((id.to_owned(), seconds))
    };
    Some(models.iter().filter_map(named).collect())
}
