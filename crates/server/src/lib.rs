#![doc = include_str!("../README.md")]

mod config;
mod connection;
mod conversations;
mod health;
mod logging;
mod metrics;
mod portkey;
mod records;
mod routes;
pub mod secrets;
pub mod serve;
mod server;

pub use config::{
    BuildError, Built, CacheConfig, ClientKeyConfig, CompatConfig, Config, ConfigError, FILE_NAME,
    LimitConfig, ModelConfig, Outline, PortkeyConfig, RestSettings, UpstreamConfig,
};
pub use config::{
    ConversationStore, HedgingConfig, HoldBackConfig, ModelHedgingConfig, ModelHoldBackConfig,
    RecoveryConfig, ResponsesConfig, RetriesConfig, RetryConfig, StoreKind,
};
pub use config::{OverloadConfig, PriorityConfig, PriorityWord};
pub use config::{
    ProviderConfig, ProviderKeyConfig, ServerConfig, TimeoutConfig, TranslationConfig,
};
pub use health::Status;
pub use logging::{LogFormat, init_logging};
pub use metrics::Metrics;
pub use portkey::is_portkey;
pub use records::LogSink;
pub use server::{Server, ServerError, gateway};
