#![doc = include_str!("../README.md")]

mod target;

pub use target::{Outcome, Policy, TargetHealth};
