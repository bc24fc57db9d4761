//! Portkey's own clients, unchanged but for the address.

use std::collections::BTreeMap;

use orchestra_testkit::{Received, Script, Upstream};
use serde_json::json;

use crate::for_clients;
use crate::harness::{CLIENT_KEY, Client, PROVIDER_KEY, Server, World, assert_signed};

for_clients!(answers: python = PortkeyPython, node = PortkeyNode);
for_clients!(keys: python = PortkeyPython, node = PortkeyNode);
for_clients!(callers_own_key: python = PortkeyPython, node = PortkeyNode);
for_clients!(no_client_keys: python = PortkeyPython, node = PortkeyNode);
for_clients!(configs: python = PortkeyPython, node = PortkeyNode);
for_clients!(kept_answers: python = PortkeyPython, node = PortkeyNode);
for_clients!(retries: python = PortkeyPython, node = PortkeyNode);
for_clients!(edits: python = PortkeyPython, node = PortkeyNode);
for_clients!(errors: python = PortkeyPython, node = PortkeyNode);
for_clients!(torn_streams: python = PortkeyPython, node = PortkeyNode);
for_clients!(rest: python = PortkeyPython, node = PortkeyNode);
for_clients!(made_providers: python = PortkeyPython, node = PortkeyNode);
for_clients!(administrators: python = PortkeyPython, node = PortkeyNode);

/// A config that a client names by its id. Its first target fails.
const SAVED: &str = r#"
[configs.pc-everyday]
strategy = { mode = "fallback", on_status_codes = [500] }
targets = [
    { provider = "@broken-openai", override_params = { model = "gpt-broken" } },
    { provider = "@spare-openai" },
]
"#;

async fn world() -> World {
    World::with(SAVED).await
}

/// The calls of a log, of which none holds a header of Portkey's.
fn calls(log: Vec<Received>) -> Vec<Received> {
    for request in &log {
        let leaked = request
            .headers
            .iter()
            .any(|(name, _)| name.starts_with("x-portkey-"));
        assert!(!leaked, "{request:?}");
    }
    log
}

async fn answers(client: Client) {
    let world = world().await;
    let scenarios = [
        "chat",
        "chat_stream",
        "embeddings",
        "responses",
        "messages",
        "create_headers",
        "models",
        "traces",
    ];
    client.run(&world.server, &scenarios).await;
    assert_signed(&calls(world.upstream.log()));
    assert_signed(&calls(world.spare.log()));
    if client == Client::PortkeyPython {
        let log = world.upstream.log();
        let mut vectors = log.iter().filter(|call| call.path.ends_with("embeddings"));
        let body = vectors.next().and_then(|call| call.json().ok());
        // What the gateway would have to write anew if the provider had only lists.
        assert_eq!(body.expect("a call")["encoding_format"], "base64");
    }
}

/// With the operator's keys, which are named in every way that there is.
async fn keys(client: Client) {
    let world = world().await;
    client.run(&world.server, &["wrong_key"]).await;
    assert_eq!(world.upstream.requests(), 0, "a stranger's call went on");
    client.run(&world.server, &["slugs"]).await;
    assert_signed(&calls(world.spare.log()));
    assert_eq!(world.upstream.requests(), 0, "a call went elsewhere");
    for call in world.spare.log() {
        assert_eq!(call.json().expect("a body")["model"], "gpt-plain");
    }
}

/// A provider's key that comes with the call goes to that provider, and the gateway's to nobody.
async fn callers_own_key(client: Client) {
    let world = world().await;
    client.run(&world.server, &["own_key"]).await;
    let log = calls(world.upstream.log());
    assert_eq!(log.len(), 2, "{log:?}");
    for call in log {
        let sent = call.header("authorization");
        assert_eq!(sent, Some("Bearer the-callers-own-key"));
        let leaked = |(_, value): &(String, String)| value.contains(CLIENT_KEY);
        assert!(!call.headers.iter().any(leaked), "{call:?}");
    }
}

