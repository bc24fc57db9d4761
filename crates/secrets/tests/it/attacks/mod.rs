//! What attackers, crashes and crowds do to a store.

mod chance;
mod columns;
pub(crate) mod crowds;
mod dumps;
mod gate;
pub(crate) mod hand;
mod hidden;
mod histories;
mod leaks;
mod moves;
mod points;
mod quick;
mod rollbacks;
mod sealing;
mod whole;
mod windows;
