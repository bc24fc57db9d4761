#![doc = include_str!("../README.md")]

mod breaker;
mod latency;
mod limit;
mod retries;
mod target;
mod targets;
mod window;

pub use breaker::{BreakerPolicy, BreakerState};
pub use retries::RetryPolicy;
pub use target::{OutReason, Outcome, Policy, Report, Standing, Target, Ticket};
pub use targets::Targets;
