#![doc = include_str!("../README.md")]

mod breaker;
mod latency;
mod limit;
mod retries;
mod spread;
mod standing;
mod target;
mod targets;
mod ticket;
mod window;

pub use breaker::{BreakerPolicy, BreakerState};
pub use retries::RetryPolicy;
pub use spread::Form;
pub use standing::{Out, OutReason, Report, Standing};
pub use target::{Outcome, Policy, Target};
pub use targets::Targets;
pub use ticket::Ticket;
