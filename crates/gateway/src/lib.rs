#![doc = include_str!("../README.md")]

mod alternatives;
mod answer;
mod attempt;
mod body;
mod by_name;
mod cache;
mod call;
mod conversations;
mod explain;
mod failure;
mod fault;
mod gateway;
mod hedging;
mod hold_back;
mod keys;
mod known;
mod losses;
mod models;
mod outgoing;
mod overload;
mod plan;
mod providers;
mod quota;
mod raw;
mod read;
mod record;
mod recovery;
mod refusal;
mod relay;
mod request;
mod respond;
mod retries;
mod retry_after;
mod roster;
mod routes;
mod served;
mod settings;
mod settle;
mod stage;
mod transport;
mod unreachable;

pub use body::AnswerBody;
pub use cache::{CacheHit, CacheReport, CacheRules, CacheUse, CacheWish};
pub use call::Incoming;
pub use conversations::{
    Conversation, ConversationBounds, ConversationError, ConversationFuture, ConversationKey,
    Conversations, MemoryConversations,
};
pub use explain::{ExplainedTarget, Explanation};
pub use fault::{Fault, FaultKind, Phase, Reached, Verdict};
pub use gateway::{Gateway, Parts};
pub use hedging::{HedgeRules, Hedging};
pub use hold_back::HoldBackRules;
pub use keys::{
    InvalidKeyName, KeyName, KeyReport, KeySource, KeyStanding, Keys, ProviderKey, QuotaReport,
    RefreshFuture, Refreshed, UnusableKey, UsedKey,
};
pub use known::KnownModels;
pub use losses::LossTally;
pub use models::{ModelEntry, ProviderCheck};
pub use orchestra_routing::{Cache, CacheMode, HedgeAfter, HoldBack, Share};
pub use overload::{CallLoad, Overload, Priorities, Priority, Shed, ShedAt, ShedReason};
pub use providers::{Member, Providers, TargetReport};
pub use raw::RawCall;
pub use record::{AttemptRecord, CallRecord, Ending, HedgeOutcome, NoRecords, Recovered, Sink};
pub use recovery::RecoveryRules;
pub use refusal::Refusal;
pub use retries::{Retries, RetryRules};
pub use roster::Roster;
pub use routes::{
    CallersKey, Compat, ConfigError, Directions, Node, NodeKind, Relay, RelayMode, RouteError,
    RouteSettings, Routes,
};
pub use settings::{Settings, Translation};
pub use transport::{
    BoxError, OutgoingBody, PooledTransport, SendFuture, StreamedBody, TlsSetupError, Transport,
    TransportError, UpstreamBody,
};
