#![doc = include_str!("../README.md")]

mod breaker;
mod latency;
mod length;
mod limit;
mod line;
mod retries;
mod slot;
mod spread;
mod standing;
mod target;
mod targets;
mod ticket;
mod wait;
mod window;

pub use breaker::{BreakerPolicy, BreakerState};
pub use line::{Bounds, Line, Priority};
pub use retries::RetryPolicy;
pub use slot::{Called, Slot};
pub use spread::Form;
pub use standing::{Out, OutReason, Report, Standing};
pub use target::{Outcome, Policy, Target};
pub use targets::Targets;
pub use ticket::Ticket;
pub use wait::Wait;
