//! A gateway that serves with keys of the store, and an operator beside it.

use std::fs;

use orchestra_testkit::{Received, Script, Upstream};

use crate::canary::{MISTYPED, PASSPHRASE, SECOND, VALUE};
use crate::place::{Place, text};
use crate::server::Server;
use crate::session::Session;

/// A provider, and a configuration that names it.
fn provider(place: &Place) -> Upstream {
    let upstream = Upstream::start(Script::new()).unwrap();
    place.write(
        "orchestra.toml",
        &format!(
            "[server]\nlisten = \"127.0.0.1:0\"\n\n[[providers]]\nkind = \"openai\"\nbase_url = \"{}/v1\"\n",
            upstream.base_url()
        ),
    );
    upstream
}

/// The key that the latest call was made with.
fn key_of(upstream: &Upstream) -> String {
    let calls = upstream.log();
    let authorization = calls
        .last()
        .and_then(|call: &Received| call.header("authorization"));
    authorization
        .unwrap()
        .strip_prefix("Bearer ")
        .unwrap()
        .to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_first_time_user() {
    let place = Place::new();
    let upstream = provider(&place);
    place.init();
    place
        .run(["secrets", "check"])
        .exits(1)
        .says("Missing: OPENAI_API_KEY");
    place.set("OPENAI_API_KEY", VALUE);
    place.run(["secrets", "check"]).succeeds();

    let server = Server::start(&place);
    server
        .until("/health/ready", |answer| answer.status == 200)
        .await;
    let answer = server.chat("gpt-5-mini").await;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert!(
        answer.body.contains("Hello from the scripted provider."),
        "{answer:?}"
    );
    assert_eq!(key_of(&upstream), VALUE);
    place
        .run(["secrets", "status"])
        .succeeds()
        .says("runs, unsealed")
        .says("openai: ready");

    // A rotated key is picked up without a restart.
    place
        .pipe(SECOND.as_bytes(), ["secrets", "rotate", "OPENAI_API_KEY"])
        .succeeds();
    let changed = std::time::Instant::now();
    while key_of(&upstream) != SECOND {
        assert!(changed.elapsed().as_secs() < 30, "the new key is not used");
        assert_eq!(server.chat("gpt-5-mini").await.status, 200);
    }

    place
        .run(["secrets", "status"])
        .succeeds()
        .says("store:OPENAI_API_KEY version 2");

    // Sealed, it takes no calls; unsealed, it does again.
    place
        .run(["secrets", "seal"])
        .succeeds()
        .says("forgotten its keys");
    assert_eq!(server.chat("gpt-5-mini").await.status, 503);
    let ready = server.get("/health/ready").await;
    assert!(
        ready.status == 503 && ready.body.contains("sealed"),
        "{ready:?}"
    );
    place
        .run(["secrets", "status"])
        .succeeds()
        .says("runs, sealed")
        .says("openai: sealed");
    assert_eq!(
        place.run(["secrets", "status", "--json"]).json()["server"]["sealed"],
        true
    );
    place
        .run(["secrets", "unseal"])
        .succeeds()
        .says("is unsealed");
    place
        .run(["secrets", "unseal"])
        .succeeds()
        .says("is not sealed");
    assert_eq!(server.chat("gpt-5-mini").await.status, 200);
    assert_eq!(key_of(&upstream), SECOND);

    // The other commands have the store's keys, too.
    place.run(["providers", "list"]).succeeds().says("in use");
    place.run(["providers", "test"]).succeeds().says("working");
    place
        .run(["chat", "--model", "openai/gpt-5-mini", "Hello"])
        .succeeds()
        .says("Hello from");
    // Nobody knows what scripted models cost.
    let listed = place.run(["models"]).succeeds();
    listed.says("OUTPUT $/M").says("unknown");
    let listed = place.run(["models", "--json"]).succeeds();
    listed.says("\"price\":null");

    // A backup, proved, and restored elsewhere.
    place
        .run(["secrets", "export", "--out", "backup"])
        .succeeds();
    place.run(["secrets", "verify", "backup"]).succeeds();
    let log = server.stops();
    assert!(log.contains("secret store"), "{log}");
    place.run(["secrets", "verify"]).succeeds();
    place.run(["audit", "verify"]).succeeds();
    place
        .run(["audit", "tail", "-n", "50"])
        .succeeds()
        .says("secret.used");

    let elsewhere = Place::new();
    for file in ["work/backup", "work/orchestra.toml", "keys/key"] {
        fs::copy(place.folder().join(file), elsewhere.folder().join(file)).unwrap();
    }
    elsewhere.run(["secrets", "restore", "backup"]).succeeds();
    let server = Server::start(&elsewhere);
    server
        .until("/health/ready", |answer| answer.status == 200)
        .await;
    assert_eq!(server.chat("gpt-5-mini").await.status, 200);
    assert_eq!(key_of(&upstream), SECOND);
    server.stops();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_nobody_unsealed_waits_for_an_operator() {
    let place = Place::new();
    let upstream = provider(&place);
    let mut session = Session::start(&place, &["secrets", "init", "--light", "--yes"]);
    for question in ["New passphrase", "Once more"] {
        session.answers(question, PASSPHRASE);
    }
    session.succeeds();
    let mut session = Session::start(&place, &["secrets", "set", "OPENAI_API_KEY"]);
    session.answers("Passphrase of the secret store: ", PASSPHRASE);
    session.answers("(not shown): ", VALUE);
    session.succeeds();

    let server = Server::start(&place);
    assert_eq!(server.get("/health/live").await.status, 200);
    assert_eq!(server.get("/health/ready").await.status, 503);
    assert_eq!(server.chat("gpt-5-mini").await.status, 503);
    // Without a terminal there is nothing to give it.
    place.run(["secrets", "unseal"]).refuses("no terminal");
    let mut session = Session::start(&place, &["secrets", "unseal"]);
    session.answers("Passphrase of the secret store: ", MISTYPED);
    session.waits_for("Tries left: 2");
    session.answers("Passphrase of the secret store: ", PASSPHRASE);
    assert!(session.succeeds().contains("is unsealed"));
    assert_eq!(server.chat("gpt-5-mini").await.status, 200);
    assert_eq!(key_of(&upstream), VALUE);
    let mut session = Session::start(&place, &["chat", "--model", "openai/gpt-5-mini", "Hello"]);
    session.answers("passphrase of the secret store: ", PASSPHRASE);
    assert!(session.succeeds().contains("Hello from"));
    server.stops();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_server_refuses_is_told() {
    let place = Place::with_store();
    let _upstream = provider(&place);
    place.set("OPENAI_API_KEY", VALUE);
    let other = Place::with_store();
    let key = other.key("key");
    let server = Server::start(&place);
    server
        .until("/health/ready", |answer| answer.status == 200)
        .await;
    place.run(["secrets", "seal"]).succeeds();
    place
        .run(["secrets", "unseal", "--key-file", text(&key)])
        .refuses("does not open the store");
    assert_eq!(server.chat("gpt-5-mini").await.status, 503);
    place.run(["secrets", "unseal", "--json"]).succeeds();
    assert_eq!(server.chat("gpt-5-mini").await.status, 200);
    server.stops();
}

#[test]
fn without_a_server_there_is_nothing_to_seal() {
    let place = Place::with_store();
    for command in ["seal", "unseal"] {
        place
            .run(["secrets", command])
            .refuses("no server runs that uses this store");
        // What a server left behind is no server.
        drop(std::os::unix::net::UnixListener::bind(place.file("orchestra-secrets.sock")).unwrap());
        place.run(["secrets", command]).refuses("nobody listens at");
        fs::remove_file(place.file("orchestra-secrets.sock")).unwrap();
    }
    place
        .run(["secrets", "status"])
        .succeeds()
        .says("none runs here");
}
