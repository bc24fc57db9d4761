//! The crate from outside, in one binary.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod behaviours;
mod binary;
mod dialects;
mod faults;
mod log;
mod support;
