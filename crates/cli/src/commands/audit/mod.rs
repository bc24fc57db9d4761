//! `orchestra audit`: one file for each command.

mod export;
mod verify;

use std::path::Path;
use std::process::ExitCode;

use super::block_on;
use super::secrets::Desk;
use crate::arguments::audit::Audit;
use crate::output::Output;

/// Reads, checks or signs the audit log.
pub(crate) fn run(
    what: &Audit,
    config: Option<&Path>,
    output: &Output,
) -> anyhow::Result<ExitCode> {
    let desk = Desk::new(config, output)?;
    block_on(async {
        match what {
            Audit::Verify(arguments) => verify::run(arguments, &desk).await,
            Audit::Export(arguments) => export::run(arguments, &desk).await,
            Audit::Checkpoint(arguments) => verify::checkpoint(arguments, &desk).await,
            Audit::Tail(arguments) => export::tail(arguments, &desk).await,
        }
    })
}
