//! The largest body, to the byte, and how a client learns that its own is larger.

use orchestra_dialects::{Endpoint, Family};
use orchestra_testkit::Script;

use crate::client::{Client, call, chunked_request, request};
use crate::endpoints::{Wanted, assert_error, paths, sound_body};
use crate::stage::{CLIENT_KEY, Stage};

const LIMIT: usize = 2_000;

fn padded(endpoint: Endpoint, length: usize) -> Vec<u8> {
    let mut body = sound_body(endpoint).as_bytes().to_vec();
    body.resize(length, b' ');
    body
}

fn too_large() -> Wanted {
    Wanted {
        status: 413,
        code: "body_too_large",
        param: None,
        says: &["2000 bytes", "shorten it", "limits.max_body_bytes"],
    }
}

#[tokio::test]
async fn the_body_limit_is_exact_announced_and_chunked() {
    let limits = format!("[limits]\nmax_body_bytes = {LIMIT}");
    let stage = Stage::with("", &limits, Script::new()).await;
    for endpoint in Endpoint::SERVED {
        for path in paths(endpoint) {
            for length in [LIMIT - 1, LIMIT, LIMIT + 1] {
                let body = padded(endpoint, length);
                for bytes in [
                    request("POST", &path, &body),
                    chunked_request(&path, &body, 700),
                    chunked_request(&path, &body, LIMIT + 1),
                ] {
                    let answer = call(&stage, &bytes).await;
                    if length <= LIMIT {
                        assert_eq!(answer.status, 200, "{path} {length}: {}", answer.text());
                    } else {
                        let family = endpoint.dialect().family();
                        assert_error(&answer, family, &too_large(), &path);
                    }
                }
            }
        }
    }
    assert_eq!(stage.upstream.requests(), 6 * 3 * 2 * 3);
}

#[tokio::test]
async fn an_announced_length_over_the_limit_is_refused_before_the_body_comes() {
    let limits = format!("[limits]\nmax_body_bytes = {LIMIT}");
    let stage = Stage::with("", &limits, Script::new()).await;
    for length in ["2001", "18446744073709551615"] {
        let head = format!(
            "POST /v1/messages HTTP/1.1\r\nhost: gateway\r\nx-api-key: {CLIENT_KEY}\r\ncontent-length: {length}\r\n\r\n"
        );
        let answer = call(&stage, head.as_bytes()).await;
        if length == "2001" {
            assert_error(&answer, Family::Anthropic, &too_large(), length);
        } else {
            // No length that can be: refused below the routes, so without a body.
            assert_eq!(answer.status, 431);
        }
    }
    assert_eq!(stage.upstream.requests(), 0);
}

#[tokio::test]
async fn a_client_in_the_middle_of_a_large_body_still_reads_why_it_is_refused() {
    let limits = format!("[limits]\nmax_body_bytes = {LIMIT}");
    let stage = Stage::with("", &limits, Script::new()).await;
    let body = padded(Endpoint::ChatCompletions, 16 << 20);
    let path = Endpoint::ChatCompletions.path();
    for bytes in [
        request("POST", path, &body),
        chunked_request(path, &body, 64 << 10),
    ] {
        let answer = Client::to(stage.address).await.exchange(&bytes).await;
        let answer = answer.expect("the refusal was lost in a reset");
        assert_error(&answer, Family::OpenAi, &too_large(), "16 MiB");
    }
    assert_eq!(stage.upstream.requests(), 0);
}
