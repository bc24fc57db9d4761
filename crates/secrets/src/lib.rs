#![doc = include_str!("../README.md")]

mod reference;
mod secret;
mod source;

pub use reference::{InvalidReference, Reference};
pub use secret::Secret;
pub use source::{DotenvError, FetchError, Source, Variables};
