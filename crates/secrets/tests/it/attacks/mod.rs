//! What attackers, crashes and crowds do to a store.

pub(crate) mod hand;
mod hidden;
mod points;
mod quick;
mod rollbacks;
mod sealing;
mod whole;
