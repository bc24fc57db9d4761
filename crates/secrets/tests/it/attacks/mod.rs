//! What attackers, crashes and crowds do to a store.

mod chance;
mod clocks;
mod clones;
mod columns;
pub(crate) mod crowds;
#[cfg(target_os = "linux")]
pub(crate) mod disks;
mod dumps;
mod flawed;
mod gate;
pub(crate) mod hand;
mod hidden;
mod histories;
pub(crate) mod kills;
mod leaks;
mod loose;
#[cfg(target_os = "linux")]
pub(crate) mod memory;
mod moves;
mod overtaken;
mod points;
mod quick;
mod rollbacks;
mod sealing;
mod servers;
mod whole;
mod windows;
