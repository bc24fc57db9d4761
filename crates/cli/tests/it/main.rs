//! The command as people and programs use it: the real binary, in a folder of its own.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod auditing;
mod backups;
mod canary;
mod checking;
mod discretion;
mod guide;
mod keys;
mod making;
mod place;
mod postgres;
mod routing;
mod server;
mod serving;
mod session;
mod simulating;
mod testing;
mod transcript;
mod typing;
mod values;