/// On the machine of one who has no keys for clients: theirs are the provider's then, or none.
async fn no_client_keys(client: Client) {
    let upstream = Upstream::start(Script::new()).expect("there is a free port");
    let config = format!(
        "[[providers]]\nkind = \"openai\"\nbase_url = \"{}/v1\"\n",
        upstream.base_url()
    );
    let server = Server::start(&config).await;
    client.run(&server, &["keyless"]).await;
    let sent = calls(upstream.log());
    let sent: Vec<&str> = sent
        .iter()
        .filter_map(|call| call.header("authorization")?.strip_prefix("Bearer "))
        .collect();
    let own = "the-callers-own-key";
    assert_eq!(sent, [PROVIDER_KEY, PROVIDER_KEY, own, own]);
}

async fn configs(client: Client) {
    let world = world().await;
    let scenarios = [
        "nested",
        "conditional",
        "request_timeout",
        "saved",
        "default_model",
    ];
    client.run(&world.server, &scenarios).await;
    assert_signed(&calls(world.upstream.log()));
    assert_signed(&calls(world.spare.log()));
}

/// What was answered once is not asked for again.
async fn kept_answers(client: Client) {
    let world = world().await;
    client.run(&world.server, &["cache"]).await;
    let log = calls(world.spare.log());
    assert_signed(&log);
    // For each way to say it three calls and a stream, and one call that says nothing.
    assert_eq!(log.len(), 2 * (3 + 1) + 1, "{log:?}");
}

/// Asking the same target again is the gateway's affair.
async fn retries(client: Client) {
    let world = world().await;
    client.run(&world.server, &["retry"]).await;
    assert_eq!(calls(world.spare.log()).len(), 2);
}

async fn edits(client: Client) {
    let world = world().await;
    client.run(&world.server, &["overrides", "forwarded"]).await;
    let log = calls(world.spare.log());
    let [overridden, forwarded] = log.as_slice() else {
        panic!("two calls were expected: {log:?}")
    };
    assert_eq!(forwarded.header("x-custom"), Some("wanted"));
    assert_eq!(forwarded.header("x-other"), None);
    let body = overridden.json().expect("a body");
    assert_eq!(
        (&body["temperature"], &body["model"]),
        (&json!(0.25), &json!("gpt-plain"))
    );
}

/// Nothing that was sent once is sent again by the client, however it ended.
async fn errors(client: Client) {
    let world = World::with(&format!("{SAVED}[retries]\nas_last = 0\n")).await;
    client.run(&world.server, &["bad_configs"]).await;
    assert_eq!(
        (world.upstream.requests(), world.spare.requests()),
        (0, 0),
        "nothing was to be sent"
    );
    client.run(&world.server, &["limited"]).await;
    assert_eq!(world.upstream.requests(), 1, "the client asked once");
    client.run(&world.server, &["broken"]).await;
    let log = calls(world.upstream.log());
    assert_eq!(log.len(), 1 + 5, "each call was to be sent once: {log:?}");
}

/// No stream that lacks its end looks complete.
async fn torn_streams(client: Client) {
    let world = world().await;
    client.run(&world.server, &["torn"]).await;
    assert_eq!(
        world.upstream.requests(),
        8,
        "each stream was asked for once"
    );
}

/// What the clients save and tell, besides calls.
async fn rest(client: Client) {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let file = folder.path().join("kept.db");
    let portkey = format!("[portkey]\nadmin_keys = [\"app\"]\npath = {file:?}\n");
    let world = World::with(&format!("{SAVED}{portkey}")).await;
    let scenarios = ["saved_configs", "feedback", "logs", "providers"];
    client.run(&world.server, &scenarios).await;
    assert_signed(&calls(world.upstream.log()));
    assert_signed(&calls(world.spare.log()));
    let kept = std::fs::read(&file).expect("the file");
    assert!(!kept.is_empty());
}

/// Providers and virtual keys that are made while the gateway runs are called with their own keys.
async fn made_providers(client: Client) {
    let world = World::with_store().await;
    client.run(&world.server, &["made_providers"]).await;
    let mut sent = BTreeMap::new();
    for call in calls(world.upstream.log()) {
        let key = call.header("authorization").unwrap_or_default();
        *sent.entry(key.to_owned()).or_insert(0) += 1;
    }
    let key = |key: &str| format!("Bearer {key}");
    let expected = [(key("the-first-key"), 5), (key("the-second-key"), 4)];
    assert_eq!(sent, BTreeMap::from(expected));
    assert!(!world.server.log().contains("the-first-key"));
}

/// An application's key changes nothing that others go by.
async fn administrators(client: Client) {
    let world = world().await;
    client.run(&world.server, &["not_an_admin"]).await;
}
