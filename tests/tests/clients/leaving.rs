//! A client that leaves in mid-stream stops the provider's work at once: every token that
//! nobody reads costs money.

use std::time::{Duration, Instant};

use tokio::time::timeout;

use crate::for_clients;
use crate::harness::{Client, World};

for_clients!(leaving);

/// What is promised. On an idle machine it takes a few milliseconds.
const PROMPTLY: Duration = Duration::from_secs(1);

async fn leaving(client: Client) {
    let world = World::start().await;
    let mut script = client.start(&world.server, &["leave"]);
    script.hear("leaving").await;
    let left = Instant::now();
    let gone = timeout(PROMPTLY, world.upstream.wait_for_gone()).await;
    let took = left.elapsed();
    assert!(
        gone.is_ok(),
        "the provider was still sending {took:?} after the client had left"
    );
    report(client, took);
    script.finish().await;
}

#[expect(
    clippy::print_stdout,
    reason = "a measurement is only of use if it can be read"
)]
fn report(client: Client, took: Duration) {
    println!("{client:?} left, and the provider knew after {took:?}");
}
