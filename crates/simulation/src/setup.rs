//! A gateway for a world.

use std::collections::BTreeMap;
use std::sync::Arc;

use orchestra_dialects::Continues;
use orchestra_gateway::{
    ConfigError, Gateway, Keys, Node, Parts, Providers, Roster, RouteError, RouteSettings, Routes,
    Settings, UnusableKey,
};
use orchestra_health::Policy;
use orchestra_providers::{
    Catalogue, Dollars, ModelFactsRow, PriceRow, ProfileRow, Provider, Registry, Row,
};
use orchestra_types::{ProviderId, SeededRng};

use crate::answer::{ALIAS, MODEL};
use crate::client::Questions;
use crate::clock::VirtualClock;
use crate::fate::Fate;
use crate::ledger::Ledger;
use crate::sky::Sky;
use crate::upstream::Upstream;
use crate::world::{Route, World, scripted_rates};

/// Why a world cannot be built.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SetupError {
    /// An upstream's name is no name of a provider.
    #[error("`{name}` cannot be the name of an upstream: {problem}")]
    Name {
        /// The name.
        name: String,
        /// What is wrong with it.
        problem: String,
    },
    /// The upstreams make no set of providers, such as two of one name.
    #[error("the upstreams cannot stand side by side: {0}")]
    Providers(String),
    /// A key cannot stand in a header.
    #[error(transparent)]
    Key(#[from] UnusableKey),
    /// The tree is none.
    #[error("the tree cannot be read")]
    Tree(#[from] ConfigError),
    /// The tree leads to what is not there.
    #[error("the tree cannot work")]
    Route(#[from] RouteError),
    /// The gateway would serve no such call.
    #[error("such a call would be refused: {0}")]
    Refused(String),
    /// The runtime did not start.
    #[error("no runtime for the simulation could be had")]
    Runtime(#[from] std::io::Error),
}

impl World {
    /// The gateway between this world's clients and its upstreams.
    pub(crate) fn gateway(
        &self,
        seed: u64,
        clock: VirtualClock,
        ledger: &Arc<Ledger>,
    ) -> Result<Gateway, SetupError> {
        let (settings, policy, _) = self.measures();
        let (providers, routes) = match &self.route {
            Route::Configured(configured) => {
                let keys = |id: &ProviderId| configured.keys_of(id);
                let registry = configured.registry.clone();
                let providers = Providers::judged_by(policy, registry, keys)?;
                (providers, Arc::clone(&configured.routes))
            }
            Route::InOrder | Route::Tree(_) => {
                let providers = self.providers(policy)?;
                let routes = self.routes()?;
                routes.check(&providers)?;
                (providers, Arc::new(routes))
            }
        };
        let (upstreams, outages) = (self.upstreams.clone(), self.outages.clone());
        let fate = self.fated.then_some(Fate(seed));
        let sky = Sky::new(seed, Arc::clone(ledger), upstreams, outages, fate);
        Ok(Gateway::new(Parts {
            providers: Arc::new(Roster::from(providers)),
            transport: Arc::new(sky),
            sink: Arc::clone(ledger) as Arc<_>,
            clock: Arc::new(clock),
            rng: Arc::new(SeededRng::new(seed)),
            conversations: None,
            keys: None,
            routes,
            settings,
        }))
    }

    /// What clients ask.
    pub(crate) fn questions(&self) -> Arc<Questions> {
        let (_, _, settings) = self.measures();
        Arc::new(match &self.route {
            Route::Configured(configured) => Questions::Configured(configured.clone(), settings),
            Route::InOrder | Route::Tree(_) => Questions::Plain(settings),
        })
    }

    /// The gateway's bounds, its judgement and what every call says, without what the world has to do without.
    fn measures(&self) -> (Settings, Policy, RouteSettings) {
        let (mut settings, mut policy) = (self.settings.clone(), self.policy);
        let mut directions = RouteSettings::default();
        // Simulated calls are alike: kept answers would hide every outage from those who ask again.
        settings.cache.enabled = false;
        for measure in &self.without {
            measure.take_from(&mut settings, &mut policy, &mut directions);
        }
        (settings, policy, directions)
    }

    fn providers(&self, policy: Policy) -> Result<Providers, SetupError> {
        let providers = self
            .upstreams
            .iter()
            .enumerate()
            .map(|(target, upstream)| provider(target, upstream));
        let providers = providers.collect::<Result<Vec<_>, _>>()?;
        let names = self
            .upstreams
            .iter()
            .map(|up| format!("{}/{MODEL}", up.name));
        let aliases = match self.route {
            Route::InOrder => BTreeMap::from([(ALIAS.to_owned(), names.collect())]),
            Route::Tree(_) | Route::Configured(_) => BTreeMap::new(),
        };
        let registry = Registry::build(providers, &Catalogue::embedded(), &aliases);
        let registry = registry.map_err(|error| SetupError::Providers(error.to_string()))?;
        Ok(Providers::judged_by(policy, registry, |_| Keys::NotNeeded)?)
    }

    fn routes(&self) -> Result<Routes, SetupError> {
        let mut routes = Routes::default();
        if let Route::Tree(tree) = &self.route {
            let tree = Arc::new(Node::parse(tree)?);
            routes.models.insert(ALIAS.to_owned(), tree);
        }
        Ok(routes)
    }
}

fn provider(target: usize, upstream: &Upstream) -> Result<Provider, SetupError> {
    let name = upstream.name.as_str();
    let wrong = |problem: String| SetupError::Name {
        name: name.to_owned(),
        problem,
    };
    let id = ProviderId::new(name).map_err(|error| wrong(error.to_string()))?;
    let row = Row {
        base_url: Some(format!("http://{name}.example/v1")),
        endpoints: Some(vec!["chat_completions".to_owned()]),
        key_required: Some(false),
        relays: Some(vec!["retry-after".to_owned()]),
        models: Some(vec![MODEL.to_owned()]),
        facts: Some(vec![facts(target)]),
        profile: Some(ProfileRow {
            continues: Some(if upstream.repeats {
                Continues::PrefixRepeated
            } else {
                Continues::Assistant
            }),
            ..ProfileRow::default()
        }),
        ..Row::default()
    };
    Provider::build(id, &row).map_err(|error| wrong(error.to_string()))
}

/// What the model costs there.
fn facts(target: usize) -> ModelFactsRow {
    let rates = scripted_rates(target);
    ModelFactsRow {
        models: vec![MODEL.to_owned()],
        context: None,
        price: Some(PriceRow {
            input: rates.input.map(Dollars),
            output: rates.output.map(Dollars),
            ..PriceRow::default()
        }),
    }
}
