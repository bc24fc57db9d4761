#![doc = include_str!("../README.md")]

mod harden;
mod hook;
mod locked;
mod pages;
mod raw;
mod slab;
mod status;

pub use harden::{HardenError, harden};
pub use hook::install_panic_hook;
pub use locked::{Locked, OutOfMemory};
pub use pages::use_small_pages;
pub use status::{LockFailure, Status, locked_fully, regions, scan, status};
