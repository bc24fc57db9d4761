//! `orchestra secrets …`

use std::ffi::OsString;
use std::fmt;
use std::path::PathBuf;

use clap::{Args, Subcommand};
use orchestra_secrets::{Name, Origin};

use super::keys::{Passwd, Rekey, Slots};
use crate::when::Expiry;

#[derive(Debug, Subcommand)]
pub(crate) enum Secrets {
    /// Make a store for secrets, and show its recovery key once
    Init(Init),
    /// Keep a value under a name; it is asked for, read from standard input or from a file
    Set(Set),
    /// List the secrets, without their values; works while the store is sealed
    List(Named),
    /// Say which of the keys that providers need are there; the exit code is 1 if one is missing
    Check,
    /// Give a secret a new value; where it may be sent, its service and labels stay
    Rotate(Rotate),
    /// Make a secret unusable and erase its value, or one version of it
    #[command(disable_version_flag = true)]
    Revoke(Revoke),
    /// Remove a secret with all its versions
    Rm(Remove),
    /// Take the keys of providers over from a .env file
    Import(Import),
    /// Write an encrypted backup of the whole store
    Export(Export),
    /// Make a store of a backup, where there is none
    Restore(Restore),
    /// Open and check everything in the store, or in a backup; the exit code is 1 if something is wrong
    Verify(Verify),
    /// Encrypt everything under a new key, or replace the root key
    Rekey(Rekey),
    /// Change the passphrase
    Passwd(Passwd),
    /// Show, add or remove ways to unseal the store
    #[command(subcommand)]
    Slots(Slots),
    /// Make the running server forget its keys
    Seal,
    /// Give the running server its keys
    Unseal(UnsealServer),
    /// Show the store, and whether a running server can use it
    Status,
    /// Accept that the database was put back to an older state
    AcceptRestore(AcceptRestore),
}

/// How this command opens the store, where the configuration does not say it.
#[derive(Debug, Default, Args)]
pub(crate) struct Unlock {
    /// Open the store with this key file
    #[arg(long, value_name = "FILE")]
    pub(crate) key_file: Option<PathBuf>,
    /// Open the store with the recovery key, which is asked for
    #[arg(long, conflicts_with = "key_file")]
    pub(crate) recovery: bool,
}

/// Where a new recovery key goes if not to the terminal.
#[derive(Debug, Args)]
pub(crate) struct RecoveryOut {
    /// Write the recovery key to this new file instead of showing it
    #[arg(long, value_name = "FILE")]
    pub(crate) recovery_out: Option<PathBuf>,
    /// Do not ask anything back
    #[arg(long, short)]
    pub(crate) yes: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Init {
    /// Lock the store with a passphrase; on a terminal the default
    #[arg(long)]
    pub(crate) passphrase: bool,
    /// Lock the store with the content of this file, for servers that start unattended
    #[arg(long, value_name = "FILE")]
    pub(crate) key_file: Option<PathBuf>,
    /// Make that file
    #[arg(long, requires = "key_file")]
    pub(crate) new_key_file: bool,
    /// Ask for passphrase and key file together: neither opens the store alone
    #[arg(long, requires = "key_file", conflicts_with = "passphrase")]
    pub(crate) both: bool,
    /// Stretch the passphrase with 64 MiB of memory instead of 256, for servers that have little
    #[arg(long)]
    pub(crate) light: bool,
    #[command(flatten)]
    pub(crate) recovery: RecoveryOut,
}

/// What is said about a secret that is set.
#[derive(Debug, Args)]
pub(crate) struct Set {
    /// What it is called; providers look for the name that their variable would have
    #[arg(value_name = "NAME", value_parser = super::name::parse)]
    pub(crate) name: Name,
    #[command(flatten)]
    pub(crate) value: ValueFrom,
    /// What it is for
    #[arg(long, value_name = "SERVICE")]
    pub(crate) service: Option<String>,
    /// The only place that it may be sent to
    #[arg(long, value_name = "URL", conflicts_with = "any_origin")]
    pub(crate) origin: Option<Origin>,
    /// It may be sent anywhere
    #[arg(long)]
    pub(crate) any_origin: bool,
    /// Words of your own; may be given several times
    #[arg(long = "label", value_name = "KEY=VALUE")]
    pub(crate) labels: Vec<String>,
    /// When it ends: a date such as 2027-06-30, or a time from now such as 90d
    #[arg(long, value_name = "WHEN")]
    pub(crate) expires: Option<Expiry>,
    #[command(flatten)]
    pub(crate) unlock: Unlock,
}

/// Where a value comes from.
#[derive(Args)]
pub(crate) struct ValueFrom {
    /// Read the value from this file
    #[arg(long, value_name = "FILE")]
    pub(crate) file: Option<PathBuf>,
    /// What somebody takes for the place of the value.
    #[arg(hide = true, num_args = 0.., value_name = "NOTHING_MORE")]
    pub(crate) more: Vec<OsString>,
}

impl fmt::Debug for ValueFrom {
    /// What was typed too much may be the secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ValueFrom")
            .field("file", &self.file)
            .finish_non_exhaustive()
    }
}

