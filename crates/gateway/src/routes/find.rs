//! From a target of a tree to providers and models.

use std::sync::Arc;

use http::StatusCode;
use orchestra_dialects::ErrorKind;
use orchestra_providers::Provider;
use orchestra_routing::{ConfigError, InlineKey, Node, NodeKind, Settings, Strategy, Target};
use orchestra_secrets::Secret;
use orchestra_types::ModelId;

use super::params::check_paths;
use super::{CallersKey, Relay, RelayMode, Routes};
use crate::keys::{KeyName, Keys, ProviderKey};
use crate::providers::{Member, Providers};
use crate::refusal::Refusal;
use crate::unreachable::unknown_model;

/// The name of every key that comes with a call, in records and logs.
const CALLERS: &str = "caller";

/// What Portkey's clients write for a model that they leave out.
pub(crate) const MODEL_LEFT_OUT: &str = "portkey-default";

/// An address, and nothing that says what is spoken there.
const NOBODYS_HOST: &str =
    "`custom_host` needs the `provider` whose language is spoken there, in the same target";

/// Looks targets up.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Finder<'f> {
    pub(super) providers: &'f Providers,
    pub(super) routes: &'f Routes,
}

impl<'f> Finder<'f> {
    pub(crate) const fn new(providers: &'f Providers, routes: &'f Routes) -> Self {
        Self { providers, routes }
    }

    /// Where a call for `model` goes at a target: usually one place; several where the model's name is an alias.
    /// `pinned` is the provider that the call names, for targets that name none.
    ///
    /// # Errors
    /// What the client is told if there is no such place.
    pub(crate) fn places(
        &self,
        target: &Target,
        model: &str,
        pinned: Option<&Arc<Member>>,
    ) -> Result<Vec<(Arc<Member>, ModelId)>, Refusal> {
        let name = target.provider.as_ref().or(target.slug.as_ref());
        let named = match (name, &target.host) {
            (Some(name), Some(host)) => {
                let key = target.key.as_ref();
                let key = key.map(|key| CallersKey::new(key.expose().to_owned()));
                Some(self.elsewhere(name, host, key.as_ref())?)
            }
            (Some(name), None) => Some(self.named(name, target.key.as_ref())?),
            (None, Some(_)) => return Err(Refusal::custom_host(NOBODYS_HOST)),
            (None, None) => pinned.cloned(),
        };
        match named {
            Some(member) => self.pinned(member, model),
            None => self.resolve(model),
        }
    }

    /// A model at a provider that is named besides. What is not the provider's own slug goes through as it is.
    pub(crate) fn pinned(
        &self,
        member: Arc<Member>,
        model: &str,
    ) -> Result<Vec<(Arc<Member>, ModelId)>, Refusal> {
        if model == MODEL_LEFT_OUT {
            return Err(no_model());
        }
        let own = own_name(&member, model);
        Ok(vec![(member, own)])
    }

    /// The provider with this name, called with a key that stands in the tree if there is one.
    fn named(&self, name: &str, key: Option<&InlineKey>) -> Result<Arc<Member>, Refusal> {
        let Some(key) = key else {
            let member = self.providers.member(name).cloned();
            return member.ok_or_else(|| Refusal::no_such_provider(name));
        };
        self.lent(name, &CallersKey::new(key.expose().to_owned()))
    }

    /// The provider with this name, called with the caller's own key. Nothing that becomes of it touches other calls.
    ///
    /// # Errors
    /// What the client is told if there is no such provider, or the key is none.
    pub(crate) fn lent(&self, name: &str, key: &CallersKey) -> Result<Arc<Member>, Refusal> {
        let provider = self
            .provider(name)
            .ok_or_else(|| Refusal::no_such_provider(name))?;
        Self::lend(provider.clone(), key)
    }

    /// A provider for one call, called with the key that came with it.
    pub(super) fn lend(provider: Provider, key: &CallersKey) -> Result<Arc<Member>, Refusal> {
        let name = provider.id().clone();
        let lent = ProviderKey::shared(
            KeyName::new(CALLERS).map_err(|_| unusable(name.as_str()))?,
            Arc::<Secret>::clone(&key.0),
        );
        let member = Member::guest(provider, Keys::Ready(vec![lent]));
        Ok(Arc::new(member.map_err(|_| unusable(name.as_str()))?))
    }

