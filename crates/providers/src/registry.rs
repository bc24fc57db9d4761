//! The providers in use, and the rules that find the one a model name means.

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap};

use orchestra_types::{ModelId, ProviderId};

use crate::nearest::nearest;
use crate::pattern::Pattern;
use crate::{Catalogue, Provider, ResolveError, Target};

/// Longest name worth comparing with others, in bytes; the longest real ones stay below 100.
const NAME_LIMIT_BYTES: usize = 256;

/// The active providers, aliases, and what the catalogue knows of the others.
///
/// A model name is read in this order; the first that applies decides:
///
/// 1. An alias. It comes first, so an alias may reroute any name, even a `provider/model`.
/// 2. `@provider/model`: that provider and no other.
/// 3. `provider/model`, when the first segment is an active provider. The rest is the model,
///    unless the provider lists the whole name as its own (Groq has a `groq/compound`).
/// 4. A name that an active provider lists. With several, the one given first.
/// 5. A name that fits a pattern of an active provider: the most exact pattern, then the one given first.
/// 6. `provider/model`, when the first segment is a provider that was [added](Registry::with_added).
///
/// Those that were added are thus found by their own names alone, and never instead of another. Only an alias yields more than one target: they are alternatives in order of preference.
#[derive(Clone, Debug)]
pub struct Registry {
    providers: Vec<Provider>,
    /// How many of them were there from the beginning; the others were added.
    original: usize,
    by_id: HashMap<ProviderId, usize>,
    aliases: BTreeMap<String, Vec<Target>>,
    /// The first provider that lists a name.
    listed: HashMap<String, usize>,
    /// The most exact first.
    patterns: Vec<(Pattern, usize)>,
    dormant: Vec<Dormant>,
}

/// A catalogue row that is not in use.
#[derive(Clone, Debug)]
struct Dormant {
    kind: String,
    key_names: Vec<String>,
    models: Vec<String>,
    patterns: Vec<Pattern>,
}

/// Why providers and aliases do not fit together.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RegistryError {
    /// Two providers share a name.
    #[error("there are two providers named {provider:?}: rename one")]
    DuplicateProvider {
        /// The name.
        provider: ProviderId,
    },
    /// An alias without a name or targets.
    #[error("the alias {alias:?} is empty: give it a name and at least one \"provider/model\"")]
    EmptyAlias {
        /// Its name.
        alias: String,
    },
    /// An alias leads to an alias, perhaps itself; chains and circles are not followed.
    #[error(
        "the alias {alias:?} leads to {target:?}, which is an alias too: write the models themselves, or \"@{target}\" if a provider's model is meant"
    )]
    AliasOfAlias {
        /// Its name.
        alias: String,
        /// The target at fault.
        target: String,
    },
    /// An alias leads nowhere.
    #[error("the alias {alias:?} leads to {target:?}, which cannot be called")]
    AliasTarget {
        /// Its name.
        alias: String,
        /// The target at fault.
        target: String,
        /// Why not.
        source: ResolveError,
    },
}

impl Registry {
    /// Puts the active providers, in order of preference, and the aliases together.
    ///
    /// # Errors
    /// [`RegistryError`] for a provider that occurs twice and for an alias that cannot work.
    pub fn build(
        providers: Vec<Provider>,
        catalogue: &Catalogue,
        aliases: &BTreeMap<String, Vec<String>>,
    ) -> Result<Self, RegistryError> {
        let mut registry = Self {
            by_id: index_by_id(&providers)?,
            aliases: BTreeMap::new(),
            listed: index_listed(&providers),
            patterns: sorted_patterns(&providers),
            dormant: dormant_rows(catalogue, &providers),
            original: providers.len(),
            providers,
        };
        registry.aliases = aliases
            .iter()
            .map(|(alias, targets)| {
                Ok((
                    alias.clone(),
                    registry.alias_targets(alias, targets, aliases)?,
                ))
            })
            .collect::<Result<_, _>>()?;
        Ok(registry)
    }

