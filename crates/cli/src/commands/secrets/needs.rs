//! Which secrets providers need, by name, and where those may be sent.

use std::collections::BTreeSet;
use std::fmt;

use orchestra_providers::{Catalogue, Provider, Row};
use orchestra_secrets::{Name, Origin, Reference};
use orchestra_server::{ClientKeyConfig, Config, ProviderConfig};
use orchestra_types::ProviderId;

/// What one provider needs, or one client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Need {
    /// Whose key it is.
    pub(crate) whose: Whose,
    /// Where it is sent, if that is known. A client's key is sent nowhere.
    pub(crate) origin: Option<Origin>,
    /// Where it is looked for.
    pub(crate) sought: Sought,
    /// How much it is needed.
    pub(crate) weight: Weight,
}

/// Whose key it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Whose {
    /// The provider with this name is called with it.
    Provider(String),
    /// The application with this name calls with it.
    Client(String),
}

impl fmt::Display for Whose {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Provider(name) => f.write_str(name),
            Self::Client(name) => write!(f, "client {name}"),
        }
    }
}

/// Where a key is looked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Sought {
    /// Under the names that the provider's kind uses: the first that the store has, else the first variable.
    Usual(Vec<Name>),
    /// Where the configuration says, and nowhere else.
    Written(Reference),
}

impl Sought {
    /// Whether a secret of this name would be used, or was used before it was put into the store.
    fn is(&self, name: &Name) -> bool {
        match self {
            Self::Usual(names) => names.contains(name),
            Self::Written(Reference::Stored(stored)) => stored == name,
            Self::Written(Reference::Variable(variable)) => {
                name.tenant() == Name::USUAL_TENANT && variable == name.name()
            }
            Self::Written(Reference::File(_)) => false,
        }
    }
}

/// How much something is needed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Weight {
    /// The configuration asks for it.
    Required,
    /// The configuration names the provider, which may do without.
    Optional,
    /// The catalogue knows the provider: with a key it is used, unless the configuration names others.
    Known,
}

/// What is needed here: what the configuration names first, then what the catalogue knows.
pub(crate) fn needs(config: &Config, catalogue: &Catalogue) -> Vec<Need> {
    let mut needs: Vec<Need> = config
        .providers
        .iter()
        .filter_map(|entry| of_entry(entry, catalogue))
        .flatten()
        .collect();
    needs.extend(config.server.client_keys.iter().map(of_client));
    needs.extend(
        catalogue
            .kinds()
            .filter_map(|kind| of_kind(kind, catalogue)),
    );
    needs.extend(
        catalogue
            .kinds()
            .flat_map(|kind| companions(kind, catalogue)),
    );
    needs
}

/// What goes along with the keys of a kind.
fn companions(kind: &str, catalogue: &Catalogue) -> Vec<Need> {
    let row = catalogue.get(kind);
    let kept = row.and_then(|row| row.companions.as_ref());
    let of_names = |kept: &Vec<String>| {
        Some(Need {
            sought: Sought::Usual(names(kept)),
            ..of_kind(kind, catalogue)?
        })
    };
    kept.into_iter()
        .flat_map(|kept| kept.values())
        .filter_map(of_names)
        .collect()
}

fn of_client(entry: &ClientKeyConfig) -> Need {
    Need {
        whose: Whose::Client(entry.name.clone()),
        origin: None,
        sought: Sought::Written(entry.key.clone()),
        weight: Weight::Required,
    }
}

fn of_kind(kind: &str, catalogue: &Catalogue) -> Option<Need> {
    let row = catalogue
        .get(kind)
        .filter(|row| row.works_with_a_key_alone())?;
    let provider = Provider::build(ProviderId::new(kind).ok()?, row).ok()?;
    Some(Need {
        whose: Whose::Provider(kind.to_owned()),
        origin: provider.origin().parse().ok(),
        sought: Sought::Usual(names(provider.key_names())),
        weight: Weight::Known,
    })
}

/// A provider that the server would refuse needs nothing; the server says why.
fn of_entry(entry: &ProviderConfig, catalogue: &Catalogue) -> Option<Vec<Need>> {
    let id = ProviderId::new(entry.name.as_deref().unwrap_or(&entry.kind)).ok()?;
    let written = Row {
        kind: Some(entry.kind.clone()),
        base_url: entry.base_url.clone(),
        ..Row::default()
    };
    let written = match &entry.overrides {
        Some(over) => over.overlay(&written),
        None => written,
    };
    let row = catalogue.complete(&id, &written).ok()?;
    let provider = Provider::build(id, &row).ok()?;
    let need = |sought, weight| Need {
        whose: Whose::Provider(provider.id().to_string()),
        origin: provider.origin().parse().ok(),
        sought,
        weight,
    };
    let pool = entry.keys.iter().flatten().map(|key| &key.key);
    let written: Vec<Need> = entry
        .key
        .iter()
        .chain(pool)
        .map(|reference| need(Sought::Written(reference.clone()), Weight::Required))
        .collect();
    if !written.is_empty() {
        return Some(written);
    }
    let weight = if provider.key_required() {
        Weight::Required
    } else {
        Weight::Optional
    };
    let usual = Sought::Usual(names(provider.key_names()));
    Some(vec![need(usual, weight)])
}

