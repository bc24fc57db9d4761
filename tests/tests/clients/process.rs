//! The server as a process: how it stops, and when it refuses to start.

use std::net::TcpListener;

use orchestra_testkit::Outcome;
use tokio::net::TcpStream;

use crate::for_clients;
use crate::harness::{Client, Server, World, soon};

for_clients!(shutdown: openai_python = OpenAiPython, anthropic_node = AnthropicNode);

/// Told to stop, the server lets a running stream end, takes no new connection, and exits
/// with 0.
async fn shutdown(client: Client) {
    let world = World::start().await;
    let mut script = client.start(&world.server, &["outlive"]);
    script.hear("streaming").await;
    world.server.terminate().await;
    let address = world.server.address();
    soon("the closing of the door", async {
        while TcpStream::connect(address).await.is_ok() {
            tokio::task::yield_now().await;
        }
    })
    .await;
    assert_eq!(
        world.upstream.log()[0].outcome,
        Outcome::Open,
        "the stream is still running"
    );
    let told = script.finish().await;
    let text = told[0]["facts"]["text"].as_str().unwrap_or_default();
    assert!(text.ends_with(" token15"), "the stream was cut: {text}");
    let ended = world.server.ended().await;
    assert_eq!(ended.status.code(), Some(0), "{}", ended.log);
}

async fn refuses(config: &str, listen: &str, words: &[&str]) {
    let ended = Server::refused(config, listen).await;
    assert_eq!(ended.status.code(), Some(2), "{}", ended.log);
    for word in words {
        assert!(
            ended.log.contains(word),
            "{word:?} is missing in {}",
            ended.log
        );
    }
}

#[tokio::test]
async fn a_public_address_needs_a_client_key() {
    refuses("", "0.0.0.0:0", &["0.0.0.0", "ORCHESTRA_CLIENT_KEY"]).await;
}

#[tokio::test]
async fn a_misspelt_field_is_named_with_its_line_and_what_was_meant() {
    let config = "[server]\nmax_connectoins = 5\n";
    let words = ["orchestra.toml:2", "max_connectoins", "max_connections"];
    refuses(config, "127.0.0.1:0", &words).await;
}

#[tokio::test]
async fn a_port_in_use_is_named() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("there is a free port");
    let address = taken.local_addr().expect("it is bound").to_string();
    refuses("", &address, &["cannot listen on", &address]).await;
}

#[tokio::test]
async fn a_missing_key_is_named() {
    let config = "[[providers]]\nkind = \"openai\"\nkey = \"env:NOT_SET_ANYWHERE\"\n";
    refuses(config, "127.0.0.1:0", &["openai", "env:NOT_SET_ANYWHERE"]).await;
}
