//! The crate from outside, in one binary.

mod embeddings;
mod errors;
mod estimate;
mod fuzz;
mod head;
mod json;
mod laws;
mod sniff;
mod sse;
mod streams;