    pub(super) fn provider(&self, name: &str) -> Option<&'f Provider> {
        match self.providers.member(name) {
            Some(member) => Some(&member.provider),
            None => self.routes.guests.get(name),
        }
    }

    /// The other gateway that calls go by, if there is one.
    pub(crate) fn relay(&self) -> Option<(&'f Relay, &'f Arc<Member>)> {
        let relay = self.routes.relay.as_ref()?;
        let wanted = relay.mode != RelayMode::Off;
        let member = self.providers.member(relay.provider.as_str())?;
        wanted.then_some((relay, member))
    }

    /// Who serves a model, by its name alone.
    pub(crate) fn resolve(&self, model: &str) -> Result<Vec<(Arc<Member>, ModelId)>, Refusal> {
        let targets = self
            .providers
            .registry()
            .resolve(model)
            .map_err(|error| match model {
                MODEL_LEFT_OUT => no_model(),
                _ => unknown_model(&error),
            })?;
        let place = |target: orchestra_providers::Target| {
            let member = self.providers.member(target.provider.as_str())?;
            Some((Arc::clone(member), target.model))
        };
        Ok(targets.into_iter().filter_map(place).collect())
    }

    /// Checks that every target of a tree is there. Where the tree stands for a model, each must say which one it means.
    ///
    /// # Errors
    /// [`ConfigError`] names the first that is not.
    pub(crate) fn check(&self, tree: &Node, stands_for_model: bool) -> Result<(), ConfigError> {
        self.check_node(tree, &Settings::default(), stands_for_model)
    }

    fn check_node(&self, node: &Node, above: &Settings, named: bool) -> Result<(), ConfigError> {
        let settings = node.settings.within(above);
        let wrong = |member: &str, message: String| ConfigError {
            path: inside(&node.path, member),
            message,
        };
        check_paths(&node.settings.drop_params).map_err(|error| wrong("drop_params", error))?;
        self.check_alternatives(&node.settings)
            .map_err(|(member, message)| wrong(member, message))?;
        let (strategy, children) = match &node.kind {
            NodeKind::Target(target) => {
                let checked = self.check_target(target, &settings, named);
                checked.map_err(|message| wrong("", message))?;
                let host = self.check_host(target);
                return host.map_err(|message| wrong("custom_host", message));
            }
            NodeKind::Strategy { strategy, children } => (strategy, children),
        };
        for child in children {
            self.check_node(child, &settings, named)?;
        }
        if *strategy == Strategy::LeastCost && !self.may_know_a_price(children, &settings) {
            let message =
                "`least_cost` needs to know the price of one target at least: say it in [prices]";
            return Err(wrong("strategy.mode", message.to_owned()));
        }
        Ok(())
    }

    fn check_host(&self, target: &Target) -> Result<(), String> {
        let Some(host) = &target.host else {
            return Ok(());
        };
        let name = target.provider.as_ref().or(target.slug.as_ref());
        let provider = name.and_then(|name| self.provider(name));
        let provider = provider.ok_or(NOBODYS_HOST)?;
        let moved = self.moved(provider, host, target.key.is_some());
        moved.map(drop).map_err(|error| error.to_string())
    }

    fn check_target(
        &self,
        target: &Target,
        settings: &Settings,
        named: bool,
    ) -> Result<(), String> {
        if let Some(field) = target.provider_fields.keys().next() {
            return Err(format!(
                "`{field}` is not taken from here: configure a provider that has it, and name that one"
            ));
        }
        let provider = target.provider.as_ref().or(target.slug.as_ref());
        if let Some(name) = provider {
            let is_guest = target.key.is_some() || target.host.is_some();
            let known = if is_guest {
                self.provider(name).is_some()
            } else {
                self.providers.member(name).is_some()
            };
            if !known {
                return Err(Refusal::no_such_provider(name).message);
            }
        } else if target.key.is_some() {
            return Err("`api_key` needs the `provider` whose key it is".to_owned());
        }
        let model = model_of(target, settings);
        match (model, provider) {
            (None, _) if named => {
                Err("the target needs a `model`: the tree stands for one itself".to_owned())
            }
            (Some(model), None) => self
                .resolve(&model)
                .map(drop)
                .map_err(|refusal| refusal.message),
            _ => Ok(()),
        }
    }
}

/// The model that a target asks for, if it is another than the call's.
pub(crate) fn model_of(target: &Target, settings: &Settings) -> Option<String> {
    let set = || settings.override_params.get("model")?.as_str();
    let model = target.model.as_deref().or_else(set);
    model.map(str::to_owned)
}

/// The model for a call that names `asked`: a default is for calls that name none.
pub(crate) fn model_for(target: &Target, settings: &Settings, asked: &str) -> String {
    let default = || settings.default_params.get("model")?.as_str();
    let left_out = || (asked == MODEL_LEFT_OUT).then(default).flatten();
    model_of(target, settings).unwrap_or_else(|| left_out().unwrap_or(asked).to_owned())
}

/// A model's name without the slug of the provider that it is asked of anyway. Without the `@` the name is the vendor's:
/// there is a `groq/compound` at Groq and an `openrouter/auto` at OpenRouter.
fn own_name(member: &Member, model: &str) -> ModelId {
    let id = member.provider.id().as_str();
    let slugs = model.strip_prefix('@').and_then(|m| m.strip_prefix(id));
    let own = slugs.and_then(|m| m.strip_prefix('/'));
    ModelId::new(own.filter(|own| !own.is_empty()).unwrap_or(model))
}

/// Where a member of a node stands.
pub(super) fn inside(node: &str, member: &str) -> String {
    match (node, member) {
        (node, "") => node.to_owned(),
        ("", member) => member.to_owned(),
        (node, member) => format!("{node}.{member}"),
    }
}

fn no_model() -> Refusal {
    Refusal::invalid(
        "model_missing",
        "neither the call nor the target that it was led to names a model",
    )
    .at("model")
    .for_good()
}

fn unusable(provider: &str) -> Refusal {
    Refusal::new(
        StatusCode::UNAUTHORIZED,
        ErrorKind::Authentication,
        "invalid_provider_key",
        format!(
            "the key that came with the call for provider `{provider}` cannot stand in a header"
        ),
    )
    .for_good()
}
