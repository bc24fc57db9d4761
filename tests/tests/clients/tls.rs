//! Providers behind TLS: HTTP/2 and HTTP/1.1, trusted and not.

use std::path::Path;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use tokio::process::Command;

use crate::harness::{Voice, bare, node, soon};

/// Writes an authority, and a certificate for `localhost` signed by it.
fn certificates(folder: &Path) {
    let key = || KeyPair::generate().expect("a key can be made");
    let mut authority = CertificateParams::default();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = CertifiedIssuer::self_signed(authority, key()).expect("it can be signed");
    let server_key = key();
    let server = CertificateParams::new(vec!["localhost".to_owned()]).expect("a valid name");
    let server = server
        .signed_by(&server_key, &authority)
        .expect("it can be signed");
    for (name, text) in [
        ("authority.pem", authority.pem()),
        ("server.pem", server.pem()),
        ("server.key", server_key.serialize_pem()),
    ] {
        std::fs::write(folder.join(name), text).expect("a file can be written");
    }
}

/// Asks through `orchestra chat` and returns what it printed, to people and in case of errors.
async fn chat(folder: &Path, trusted: &str, more: &[&str]) -> (String, String) {
    let mut command: Command = bare("orchestra", folder);
    command.env("SSL_CERT_FILE", folder.join(trusted));
    command
        .args(["chat", "--model", "behind-tls/m", "Hello"])
        .args(more);
    let done = soon("an answer", command.output())
        .await
        .expect("it can be started");
    let text = |bytes| String::from_utf8(bytes).expect("it prints text");
    (text(done.stdout), text(done.stderr))
}

async fn check(version: &str) {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let path = folder.path();
    certificates(path);
    let mut command = node("tls_upstream.mjs");
    command
        .arg(version)
        .arg(path.join("server.pem"))
        .arg(path.join("server.key"));
    let mut upstream = Voice::start(command);
    let port = upstream.hear("port").await;
    let config = format!(
        "[[providers]]\nname = \"behind-tls\"\nkind = \"openai-compatible\"\nbase_url = \"https://localhost:{port}/v1\"\n"
    );
    std::fs::write(path.join("orchestra.toml"), config).expect("a file can be written");

    let expected = format!("over {version}");
    assert_eq!(chat(path, "authority.pem", &[]).await.0.trim(), expected);
    assert_eq!(
        chat(path, "authority.pem", &["--stream"]).await.0.trim(),
        expected
    );
    // The server's own certificate is no authority for itself.
    let (answer, complaint) = chat(path, "missing.pem", &[]).await;
    assert!(
        answer.is_empty() && complaint.contains("could not be reached"),
        "{answer}{complaint}"
    );
    upstream.finish().await;
}

#[tokio::test]
async fn over_http_2() {
    check("2.0").await;
}

#[tokio::test]
async fn over_http_1() {
    check("1.1").await;
}
