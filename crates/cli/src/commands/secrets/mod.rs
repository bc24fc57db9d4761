//! `orchestra secrets`: one file for each command or two.

mod backup;
mod check;
mod control;
mod costs;
mod desk;
mod import;
mod init;
mod list;
mod locks;
mod needs;
mod offers;
mod passphrase;
mod private_file;
mod recovery;
mod rekey;
mod revoke;
mod seal;
mod set;
mod shown;
mod slots;
mod status;
mod unlock;
mod value;

use std::path::Path;
use std::process::ExitCode;

pub(crate) use desk::Desk;

use super::block_on;
use crate::arguments::secrets::Secrets;
use crate::output::Output;

/// Works on the secret store, or tells a running server to.
pub(crate) fn run(
    what: &Secrets,
    config: Option<&Path>,
    output: &Output,
) -> anyhow::Result<ExitCode> {
    let desk = Desk::new(config, output)?;
    block_on(async {
        match what {
            Secrets::Init(arguments) => init::run(arguments, &desk).await,
            Secrets::Set(arguments) => set::run(arguments, &desk).await,
            Secrets::List(arguments) => list::run(arguments, &desk).await,
            Secrets::Check => check::run(&desk).await,
            Secrets::Rotate(arguments) => set::rotate(arguments, &desk).await,
            Secrets::Revoke(arguments) => revoke::run(arguments, &desk).await,
            Secrets::Rm(arguments) => revoke::remove(arguments, &desk).await,
            Secrets::Import(arguments) => import::run(arguments, &desk).await,
            Secrets::Export(arguments) => backup::export(arguments, &desk).await,
            Secrets::Restore(arguments) => backup::restore(arguments, &desk).await,
            Secrets::Verify(arguments) => backup::verify(arguments, &desk).await,
            Secrets::Rekey(arguments) => rekey::run(arguments, &desk).await,
            Secrets::Passwd(arguments) => slots::passwd(arguments, &desk).await,
            Secrets::Slots(what) => slots::run(what, &desk).await,
            Secrets::Status => status::run(&desk).await,
            Secrets::AcceptRestore(arguments) => status::accept_restore(arguments, &desk).await,
            Secrets::Seal => seal::seal(&desk).await,
            Secrets::Unseal(arguments) => seal::unseal(arguments, &desk).await,
        }
    })
}
