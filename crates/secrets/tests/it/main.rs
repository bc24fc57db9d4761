//! What the store does, seen from outside.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
#![expect(
    clippy::print_stdout,
    reason = "what a test prints is shown if it fails, and read by the test that started its process"
)]

mod attacks;
mod audit;
mod backend;
mod backup;
mod databases;
#[cfg(target_os = "linux")]
mod disk_faults;
mod faults;
mod golden;
mod processes;
mod proxy;
mod store;
mod stores;
