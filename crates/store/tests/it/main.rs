//! What every store of conversations must do, and what only files can get wrong.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod file;
mod harness;
mod suite;
