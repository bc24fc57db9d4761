//! The socket from within: who is let in, and what becomes of what they send.

use std::path::Path;

use orchestra_providers::Catalogue;
use orchestra_secrets::Variables;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::*;
use crate::secrets::Vault;
use crate::{Config, LogSink, Server};

async fn app() -> Arc<App> {
    let config = Config::parse("[server]\nlisten = \"127.0.0.1:0\"\n", Path::new("x")).unwrap();
    let vault = Vault::without_store(Variables::from_pairs([("A", "b")]));
    let built = config.build(&Catalogue::embedded(), vault).await.unwrap();
    let server = Server::bind(&config, built, Arc::new(LogSink)).await;
    server.unwrap().into_app()
}

/// What somebody is answered who sends this.
async fn answer(trusted: Trusted, request: &str) -> String {
    let (mut client, server) = UnixStream::pair().unwrap();
    let serving = tokio::spawn(converse(server, app().await, trusted));
    client.write_all(request.as_bytes()).await.unwrap();
    let mut said = String::new();
    client.read_to_string(&mut said).await.unwrap();
    serving.await.unwrap();
    said
}

#[tokio::test]
async fn a_foreign_user_is_refused_whatever_they_ask_for() {
    for path in ["status", "seal", "unseal", "A", "check", "no/such/path"] {
        for method in ["GET", "POST", "PUT", "DELETE"] {
            let request = format!(
                "{method} /v1/secrets/{path} HTTP/1.1\r\nhost: x\r\ncontent-length: 0\r\n\r\n"
            );
            let said = answer(Trusted::nobody(), &request).await;
            assert!(said.starts_with("HTTP/1.1 403 "), "{method} {path}: {said}");
            assert!(said.contains("\"foreign_user\""), "{said}");
        }
    }
    let request = "GET /v1/secrets/status HTTP/1.1\r\nhost: x\r\n\r\n";
    let said = answer(Trusted::own(), request).await;
    assert!(said.starts_with("HTTP/1.1 200 "), "{said}");
}

#[tokio::test]
async fn every_answer_is_for_its_reader_alone() {
    for request in [
        "GET /v1/secrets/status HTTP/1.1\r\nhost: x\r\n\r\n",
        "GET /v1/secrets HTTP/1.1\r\nhost: x\r\n\r\n",
        "GET /nothing HTTP/1.1\r\nhost: x\r\n\r\n",
        "POST /v1/secrets HTTP/1.1\r\nhost: x\r\ncontent-length: 0\r\n\r\n",
    ] {
        let said = answer(Trusted::own(), request).await;
        assert!(said.contains("cache-control: no-store"), "{said}");
        assert!(said.contains("content-type: application/json"), "{said}");
    }
}
