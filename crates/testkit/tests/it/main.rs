//! The crate from outside, in one binary.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod agent;
mod behaviours;
mod binary;
mod dialects;
mod faults;
mod gemini;
mod log;
mod support;
