//! `orchestra audit …`

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use super::secrets::Unlock;

#[derive(Debug, Subcommand)]
pub(crate) enum Audit {
    /// Check that the log is whole and genuine; names the first bad entry, and the exit code is then 1
    Verify(Verify),
    /// Print all entries, or those after one
    Export(Export),
    /// Sign what the log holds now, to be kept elsewhere
    Checkpoint(Checkpoint),
    /// Print the last entries
    Tail(Tail),
}

#[derive(Debug, Args)]
pub(crate) struct Verify {
    /// A checkpoint that was kept elsewhere: the log must still hold what it covers
    #[arg(long, value_name = "FILE")]
    pub(crate) checkpoint: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) unlock: Unlock,
}

#[derive(Debug, Args)]
pub(crate) struct Export {
    /// Only entries after this one
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(crate) after: u64,
    /// How entries look
    #[arg(long, value_enum, default_value_t = Format::Jsonl)]
    pub(crate) format: Format,
    #[command(flatten)]
    pub(crate) unlock: Unlock,
}

/// How entries of the log look.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// One JSON object a line
    Jsonl,
    /// One line each, for people
    Text,
}

#[derive(Debug, Args)]
pub(crate) struct Checkpoint {
    /// Write it to this new file instead of printing it
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) unlock: Unlock,
}

#[derive(Debug, Args)]
pub(crate) struct Tail {
    /// How many
    #[arg(short = 'n', long = "lines", value_name = "N", default_value_t = 10)]
    pub(crate) count: u32,
    #[command(flatten)]
    pub(crate) unlock: Unlock,
}
