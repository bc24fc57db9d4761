#![doc = include_str!("../README.md")]

mod conversations;
mod error;
mod schema;

pub use conversations::SqliteConversations;
pub use error::OpenError;