fn names(names: &[String]) -> Vec<Name> {
    names.iter().filter_map(|name| name.parse().ok()).collect()
}

/// What is known of a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Known {
    /// Nobody uses it.
    Nothing,
    /// It is for this, at this place.
    Place {
        /// The providers that use it.
        service: String,
        /// Where they are.
        origin: Origin,
    },
    /// Providers at several places use it.
    Places(BTreeSet<String>),
    /// Applications call with it, so it is sent nowhere.
    Client,
}

/// What is known of a name: what the configuration says outweighs the catalogue.
pub(crate) fn known(name: &Name, needs: &[Need]) -> Known {
    let uses = |configured: bool| {
        let fits = move |need: &&Need| {
            need.sought.is(name) && (need.weight != Weight::Known) == configured
        };
        needs.iter().filter(fits).collect::<Vec<_>>()
    };
    let configured = uses(true);
    let uses = if configured.is_empty() {
        uses(false)
    } else {
        configured
    };
    let origins: BTreeSet<&str> = uses
        .iter()
        .filter_map(|need| Some(need.origin.as_ref()?.as_str()))
        .collect();
    let services: BTreeSet<String> = uses.iter().map(|need| need.whose.to_string()).collect();
    let origin = uses.iter().find_map(|need| need.origin.clone());
    match (origin, origins.len()) {
        (None, _) if uses.is_empty() => Known::Nothing,
        (None, _) => Known::Client,
        (Some(origin), 1) => Known::Place {
            service: services.into_iter().collect::<Vec<_>>().join(","),
            origin,
        },
        _ => Known::Places(origins.into_iter().map(str::to_owned).collect()),
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn known_of(name: &str, config: &str) -> Known {
        let config = Config::parse(config, Path::new("orchestra.toml")).unwrap();
        known(
            &name.parse().unwrap(),
            &needs(&config, &Catalogue::embedded()),
        )
    }

    fn place(service: &str, origin: &str) -> Known {
        Known::Place {
            service: service.to_owned(),
            origin: origin.parse().unwrap(),
        }
    }

    #[test]
    fn the_catalogues_names_are_known() {
        for (name, service, origin) in [
            ("OPENAI_API_KEY", "openai", "https://api.openai.com"),
            (
                "ANTHROPIC_API_KEY",
                "anthropic",
                "https://api.anthropic.com",
            ),
            ("DEEPSEEK_API_KEY", "deepseek", "https://api.deepseek.com"),
            ("PORTKEY_API_KEY", "portkey", "https://api.portkey.ai"),
            ("PORTKEY_CONFIG", "portkey", "https://api.portkey.ai"),
            (
                "GOOGLE_API_KEY",
                "gemini",
                "https://generativelanguage.googleapis.com",
            ),
        ] {
            assert_eq!(known_of(name, ""), place(service, origin), "{name}");
        }
        assert_eq!(known_of("SOMETHING_ELSE", ""), Known::Nothing);
    }

    #[test]
    fn what_is_configured_outweighs_the_catalogue() {
        let elsewhere =
            "[[providers]]\nkind = \"openai\"\nbase_url = \"https://eu.example.com/v1\"\n";
        assert_eq!(
            known_of("OPENAI_API_KEY", elsewhere),
            place("openai", "https://eu.example.com")
        );
        let own = "[[providers]]\nname = \"acme\"\nkind = \"openai-compatible\"\nbase_url = \"http://127.0.0.1:9/v1\"\nkey = \"env:ACME\"\n";
        assert_eq!(known_of("ACME", own), place("acme", "http://127.0.0.1:9"));
        let pool = own.replace(
            "key = \"env:ACME\"",
            "keys = [{ key = \"store:acme-a\" }, { key = \"store:acme-b\" }]",
        );
        assert_eq!(
            known_of("acme-b", &pool),
            place("acme", "http://127.0.0.1:9")
        );
        let client = "[server]\nclient_keys = [{ name = \"app\", key = \"store:app-key\" }]\n";
        assert_eq!(known_of("app-key", client), Known::Client);
        let two = format!("{elsewhere}[[providers]]\nname = \"us\"\nkind = \"openai\"\n");
        assert!(
            matches!(known_of("OPENAI_API_KEY", &two), Known::Places(places) if places.len() == 2)
        );
        let twins = "[[providers]]\nkind = \"openai\"\n[[providers]]\nname = \"batch\"\nkind = \"openai\"\n";
        assert_eq!(
            known_of("OPENAI_API_KEY", twins),
            place("batch,openai", "https://api.openai.com")
        );
    }
}
