//! Providers that are made while servers run. Each is one secret of the store: its value is the key, what is said about it is the
//! rest. So the two cannot go apart, and whoever follows the store sees both.

mod definition;
mod workshop;

pub(crate) use definition::{Definition, Definitions, escaped, labels};
pub(crate) use workshop::{Unbuildable, Workshop, wants};

/// Providers that are made at one time. Each takes some kilobytes, and a line in every list and metric.
pub(crate) const MOST: usize = 500;
