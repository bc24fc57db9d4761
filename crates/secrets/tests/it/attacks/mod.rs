//! What attackers, crashes and crowds do to a store.

mod chance;
mod columns;
pub(crate) mod crowds;
mod dumps;
mod gate;
pub(crate) mod hand;
mod hidden;
mod histories;
pub(crate) mod kills;
mod leaks;
mod loose;
mod moves;
mod overtaken;
mod points;
mod quick;
mod rollbacks;
mod sealing;
mod servers;
mod whole;
mod windows;
