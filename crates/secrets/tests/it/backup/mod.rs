//! Backups: what is in them comes back, and nothing else is taken for one.

mod drill;
