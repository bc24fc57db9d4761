#![doc = include_str!("../README.md")]

mod config;
mod cost;
mod facts;
mod hedge;
mod node;
mod order;
mod pick;
mod plan;
mod query;

pub use config::ConfigError;
pub use facts::{Blind, Compat, Facts, View};
pub use hedge::{Author, Hedge, HedgeAfter, Share};
pub use node::{
    Cache, CacheMode, Failures, HoldBack, InlineKey, Node, NodeKind, Retry, Settings, Sticky,
    Strategy, Target,
};
pub use plan::{Choice, Exit, Plan, PlanError, Planner, Step};
pub use query::{Field, Query, Test};
