//! The crate from outside, in one binary.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod catalogue;
mod facts;
mod paths;
mod resolve;
mod rows;
