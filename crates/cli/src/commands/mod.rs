//! One file for each command.

pub(crate) mod audit;
pub(crate) mod chat;
mod checks;
pub(crate) mod demo;
pub(crate) mod models;
pub(crate) mod providers;
pub(crate) mod route;
pub(crate) mod secrets;
pub(crate) mod simulate;
pub(crate) mod test;

use std::future::Future;
use std::path::Path;
use std::sync::Arc;

use anyhow::Context;
use orchestra_gateway::{Gateway, NoRecords};
use orchestra_server::secrets::{NoPrompt, Prompt, Terminal};
use orchestra_server::{gateway, serve};

/// Runs a command's work on a runtime of one thread.
fn block_on<T>(work: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    runtime.context("no runtime can be started")?.block_on(work)
}

/// A gateway in this process, with the configuration and keys that a server would have here. A secret store is unsealed
/// as it would be for a server; its passphrase is asked for at the terminal.
async fn local_gateway(config: Option<&Path>) -> anyhow::Result<Gateway> {
    gateway_with(config, Arc::new(Terminal::default())).await
}

/// The same, but nobody is asked for anything: a store that only a person can unseal stays sealed.
async fn unattended_gateway(config: Option<&Path>) -> anyhow::Result<Gateway> {
    gateway_with(config, Arc::new(NoPrompt)).await
}

async fn gateway_with(config: Option<&Path>, prompt: Arc<dyn Prompt>) -> anyhow::Result<Gateway> {
    let (_, built) = serve::prepare(config, None, prompt).await?;
    built.keeper.unlock_or_ask().await;
    Ok(gateway(built, Arc::new(NoRecords), None)?)
}
