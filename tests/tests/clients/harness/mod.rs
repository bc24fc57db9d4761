//! What the tests are made of: processes that tell what they do, the server, the clients
//! and the providers around it.

mod client;
mod server;
mod tools;
mod voice;
mod world;

pub(crate) use client::{Client, Family, Guest, node, python};
pub(crate) use server::{Server, bare};
pub(crate) use tools::{Tool, binary, repository};
pub(crate) use voice::Voice;
pub(crate) use world::{CLIENT_KEY, PROVIDER_KEY, World, assert_signed, nobody_listens};

use std::time::Duration;

/// The longest that anything here may take. Only a hanging test ever waits so long.
pub(crate) const PATIENCE: Duration = Duration::from_secs(120);

/// Waits for what must happen within [`PATIENCE`].
pub(crate) async fn soon<F: Future>(what: &str, future: F) -> F::Output {
    match tokio::time::timeout(PATIENCE, future).await {
        Ok(output) => output,
        Err(_) => panic!("{what} took longer than {PATIENCE:?}"),
    }
}
