#![doc = include_str!("../README.md")]

mod client_keys;

pub use client_keys::{ClientKeys, InvalidKeys, MIN_KEY_LENGTH};
