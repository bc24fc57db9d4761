//! A gateway as somebody configured it, with the upstreams that its calls may reach.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use orchestra_dialects::{Continues, Endpoint};
use orchestra_gateway::{
    Directions, Incoming, KeyName, Keys, Node, ProviderKey, RouteSettings, Routes,
};
use orchestra_providers::Registry;
use orchestra_routing::{NodeKind, Strategy};
use orchestra_secrets::Secret;
use orchestra_types::ProviderId;
use serde_json::{Map, Value, json};

use crate::answer::prompt;
use crate::clock::VirtualClock;
use crate::ledger::{Book, Ledger};
use crate::setup::SetupError;
use crate::upstream::Upstream;
use crate::world::{Route, World};

/// Providers, routes and the calls that are made.
///
/// Each provider must be reached at a host whose first label is its name: `http://openai.example/v1`. That is how a request's
/// upstream is told.
#[derive(Clone, Debug)]
pub struct Configured {
    /// The providers and the rules that find a model's.
    pub registry: Registry,
    /// What each provider's keys are called; a provider that is not named needs none. The keys themselves are made up.
    pub keys: BTreeMap<ProviderId, Vec<KeyName>>,
    /// Trees of strategies.
    pub routes: Arc<Routes>,
    /// The model that is asked for.
    pub model: String,
    /// What every call says of itself.
    pub metadata: BTreeMap<String, String>,
    /// Further members of every body.
    pub params: Map<String, Value>,
}

impl Configured {
    /// Every target that a call may be brought to, in the order in which the configuration has them. Those of a strategy that
    /// are switched off by their weight are none.
    ///
    /// # Errors
    /// [`SetupError::Refused`] if the gateway would refuse such a call.
    pub fn upstreams(&self) -> Result<Vec<Upstream>, SetupError> {
        let mut world = World::new(Vec::new());
        world.route = Route::Configured(Box::new(self.clone()));
        let clock = VirtualClock::start();
        let gateway = world.gateway(0, clock, &Ledger::new(clock, Book::Log(Vec::new())))?;
        let mut trees = Vec::new();
        match self.routes.models.get(&self.model) {
            Some(tree) => leaves(tree, &RouteSettings::default(), &mut trees),
            None => trees.push(None),
        }
        let mut places = Vec::new();
        let mut problem = None;
        for tree in trees {
            let explained = gateway.explain(self.incoming(
                0,
                false,
                tree.map(Arc::new),
                &RouteSettings::default(),
            ));
            let explained = explained.map_err(|refusal| SetupError::Refused(refusal.message))?;
            for target in explained.targets {
                problem = target.problem.or(problem);
                places.extend(target.place.filter(|place| !places.contains(place)));
            }
        }
        if places.is_empty() {
            let problem = problem.unwrap_or_else(|| "there is no target".to_owned());
            return Err(SetupError::Refused(problem));
        }
        let upstream = |(provider, model): (String, String)| Upstream {
            repeats: self.continues(&provider, &model).repeats(),
            model: Some(model),
            ..Upstream::new(&provider)
        };
        Ok(places.into_iter().map(upstream).collect())
    }

    /// How the model is asked to go on from the beginning of an answer.
    pub(crate) fn continues(&self, provider: &str, model: &str) -> Continues {
        let provider = self.registry.provider(provider);
        provider.map_or(Continues::Never, |provider| {
            provider.profile(model).continues
        })
    }

    /// One call.
    pub(crate) fn incoming(
        &self,
        call: u32,
        streamed: bool,
        tree: Option<Arc<Node>>,
        settings: &RouteSettings,
    ) -> Incoming {
        // A thousand people, so that what stays with a person has some to tell apart.
        let user = format!("u{}", call % 1_000);
        let mut metadata = self.metadata.clone();
        for name in ["user", "_user"] {
            metadata
                .entry(name.to_owned())
                .or_insert_with(|| user.clone());
        }
        let mut body = json!({
            "model": self.model,
            "user": user,
            "stream": streamed,
            "messages": [{ "role": "user", "content": prompt(call) }],
        });
        if let Value::Object(members) = &mut body {
            members.extend(self.params.clone());
        }
        Incoming {
            endpoint: Endpoint::ChatCompletions,
            provider: None,
            client: None,
            headers: http::HeaderMap::new(),
            query: None,
            directions: Directions {
                tree,
                settings: settings.clone(),
                metadata,
                ..Directions::default()
            },
            body: Bytes::from(body.to_string()),
        }
    }

    /// Keys that open nothing.
    pub(crate) fn keys_of(&self, provider: &ProviderId) -> Keys {
        let Some(names) = self.keys.get(provider) else {
            return Keys::NotNeeded;
        };
        let key = |name: &KeyName| {
            ProviderKey::new(name.clone(), Secret::new(format!("simulated {name}")))
        };
        Keys::Ready(names.iter().map(key).collect())
    }
}

/// Every target of a tree as a tree of its own, with all that holds for it.
fn leaves(node: &Node, above: &RouteSettings, found: &mut Vec<Option<Node>>) {
    let settings = node.settings.within(above);
    match &node.kind {
        NodeKind::Target(_) => found.push(Some(Node {
            settings,
            ..node.clone()
        })),
        NodeKind::Strategy { strategy, children } => {
            let weighed = matches!(
                strategy,
                Strategy::LoadBalance { .. } | Strategy::Experiment { .. }
            );
            let on = children
                .iter()
                .filter(|child| !weighed || child.weight > 0.0);
            on.for_each(|child| leaves(child, &settings, found));
        }
    }
}
