//! Whatever happens in whatever order, what is promised of a target holds.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod histories;
mod queue;