    /// The same providers, and these besides, which no name leads to but their own. Those that were added before are left out.
    ///
    /// # Errors
    /// [`RegistryError::DuplicateProvider`] for a name that is taken.
    pub fn with_added(&self, added: Vec<Provider>) -> Result<Self, RegistryError> {
        let mut registry = self.clone();
        registry.providers.truncate(self.original);
        registry.providers.extend(added);
        registry.by_id = index_by_id(&registry.providers)?;
        Ok(registry)
    }

    /// Whether a provider was added to those that were there from the beginning.
    #[must_use]
    pub fn is_added(&self, id: &str) -> bool {
        let place = self.by_id.get(id);
        place.is_some_and(|index| *index >= self.original)
    }

    /// Who serves a model, in order of preference; never empty.
    ///
    /// # Errors
    /// [`ResolveError`], with words for the client.
    pub fn resolve(&self, name: &str) -> Result<Vec<Target>, ResolveError> {
        match self.aliases.get(name) {
            Some(targets) => Ok(targets.clone()),
            None => self.locate(name).map(|target| vec![target]),
        }
    }

    /// The active providers, in the order given.
    #[must_use]
    pub fn providers(&self) -> &[Provider] {
        &self.providers
    }

    /// An active provider by its name.
    #[must_use]
    pub fn provider(&self, id: &str) -> Option<&Provider> {
        self.by_id.get(id).map(|&index| &self.providers[index])
    }

    /// The aliases and where they lead, in alphabetical order.
    pub fn aliases(&self) -> impl Iterator<Item = (&str, &[Target])> {
        self.aliases
            .iter()
            .map(|(alias, targets)| (alias.as_str(), targets.as_slice()))
    }

    fn alias_targets(
        &self,
        alias: &str,
        targets: &[String],
        aliases: &BTreeMap<String, Vec<String>>,
    ) -> Result<Vec<Target>, RegistryError> {
        let owned = || alias.to_owned();
        if alias.trim().is_empty() || targets.is_empty() {
            return Err(RegistryError::EmptyAlias { alias: owned() });
        }
        let locate = |target: &String| {
            if aliases.contains_key(target) {
                return Err(RegistryError::AliasOfAlias {
                    alias: owned(),
                    target: target.clone(),
                });
            }
            self.locate(target)
                .map_err(|source| RegistryError::AliasTarget {
                    alias: owned(),
                    target: target.clone(),
                    source,
                })
        };
        targets.iter().map(locate).collect()
    }

    /// Reads a name that is no alias.
    fn locate(&self, name: &str) -> Result<Target, ResolveError> {
        if name.trim().is_empty() {
            return Err(ResolveError::EmptyModel);
        }
        if let Some(explicit) = name.strip_prefix('@') {
            let (id, model) = explicit.split_once('/').unwrap_or((explicit, ""));
            let found = self
                .by_id
                .get(id)
                .ok_or_else(|| self.missing(name, Some(id)))?;
            return self.target_within(*found, explicit, model);
        }
        let first = name.split_once('/');
        let named = first.and_then(|(id, model)| Some((*self.by_id.get(id)?, model)));
        if let Some((index, model)) = named
            && index < self.original
        {
            return self.target_within(index, name, model);
        }
        match (self.owner(name), named) {
            (Some(index), _) => Ok(self.target(index, name)),
            (None, Some((index, model))) => self.target_within(index, name, model),
            (None, None) => Err(self.missing(name, first.map(|(id, _)| id))),
        }
    }

    /// The target of `model` at a provider, where `whole` is the name with the provider in front.
    fn target_within(
        &self,
        index: usize,
        whole: &str,
        model: &str,
    ) -> Result<Target, ResolveError> {
        if model.trim().is_empty() {
            return Err(ResolveError::EmptyModel);
        }
        let lists_whole = self.providers[index]
            .known_models()
            .iter()
            .any(|known| known == whole);
        Ok(self.target(index, if lists_whole { whole } else { model }))
    }

    fn target(&self, index: usize, model: &str) -> Target {
        Target {
            provider: self.providers[index].id().clone(),
            model: ModelId::new(model),
        }
    }

