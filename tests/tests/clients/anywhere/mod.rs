//! Any client on any upstream: each dialect translated into each other, with the vendors' own
//! clients, with frameworks, and with the coding agents that people use.
//!
//! The upstream is an agent's model that refuses what its vendor would refuse, so a wrong
//! translation of a request is an error; the clients validate answers and events against their
//! own types, so a wrong translation of an answer is one, too.

mod agents;
mod clients;
mod world;

use world::World;
