//! How the providers fare: what real traffic tells, and what they answer when they are asked.

mod probes;
mod standing;
mod tally;
mod view;

pub(crate) use probes::Probes;
pub(crate) use standing::Standing;
pub use standing::Status;
pub(crate) use view::{detail, portkey, providers, status_of, summary};

#[cfg(test)]
mod tests;
