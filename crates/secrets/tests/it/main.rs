//! What the store does, seen from outside.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod backend;
mod databases;
mod faults;
mod store;
mod stores;
