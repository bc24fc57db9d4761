//! Backups: what is in them comes back, and nothing else is taken for one.

mod bytes;
mod drill;
mod refused;
