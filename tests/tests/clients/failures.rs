//! What goes wrong, as the vendors' clients tell it: the class of the exception is part of
//! their interface, and applications rely on it.

use crate::for_clients;
use crate::harness::{Client, Family, PROVIDER_KEY, World, soon};

for_clients!(errors);
for_clients!(silence);
for_clients!(torn_streams);

async fn errors(client: Client) {
    let world = World::start().await;
    client
        .run(&world.server, &["unknown_model", "missing_messages"])
        .await;
    assert!(
        world.upstream.requests() <= 1,
        "only what a provider can judge goes to one: {:?}",
        world.upstream.log()
    );
    let mut scenarios = vec!["limited", "broken", "away", "locked", "page", "gone"];
    if client.family() == Family::Anthropic {
        scenarios.push("overloaded");
    }
    client.run(&world.server, &scenarios).await;
    let log = world.server.log();
    assert!(
        !log.contains(PROVIDER_KEY),
        "a provider's key is in the log: {log}"
    );
}

/// Nobody is waited for long, or asked twice.
const IMPATIENT: &str =
    "[timeouts]\nfirst_byte_seconds = 0.5\ntotal_seconds = 0.5\n[retries]\nas_last = 0\n";

/// A provider that says nothing is given up in time, streamed or not.
async fn silence(client: Client) {
    let world = World::with(IMPATIENT).await;
    client.run(&world.server, &["silent"]).await;
    let log = world.upstream.log();
    assert!(log.len() == 2, "both calls were sent once: {log:?}");
    for request in log {
        let gone = world
            .upstream
            .wait_until(|known| known.seq == request.seq && known.is_gone());
        soon("the gateway's leaving", gone).await;
    }
}

/// No stream that lacks its end looks complete to a client.
async fn torn_streams(client: Client) {
    let world = World::start().await;
    client.run(&world.server, &["torn", "torn_helper"]).await;
}
