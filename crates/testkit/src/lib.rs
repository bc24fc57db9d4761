#![doc = include_str!("../README.md")]

mod agent;
mod behaviour;
mod checksum;
mod connection;
mod control;
mod directive;
mod http;
mod log;
mod play;
mod request;
mod script;
mod upstream;
mod when;
mod wire;

pub use agent::Agent;
pub use behaviour::{After, At, Behaviour, Finish, How, KeepAlive, TokenCounts};
pub use checksum::{Checksum, checksum};
pub use directive::InvalidDirective;
pub use log::{Outcome, Received};
pub use script::Script;
pub use upstream::Upstream;
pub use when::When;
