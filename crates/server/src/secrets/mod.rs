//! The secret store of a server: where it is, how it is opened, and what of it the gateway gets.

pub(crate) mod added;
mod attempt;
mod config;
pub(crate) mod control;
mod error;
mod keeper;
mod key_file;
mod place;
mod standing;
mod terminal;
mod unlock;
mod vault;
mod wants;

pub(crate) use added::Workshop;
pub use config::{InvalidUnlock, SecretsConfig, UnlockSource};
pub(crate) use control::of_store;
pub use error::SecretsError;
pub use keeper::Keeper;
pub(crate) use keeper::{Charge, ClientDesk, Clients, CountingSink, Dormant, Listing};
pub use key_file::read_key_file;
pub use place::{STORE_NAME, StorePlace};
pub(crate) use standing::chain;
pub use standing::{Sealing, Standing, Why};
pub use terminal::Terminal;
pub use unlock::{KEY_FILE_VARIABLE, Prompt, credential};
pub use vault::{NoPrompt, Vault};
pub(crate) use wants::{ClientWants, ProviderWants, WantedKey, Wants, usual};
