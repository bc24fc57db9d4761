//! The secret store of a server: where it is and how it is opened.

mod config;
mod error;
mod key_file;
mod place;
mod terminal;
mod unlock;

pub use config::{InvalidUnlock, SecretsConfig, UnlockSource};
pub use error::SecretsError;
pub use key_file::read_key_file;
pub use place::{STORE_NAME, StorePlace};
pub use terminal::Terminal;
pub use unlock::{KEY_FILE_VARIABLE, Prompt, credential};