    /// The active provider that a whole name belongs to.
    fn owner(&self, name: &str) -> Option<usize> {
        let by_pattern = || {
            self.patterns
                .iter()
                .find(|(pattern, _)| pattern.matches(name))
        };
        self.listed
            .get(name)
            .copied()
            .or_else(|| by_pattern().map(|&(_, index)| index))
    }

    /// Why nobody serves a name; `provider` is its first segment, if it has several.
    fn missing(&self, name: &str, provider: Option<&str>) -> ResolveError {
        let asked = |row: &&Dormant| Some(row.kind.as_str()) == provider;
        let owns = |row: &&Dormant| row.owns(name);
        let mut rows = self.dormant.iter();
        match rows.clone().find(asked).or_else(|| rows.find(owns)) {
            Some(row) => ResolveError::NotConfigured {
                name: shortened(name),
                provider: row.kind.clone(),
                key_names: row.key_names.clone(),
            },
            None => ResolveError::Unknown {
                name: shortened(name),
                nearest: self.nearest(name),
            },
        }
    }

    fn nearest(&self, name: &str) -> Vec<String> {
        if name.len() > NAME_LIMIT_BYTES {
            return Vec::new();
        }
        let name = name.trim_start_matches('@');
        let with_provider = name.contains('/');
        let models = self.providers.iter().flat_map(|provider| {
            provider
                .known_models()
                .iter()
                .map(move |model| match with_provider {
                    true => format!("{}/{model}", provider.id()),
                    false => model.clone(),
                })
        });
        nearest(name, self.aliases.keys().cloned().chain(models))
    }
}

impl Dormant {
    fn owns(&self, name: &str) -> bool {
        self.models.iter().any(|model| model == name)
            || self.patterns.iter().any(|pattern| pattern.matches(name))
    }
}

fn index_by_id(providers: &[Provider]) -> Result<HashMap<ProviderId, usize>, RegistryError> {
    let mut by_id = HashMap::with_capacity(providers.len());
    for (index, provider) in providers.iter().enumerate() {
        if by_id.insert(provider.id().clone(), index).is_some() {
            return Err(RegistryError::DuplicateProvider {
                provider: provider.id().clone(),
            });
        }
    }
    Ok(by_id)
}

fn index_listed(providers: &[Provider]) -> HashMap<String, usize> {
    let mut listed = HashMap::new();
    for (index, provider) in providers.iter().enumerate() {
        for model in provider.known_models() {
            listed.entry(model.clone()).or_insert(index);
        }
    }
    listed
}

fn sorted_patterns(providers: &[Provider]) -> Vec<(Pattern, usize)> {
    let of = |(index, provider): (usize, &Provider)| {
        provider
            .patterns
            .iter()
            .map(move |pattern| (pattern.clone(), index))
            .collect::<Vec<_>>()
    };
    let mut patterns: Vec<_> = providers.iter().enumerate().flat_map(of).collect();
    // Stable: among equally exact patterns the order of the providers stays.
    patterns.sort_by_key(|(pattern, _)| Reverse(pattern.precision()));
    patterns
}

fn dormant_rows(catalogue: &Catalogue, providers: &[Provider]) -> Vec<Dormant> {
    let is_active = |kind: &str| {
        providers
            .iter()
            .any(|provider| provider.id().as_str() == kind)
    };
    let dormant = catalogue.rows().filter(|(kind, _)| !is_active(kind));
    dormant
        .map(|(kind, row)| Dormant {
            kind: kind.to_owned(),
            key_names: row.key_names.clone().unwrap_or_default(),
            models: row.models.clone().unwrap_or_default(),
            patterns: row
                .patterns
                .iter()
                .flatten()
                .filter_map(|text| Pattern::parse(text))
                .collect(),
        })
        .collect()
}

/// A name fit for a message.
fn shortened(name: &str) -> String {
    if name.len() <= NAME_LIMIT_BYTES {
        return name.to_owned();
    }
    let beginning: String = name.chars().take(NAME_LIMIT_BYTES / 4).collect();
    beginning + "…"
}
