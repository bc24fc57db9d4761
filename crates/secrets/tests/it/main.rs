//! What the store does, seen from outside.

mod backend;
mod databases;
mod faults;
mod store;
mod stores;
