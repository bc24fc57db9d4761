//! One file for each command.

pub(crate) mod chat;
pub(crate) mod demo;
pub(crate) mod models;
pub(crate) mod providers;

use std::future::Future;
use std::path::Path;
use std::sync::Arc;

use anyhow::Context;
use orchestra_gateway::{Gateway, NoRecords};
use orchestra_server::{gateway, serve};

/// Runs a command's work on a runtime of one thread.
fn block_on<T>(work: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    runtime.context("no runtime can be started")?.block_on(work)
}

/// A gateway in this process, with the configuration and keys that a server would have here.
fn local_gateway(config: Option<&Path>) -> anyhow::Result<Gateway> {
    let (_, built) = serve::prepare(config, None)?;
    Ok(gateway(built, Arc::new(NoRecords), None)?)
}
