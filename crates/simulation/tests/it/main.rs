//! Whole gateways, each in a world of its own.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod checks;
mod replay;
mod reports;
mod seeds;
