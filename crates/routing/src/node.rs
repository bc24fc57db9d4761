//! The tree.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use serde_json::Value;

use crate::hedge::{Author, Hedge};
use crate::query::Query;

/// A node: a target, or a strategy that chooses among further nodes.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    /// Where it stands in the configuration, such as `targets[1].targets[0]`; empty for the root.
    pub path: String,
    /// What conditions and reports call it.
    pub name: Option<String>,
    /// Its share among its siblings, where the strategy looks at that. 0 is off.
    pub weight: f64,
    /// What holds for it and everything below.
    pub settings: Settings,
    /// What it is.
    pub kind: NodeKind,
}

impl Node {
    /// The same tree as one that came with a call: what only an operator may decide is bounded where it is used.
    #[must_use]
    pub fn of_caller(mut self) -> Self {
        self.set_author(Author::Caller);
        self
    }

    fn set_author(&mut self, author: Author) {
        if let Some(hedge) = &mut self.settings.hedge {
            hedge.author = author;
        }
        if let NodeKind::Strategy { children, .. } = &mut self.kind {
            for child in children {
                child.set_author(author);
            }
        }
    }
}

/// What a node is.
#[derive(Clone, Debug, PartialEq)]
pub enum NodeKind {
    /// A target.
    Target(Target),
    /// A choice among nodes.
    Strategy {
        /// How it is made.
        strategy: Strategy,
        /// Among what. Never empty.
        children: Vec<Node>,
    },
}

/// How one is chosen among several.
#[derive(Clone, Debug, PartialEq)]
pub enum Strategy {
    /// The first.
    Single,
    /// One after the other, as long as they fail in a way that `on` names.
    Fallback {
        /// Which failures lead on.
        on: Failures,
    },
    /// By their weights.
    LoadBalance {
        /// Whether the same caller stays where it was.
        sticky: Option<Sticky>,
    },
    /// The first whose condition holds.
    Conditional {
        /// Conditions in their order, each with the child that it leads to.
        conditions: Vec<(Query, usize)>,
        /// The child for when none holds.
        default: Option<usize>,
    },
    /// The one that will answer first.
    LeastLatency,
    /// The one that costs least.
    LeastCost,
    /// Variants, by their weights, always the same for one caller.
    Experiment {
        /// The experiment's name, so that its assignment has nothing to do with another's.
        name: String,
        /// What tells callers apart.
        sticky: Sticky,
    },
}

impl Strategy {
    /// The word in configurations.
    #[must_use]
    pub const fn mode(&self) -> &'static str {
        match self {
            Self::Single => "single",
            Self::Fallback { .. } => "fallback",
            Self::LoadBalance { .. } => "loadbalance",
            Self::Conditional { .. } => "conditional",
            Self::LeastLatency => "least_latency",
            Self::LeastCost => "least_cost",
            Self::Experiment { .. } => "experiment",
        }
    }
}

/// What tells callers apart who are to stay where they were.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sticky {
    /// Fields such as `metadata.user`, `params.user`, `headers.x-session`, or [`Sticky::CONVERSATION`].
    pub fields: Vec<String>,
}

impl Sticky {
    /// The field that is the beginning of a conversation: its turns stay where the provider has the earlier ones in its
    /// cache.
    pub const CONVERSATION: &str = "conversation";
}

/// Which failures lead to the next target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failures {
    /// Those that another target may not have.
    Usual,
    /// Any answer that is no success, even where every target would say the same.
    Any,
    /// These statuses.
    Statuses(Vec<u16>),
}

/// Where a call may be sent. What the texts mean, the user of this crate knows.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Target {
    /// The provider's name.
    pub provider: Option<String>,
    /// The slug of a provider that is kept elsewhere (`@slug`, or a virtual key).
    pub slug: Option<String>,
    /// The model, where it is another than the call's.
    pub model: Option<String>,
    /// A key that stands in the configuration itself. Not printed.
    pub key: Option<InlineKey>,
    /// An address of the target's own, in place of the provider's: its own or that of a node above.
    pub host: Option<String>,
    /// Whether provider and key come with the call.
    pub from_call: bool,
    /// Fields that only one kind of provider knows.
    pub provider_fields: BTreeMap<String, String>,
}

/// A key that somebody wrote into a configuration. It is neither printed nor compared by its text.
#[derive(Clone)]
pub struct InlineKey(pub(crate) String);

impl InlineKey {
    /// The key.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl PartialEq for InlineKey {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}

impl fmt::Debug for InlineKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("InlineKey(..)")
    }
}

