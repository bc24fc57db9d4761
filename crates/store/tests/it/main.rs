//! What every store of conversations must do, and what only files can get wrong.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod configs;
mod file;
mod harness;
mod notes;
mod suite;
