//! Commands of `orchestra secrets` about what the store is locked with.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use super::secrets::{RecoveryOut, Unlock};

#[derive(Debug, Args)]
pub(crate) struct Rekey {
    /// Replace the root key, all ways to unseal and the recovery key
    #[arg(long, conflicts_with = "destroy")]
    pub(crate) root: bool,
    /// With --root: let go of the ways to unseal whose passphrase or file is not at hand
    #[arg(long, requires = "root")]
    pub(crate) drop_others: bool,
    /// Destroy this old key version; backups from its time can then not be opened any more
    #[arg(long, value_name = "N")]
    pub(crate) destroy: Option<u32>,
    /// With --root: a key file that opens the store now and shall open it further on; may be given several times
    #[arg(long = "slot-key-file", requires = "root", value_name = "FILE")]
    pub(crate) slot_key_files: Vec<PathBuf>,
    /// Stretch the passphrase with 64 MiB of memory instead of 256, for servers that have little
    #[arg(long)]
    pub(crate) light: bool,
    #[command(flatten)]
    pub(crate) recovery: RecoveryOut,
    #[command(flatten)]
    pub(crate) unlock: Unlock,
}

#[derive(Debug, Args)]
pub(crate) struct Passwd {
    /// The slot whose passphrase is changed; needed where several have one
    #[arg(long, value_name = "N")]
    pub(crate) slot: Option<u32>,
    /// The key file of a slot that takes both
    #[arg(long, value_name = "FILE")]
    pub(crate) slot_key_file: Option<PathBuf>,
    /// Stretch the passphrase with 64 MiB of memory instead of 256, for servers that have little
    #[arg(long)]
    pub(crate) light: bool,
    #[command(flatten)]
    pub(crate) unlock: Unlock,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Slots {
    /// Show the ways to unseal
    List,
    /// Add a way to unseal
    Add(AddSlot),
    /// Remove a way to unseal
    Rm(RemoveSlot),
}

#[derive(Debug, Args)]
pub(crate) struct AddSlot {
    /// What will open the store
    #[arg(value_enum)]
    pub(crate) kind: NewSlot,
    /// The key file that will open it
    #[arg(long, value_name = "FILE")]
    pub(crate) slot_key_file: Option<PathBuf>,
    /// Make that file
    #[arg(long, requires = "slot_key_file")]
    pub(crate) new_key_file: bool,
    /// Stretch the passphrase with 64 MiB of memory instead of 256, for servers that have little
    #[arg(long)]
    pub(crate) light: bool,
    #[command(flatten)]
    pub(crate) unlock: Unlock,
}

/// What a slot may be made for. Recovery keys are made by `rekey --root` alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum NewSlot {
    /// A passphrase
    Passphrase,
    /// The content of a file
    KeyFile,
    /// Both together
    Both,
}

#[derive(Debug, Args)]
pub(crate) struct RemoveSlot {
    /// Its number, as `slots list` shows it
    #[arg(value_name = "N")]
    pub(crate) slot: u32,
    /// Do not ask
    #[arg(long, short)]
    pub(crate) yes: bool,
    #[command(flatten)]
    pub(crate) unlock: Unlock,
}
