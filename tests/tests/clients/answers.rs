//! What goes right: every kind of answer, whole and streamed, with the vendors' clients.

use crate::for_clients;
use crate::harness::{Client, Family, World, assert_signed};

for_clients!(answers);
for_clients!(streams);
for_clients!(keys);
for_clients!(parallel);
for_clients!(vectors: openai_python = OpenAiPython, openai_node = OpenAiNode);
for_clients!(upload: openai_python = OpenAiPython, openai_node = OpenAiNode);

async fn answers(client: Client) {
    let world = World::start().await;
    let (scenarios, paths): (&[&str], &[&str]) = match client.family() {
        Family::OpenAi => (
            &[
                "chat",
                "responses",
                "completions",
                "embeddings",
                "models",
                "alias",
            ],
            &[
                "/v1/chat/completions",
                "/v1/responses",
                "/v1/completions",
                "/v1/embeddings",
            ],
        ),
        Family::Anthropic => (
            &["messages", "count_tokens", "models", "alias"],
            &["/v1/messages", "/v1/messages/count_tokens"],
        ),
    };
    client.run(&world.server, scenarios).await;
    let log = world.upstream.log();
    assert_signed(&log);
    for path in paths {
        assert!(
            log.iter().any(|request| request.path == *path),
            "{path} in {log:?}"
        );
    }
    let named = log
        .iter()
        .filter_map(|request| request.json().ok()?["model"].as_str().map(str::to_owned));
    for model in named {
        // Neither aliases nor the provider's name are the provider's business.
        assert!(model.ends_with("-plain"), "{model} was asked for");
    }
}

/// Both clients ask for base64 by themselves, and Node's decodes whatever comes.
async fn vectors(client: Client) {
    let world = World::start().await;
    client.run(&world.server, &["embeddings_of_lists"]).await;
    let sent = world.upstream.log()[0].json().expect("a body");
    assert_eq!(sent["encoding_format"], "base64");
}

async fn streams(client: Client) {
    let world = World::start().await;
    let scenarios: &[&str] = match client.family() {
        Family::OpenAi => &[
            "chat_stream",
            "chat_stream_helper",
            "responses_stream",
            "completions_stream",
            "chat_tools",
            "responses_tools",
        ],
        Family::Anthropic => &["messages_stream", "raw_stream", "tools"],
    };
    client.run(&world.server, scenarios).await;
    assert_signed(&world.upstream.log());
}

async fn keys(client: Client) {
    let world = World::start().await;
    client.run(&world.server, &["wrong_key"]).await;
    assert_eq!(
        world.upstream.requests(),
        0,
        "a stranger's call reached the provider"
    );
    client.run(&world.server, &["either_header"]).await;
    assert_signed(&world.upstream.log());
}

async fn parallel(client: Client) {
    let world = World::start().await;
    client.run(&world.server, &["parallel"]).await;
    assert_eq!(
        world.upstream.requests(),
        100,
        "each call reached the provider once"
    );
}

async fn upload(client: Client) {
    let world = World::start().await;
    let facts = client.run(&world.server, &["upload"]).await;
    let log = world.upstream.log();
    assert_signed(&log);
    let [request] = log.as_slice() else {
        panic!("one request was expected: {log:?}")
    };
    let content: String = (0..5_000)
        .map(|number| format!("{{\"line\": {number}}}\n"))
        .collect();
    assert_eq!(facts["upload"]["file_bytes"], content.len());
    let body = String::from_utf8_lossy(&request.body);
    assert!(
        body.contains(&content),
        "the file did not arrive as it was sent"
    );
    let kind = request.header("content-type").unwrap_or_default();
    assert!(kind.starts_with("multipart/form-data; boundary="), "{kind}");
}
