//! What attackers, crashes and crowds do to a store.

pub(crate) mod hand;
mod hidden;
mod quick;
mod whole;