/// What a node says for itself and all below. `None` is whatever the node above says.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Settings {
    /// Members of the body that are set whatever the caller wrote. Those of a node below win.
    pub override_params: BTreeMap<String, Value>,
    /// Members that are set where the caller wrote nothing.
    pub default_params: BTreeMap<String, Value>,
    /// Paths of members that are taken out.
    pub drop_params: Vec<String>,
    /// Asking the same target again.
    pub retry: Option<Retry>,
    /// Asking a second target while the first one is slow.
    pub hedge: Option<Hedge>,
    /// How long an answer's headers may take.
    pub request_timeout: Option<Duration>,
    /// Another address than the provider's.
    pub custom_host: Option<String>,
    /// Headers of the call that are passed on.
    pub forward_headers: Option<Vec<String>>,
    /// Whether answers are held to the dialect's own form.
    pub strict: Option<bool>,
    /// Whether and how answers are kept.
    pub cache: Option<Cache>,
    /// The model that is asked after one finds the call too long for it.
    pub on_context_length: Option<String>,
    /// The model that is asked after one refuses the call for a content policy.
    pub on_content_policy: Option<String>,
    /// Whether a text stream that dies is gone on with at another target.
    pub recover: Option<bool>,
    /// How long a stream that has begun to answer is held back while another target could still take over.
    pub hold_back: Option<HoldBack>,
}

/// How long a stream that has begun to answer is held back: until one of the two is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HoldBack {
    /// Tokens of the answer, at least one.
    pub tokens: u32,
    /// Time since the first of them.
    pub time: Duration,
}

impl fmt::Display for HoldBack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.tokens < u32::MAX {
            write!(f, "{} tokens or ", self.tokens)?;
        }
        write!(f, "{} ms", self.time.as_millis())
    }
}

impl HoldBack {
    /// Not at all: the first token is enough.
    pub const NONE: Self = Self {
        tokens: 1,
        time: Duration::ZERO,
    };

    /// The time, where only tokens are said: whoever reads along waits no longer for a slow model.
    pub const USUAL_TIME: Duration = Duration::from_secs(1);

    /// From what was said of the two; `None` if nothing was.
    #[must_use]
    pub fn of(tokens: Option<u32>, time: Option<Duration>) -> Option<Self> {
        (tokens.is_some() || time.is_some()).then(|| Self {
            tokens: tokens.unwrap_or(u32::MAX),
            time: time.unwrap_or(Self::USUAL_TIME),
        })
    }
}

/// Asking the same target again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Retry {
    /// How often, after the first time.
    pub attempts: u32,
    /// After which statuses; `None` for those that may pass by themselves.
    pub statuses: Option<Vec<u16>>,
    /// Whether to wait as long as the target says.
    pub use_retry_after: bool,
}

impl Retry {
    /// Not once.
    pub const NONE: Self = Self {
        attempts: 0,
        statuses: None,
        use_retry_after: false,
    };
}

/// Keeping answers, to give them again to calls that ask the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cache {
    /// What counts as the same.
    pub mode: CacheMode,
    /// How long.
    pub max_age: Option<Duration>,
}

/// What counts as the same call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CacheMode {
    /// None: no answer is kept.
    Off,
    /// The same, byte for byte.
    Simple,
    /// What means the same.
    Semantic,
}

impl CacheMode {
    /// The mode that a word of Portkey's stands for.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        match word {
            "simple" => Some(Self::Simple),
            "semantic" => Some(Self::Semantic),
            "default" | "off" => Some(Self::Off),
            _ => None,
        }
    }
}

impl Settings {
    /// What holds below a node that says `self`, where `above` holds already.
    #[must_use]
    pub fn within(&self, above: &Self) -> Self {
        let merged = |own: &BTreeMap<String, Value>, above: &BTreeMap<String, Value>| {
            let mut merged = above.clone();
            merged.extend(
                own.iter()
                    .map(|(name, value)| (name.clone(), value.clone())),
            );
            merged
        };
        let lowest =
            |own: &Option<String>, above: &Option<String>| own.as_ref().or(above.as_ref()).cloned();
        let mut drop_params = above.drop_params.clone();
        drop_params.extend(self.drop_params.iter().cloned());
        Self {
            override_params: merged(&self.override_params, &above.override_params),
            default_params: merged(&self.default_params, &above.default_params),
            drop_params,
            retry: self.retry.clone().or_else(|| above.retry.clone()),
            hedge: self.hedge.or(above.hedge),
            request_timeout: self.request_timeout.or(above.request_timeout),
            custom_host: lowest(&self.custom_host, &above.custom_host),
            forward_headers: self
                .forward_headers
                .clone()
                .or_else(|| above.forward_headers.clone()),
            strict: self.strict.or(above.strict),
            cache: self.cache.or(above.cache),
            on_context_length: lowest(&self.on_context_length, &above.on_context_length),
            on_content_policy: lowest(&self.on_content_policy, &above.on_content_policy),
            recover: self.recover.or(above.recover),
            hold_back: self.hold_back.or(above.hold_back),
        }
    }
}