#[derive(Debug, Args)]
pub(crate) struct Named {
    /// Only this one
    #[arg(value_name = "NAME", value_parser = super::name::parse)]
    pub(crate) name: Option<Name>,
}

#[derive(Debug, Args)]
pub(crate) struct Rotate {
    /// Which secret
    #[arg(value_name = "NAME", value_parser = super::name::parse)]
    pub(crate) name: Name,
    #[command(flatten)]
    pub(crate) value: ValueFrom,
    /// When the new value ends: a date such as 2027-06-30, or a time from now such as 90d
    #[arg(long, value_name = "WHEN")]
    pub(crate) expires: Option<Expiry>,
    #[command(flatten)]
    pub(crate) unlock: Unlock,
}

#[derive(Debug, Args)]
pub(crate) struct Revoke {
    /// Which secret
    #[arg(value_name = "NAME", value_parser = super::name::parse)]
    pub(crate) name: Name,
    /// Only this version; without it, all of them
    #[arg(long, value_name = "N")]
    pub(crate) version: Option<u32>,
    /// Do not ask
    #[arg(long, short)]
    pub(crate) yes: bool,
    #[command(flatten)]
    pub(crate) unlock: Unlock,
}

#[derive(Debug, Args)]
pub(crate) struct Remove {
    /// Which secret
    #[arg(value_name = "NAME", value_parser = super::name::parse)]
    pub(crate) name: Name,
    /// Do not ask
    #[arg(long, short)]
    pub(crate) yes: bool,
    #[command(flatten)]
    pub(crate) unlock: Unlock,
}

#[derive(Debug, Args)]
pub(crate) struct Import {
    /// The .env file
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// Take over names that no provider uses, too; they may be sent anywhere
    #[arg(long)]
    pub(crate) all: bool,
    /// Say what would be done, and do nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
    #[command(flatten)]
    pub(crate) unlock: Unlock,
}

#[derive(Debug, Args)]
pub(crate) struct Export {
    /// The file to write, which must not be there yet
    #[arg(long, value_name = "FILE")]
    pub(crate) out: PathBuf,
    #[command(flatten)]
    pub(crate) unlock: Unlock,
}

#[derive(Debug, Args)]
pub(crate) struct Restore {
    /// The backup
    #[arg(value_name = "BACKUP")]
    pub(crate) file: PathBuf,
    #[command(flatten)]
    pub(crate) unlock: Unlock,
}

#[derive(Debug, Args)]
pub(crate) struct Verify {
    /// A backup; without it, the store
    #[arg(value_name = "BACKUP")]
    pub(crate) backup: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) unlock: Unlock,
}

#[derive(Debug, Args)]
pub(crate) struct UnsealServer {
    #[command(flatten)]
    pub(crate) unlock: Unlock,
}

#[derive(Debug, Args)]
pub(crate) struct AcceptRestore {
    /// The epoch that the database is at; the refusal names it
    #[arg(long, value_name = "N")]
    pub(crate) epoch: u64,
    #[command(flatten)]
    pub(crate) unlock: Unlock,
}
