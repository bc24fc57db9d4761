//! What a configuration says of calls, without the keys and the addresses that make them possible.

use std::collections::BTreeMap;

use orchestra_gateway::{KeyName, Keys, Providers, Routes, Settings};
use orchestra_providers::{Catalogue, Provider, Registry, Row};
use orchestra_types::ProviderId;

use super::found;
use super::{BuildError, Config, ProviderConfig};

/// What is left of a configuration where nothing can be called: which providers there are, where calls go, and their bounds.
#[derive(Debug)]
pub struct Outline {
    /// The providers, at addresses that do not exist, and the rules that find a model's.
    pub registry: Registry,
    /// What the keys of each provider are called; a provider that is not named needs none.
    pub keys: BTreeMap<ProviderId, Vec<KeyName>>,
    /// The ways that calls may take.
    pub routes: Routes,
    /// The bounds of calls.
    pub settings: Settings,
    /// Whether the configuration names no provider: then all of the catalogue are there whose key is `present`, or simply all if
    /// that is so of none.
    pub detected: bool,
}

impl Config {
    /// Checks the configuration against the catalogue as [`Config::build`] does, but looks for no key and opens no store.
    /// `present` says whether a variable is set. The provider `NAME` is at `http://NAME.example`.
    ///
    /// # Errors
    /// [`BuildError`] names the entry at fault and what to write instead.
    pub fn outline(
        &self,
        catalogue: &Catalogue,
        present: impl Fn(&str) -> bool,
    ) -> Result<Outline, BuildError> {
        let detected = self.providers.is_empty();
        let mut keys = BTreeMap::new();
        let mut list = Vec::new();
        if detected {
            list = of_catalogue(catalogue, present)?;
        }
        for entry in &self.providers {
            let (provider, written) = configured(entry, catalogue)?;
            keys.extend(written.map(|names| (provider.id().clone(), names)));
            list.push(provider);
        }
        for provider in list.iter().filter(|provider| provider.key_required()) {
            if !keys.contains_key(provider.id()) {
                keys.insert(provider.id().clone(), vec![usual_key(provider)?]);
            }
        }
        self.teach_prices(list.iter_mut())?;
        let registry = self.registry(list, catalogue)?;
        let settings = self.settings(&registry)?;
        let providers = Providers::new(registry.clone(), |_| Keys::NotNeeded)?;
        let routes = self.routes(&providers, catalogue)?;
        Ok(Outline {
            registry,
            keys,
            routes,
            settings,
            detected,
        })
    }
}

/// Those whose keys are there; all but other gateways if there are none, so that a configuration can be looked at without.
fn of_catalogue(
    catalogue: &Catalogue,
    present: impl Fn(&str) -> bool,
) -> Result<Vec<Provider>, BuildError> {
    let usable = |kind: &&str| catalogue.get(kind).is_some_and(Row::works_with_a_key_alone);
    let has_key = |kind: &&str| {
        let row = catalogue.get(kind);
        let mut names = row
            .and_then(|row| row.key_names.as_ref())
            .into_iter()
            .flatten();
        names.any(|name| present(name))
    };
    let itself = |kind: &&str| {
        let row = catalogue.get(kind);
        row.is_none_or(|row| row.retries_itself != Some(true))
    };
    let mut kinds: Vec<&str> = catalogue.kinds().filter(usable).filter(has_key).collect();
    if kinds.is_empty() {
        kinds = catalogue.kinds().filter(usable).filter(itself).collect();
    }
    let provider = |kind: &str| {
        let row = catalogue.get(kind).cloned().unwrap_or_default();
        found::build(kind, &elsewhere(row, kind))
    };
    kinds.into_iter().map(provider).collect()
}

fn configured(
    entry: &ProviderConfig,
    catalogue: &Catalogue,
) -> Result<(Provider, Option<Vec<KeyName>>), BuildError> {
    let (id, row) = found::named(entry, catalogue)?;
    let written = found::written(entry, &id)?;
    let names = written.map(|keys| keys.into_iter().map(|key| key.name).collect());
    let provider = found::build(id.as_str(), &elsewhere(row, id.as_str()))?;
    Ok((provider, names))
}

fn usual_key(provider: &Provider) -> Result<KeyName, BuildError> {
    let variable = provider
        .key_names()
        .first()
        .map_or("its key", String::as_str);
    KeyName::new(variable).map_err(|source| BuildError::KeyName {
        provider: provider.id().clone(),
        source,
    })
}

/// The same paths at an address that does not exist (`.example`: RFC 2606, section 2).
fn elsewhere(row: Row, name: &str) -> Row {
    let moved = |url: String| {
        let path = url
            .split_once("://")
            .and_then(|(_, behind)| behind.find('/').map(|at| behind[at..].to_owned()));
        format!("http://{name}.example{}", path.unwrap_or_default())
    };
    Row {
        base_url: row.base_url.map(moved),
        passthrough_url: row.passthrough_url.map(moved),
        ..row
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn outline(text: &str, variables: &[&str]) -> Result<Outline, String> {
        let config = Config::parse(text, Path::new("orchestra.toml")).unwrap();
        let outline = config.outline(&Catalogue::embedded(), |name| variables.contains(&name));
        outline.map_err(|error| format!("{:#}", anyhow::Error::from(error)))
    }

    #[test]
    fn no_key_is_needed_and_no_address_is_real() {
        let text = "[[providers]]\nkind = \"openai\"\n[[providers]]\nname = \"mine\"\nkind = \"openai-compatible\"\nbase_url = \"https://10.0.0.1:9/a/v1\"\nkey = \"store:mine\"\n[models]\nfast = [\"openai/gpt-5-mini\", \"mine/x\"]\n";
        let outline = outline(text, &[]).unwrap();
        let names: Vec<_> = outline
            .keys
            .values()
            .flatten()
            .map(KeyName::as_str)
            .collect();
        assert_eq!(names, ["store:mine", "OPENAI_API_KEY"]);
        let mine = outline.registry.provider("mine").unwrap();
        let chat = mine.endpoint(orchestra_dialects::Endpoint::ChatCompletions);
        assert_eq!(
            chat.unwrap().to_string(),
            "http://mine.example/a/v1/chat/completions"
        );
    }

    #[test]
    fn without_providers_the_variables_decide_if_there_are_any() {
        let found = outline("", &["OPENAI_API_KEY"]).unwrap();
        assert_eq!(found.registry.providers().len(), 1);
        let all = outline("", &[]).unwrap().registry;
        assert!(all.providers().len() > 5 && all.provider("portkey").is_none());
    }

    #[test]
    fn what_is_wrong_is_wrong_here_too() {
        let wrong = "[[providers]]\nkind = \"openai\"\n[models]\nfast = \"nobody/x\"\n";
        assert!(outline(wrong, &[]).unwrap_err().contains("nobody"));
    }
}
