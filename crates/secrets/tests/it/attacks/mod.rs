//! What attackers, crashes and crowds do to a store.

mod hand;
mod hidden;
mod quick;
mod whole;
