//! What attackers, crashes and crowds do to a store.

mod chance;
mod dumps;
mod gate;
pub(crate) mod hand;
mod hidden;
mod histories;
mod moves;
mod points;
mod quick;
mod rollbacks;
mod sealing;
mod whole;
