//! The audit log: what stands in it, and that nobody changes it unseen.

mod attacked;
mod checkpoints;
mod export;
mod log;
mod refused;
mod scan;
mod tampering;
mod uses;
