//! Trees, seen from outside.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod call;
mod lengths;
mod plans;
mod queries;
mod refusals;
