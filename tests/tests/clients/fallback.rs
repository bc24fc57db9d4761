//! When the first provider fails before the client has seen anything, the second answers.

use crate::for_clients;
use crate::harness::{Client, Family, World, assert_signed};

for_clients!(fallback);

async fn fallback(client: Client) {
    let world = World::with("[timeouts]\nfirst_byte_seconds = 0.5\n").await;
    let facts = client.run(&world.server, &["fallback"]).await;
    let spare = match client.family() {
        Family::OpenAi => "spare-openai",
        Family::Anthropic => "spare-anthropic",
    };
    for name in ["broken", "silent", "fails-early", "gone"] {
        assert_eq!(facts["fallback"][name], spare, "{name}");
    }
    let log = world.spare.log();
    assert_signed(&log);
    // Two answers in one piece and four streams, each asked for once.
    assert_eq!(log.len(), 6, "{log:?}");
    assert_eq!(
        world.upstream.requests(),
        4,
        "all first providers but the one that is gone"
    );
}
