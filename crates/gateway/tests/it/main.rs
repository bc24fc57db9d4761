//! The gateway against scripted upstreams, over real connections.
//!
//! Every scenario goes through [`harness::Stage`], which also checks the one law that holds for all
//! of them: each call settles exactly one record.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod after_content;
mod blameless;
mod bytes;
mod cache;
mod client_errors;
mod conversations;
mod costs;
mod crowd;
mod cuts;
mod embeddings;
mod failover;
mod gemini;
mod harness;
mod headers;
mod hedging;
mod held;
mod keys;
mod models;
mod pieces;
mod plan;
mod raw;
mod recovery;
mod retries;
mod routes;
mod settlement;
mod translation;
mod usage;
mod wire;
