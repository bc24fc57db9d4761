#![doc = include_str!("../README.md")]

mod configs;
mod conversations;
mod database;
mod error;
mod notes;
mod schema;

pub use configs::{ConfigVersion, Configs, SavedConfig};
pub use conversations::SqliteConversations;
pub use database::Database;
pub use error::{Failed, OpenError};
pub use notes::{Asked, Note, NoteBounds, NoteError, NoteKind, Notes, Page};
