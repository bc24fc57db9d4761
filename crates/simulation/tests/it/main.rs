//! Whole gateways, each in a world of its own.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
#![expect(
    clippy::print_stdout,
    reason = "what a long run prints says how far it is"
)]

mod bar;
mod billing;
mod checks;
mod configured;
mod measures;
mod recovery;
mod replay;
mod reports;
mod seeds;

fn secs(seconds: u64) -> std::time::Duration {
    std::time::Duration::from_secs(seconds)
}
