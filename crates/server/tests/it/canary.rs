//! No key in any answer or in the log, whatever fails: the keys of the tests are looked for in
//! everything that the gateway says, with the log at its most talkative.

use std::io::{self, Write};
use std::sync::{Arc, Mutex, PoisonError};

use orchestra_dialects::Endpoint;
use orchestra_testkit::{At, Behaviour, How, Script};
use tracing::subscriber::DefaultGuard;
use tracing_subscriber::fmt::MakeWriter;

use crate::client::{Client, request, request_with};
use crate::endpoints::{paths, sound_body, streamed_body};
use crate::stage::{CLIENT_KEY, OTHER_KEY, PROVIDER_KEY, Stage};

/// What a caller presents who has no key of this gateway, perhaps a real one of another.
const FOREIGN_KEY: &str = "foreign-canary-0123456789-abcdef";

/// All that the gateway said: its log, and what is added to it.
#[derive(Clone, Default)]
pub(crate) struct Said(Arc<Mutex<Vec<u8>>>);

impl Write for Said {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Said {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        self.clone()
    }
}

impl Said {
    /// Listens to this thread, on which the whole gateway of a test runs.
    pub(crate) fn listen() -> (Self, DefaultGuard) {
        let said = Self::default();
        let log = tracing_subscriber::fmt()
            .with_max_level(tracing::Level::TRACE)
            .with_ansi(false)
            .with_writer(said.clone())
            .finish();
        let guard = tracing::subscriber::set_default(log);
        (said, guard)
    }

    pub(crate) fn take(&self) -> String {
        let bytes = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        String::from_utf8_lossy(&bytes).into_owned()
    }
}

/// The first key in a text, with the words around it.
fn excerpt(text: &str) -> Option<String> {
    let keys = [CLIENT_KEY, OTHER_KEY, PROVIDER_KEY, FOREIGN_KEY];
    let at = keys.iter().find_map(|key| text.find(key))?;
    let around = text
        .as_bytes()
        .get(at.saturating_sub(40)..text.len().min(at + 40));
    Some(String::from_utf8_lossy(around.unwrap_or_default()).into_owned())
}

/// Sends the request; what the client saw of the answer, whole or not.
async fn all_that_is_seen(stage: &Stage, bytes: &[u8]) -> String {
    let mut client = Client::to(stage.address).await;
    let bytes = String::from_utf8_lossy(bytes).replacen("\r\n", "\r\nconnection: close\r\n", 1);
    client.send(bytes.as_bytes()).await;
    String::from_utf8_lossy(&client.closed().await.0).into_owned()
}

/// Plays each request against each upstream; names the pairs in which a key was seen.
async fn leaks(upstreams: Vec<(String, Behaviour)>, requests: &[(String, Vec<u8>)]) -> Vec<String> {
    let (said, _guard) = Said::listen();
    let mut leaks = Vec::new();
    let mut logged = 0;
    for (what, upstream) in upstreams {
        let limits = "[timeouts]\nfirst_byte_seconds = 0.2\nidle_seconds = 0.2\ntotal_seconds = 0.2\nhold_back_seconds = 0.2";
        let stage = Stage::with("", limits, Script::new().otherwise(upstream)).await;
        for (name, bytes) in requests {
            let seen = all_that_is_seen(&stage, bytes).await;
            assert!(!seen.is_empty(), "{what} {name}: closed without an answer");
            let log = said.take();
            logged += log.len();
            let (head, body) = seen.split_once("\r\n\r\n").unwrap_or((&seen, ""));
            for (place, text) in [("head", head), ("body", body), ("log", &log)] {
                leaks
                    .extend(excerpt(text).map(|words| format!("{what}, {name}, {place}: {words}")));
            }
        }
    }
    assert!(logged > 0, "the log was not listened to");
    leaks
}

/// Answers that go wrong in every way, each of them with the gateway's key in its words.
fn failing_upstreams() -> Vec<(String, Behaviour)> {
    let words = format!("Incorrect API key provided: {PROVIDER_KEY}.");
    let mut upstreams: Vec<(String, Behaviour)> = Vec::new();
    for status in [
        400, 401, 402, 403, 404, 408, 409, 413, 422, 429, 500, 502, 503, 529,
    ] {
        let native = Behaviour::error_with(status, "some_code", words.clone())
            .header("x-request-id", PROVIDER_KEY)
            .header("request-id", PROVIDER_KEY)
            .header(
                "www-authenticate",
                format!("Bearer realm=\"{PROVIDER_KEY}\""),
            );
        upstreams.push((format!("{status}"), native));
        upstreams.push((
            format!("{status} as code"),
            Behaviour::error_with(status, PROVIDER_KEY, "no"),
        ));
        upstreams.push((
            format!("{status} as a page"),
            Behaviour::html(status, format!("<p>{words}</p>")),
        ));
        upstreams.push((
            format!("{status} as text"),
            Behaviour::raw(status, "text/plain", words.clone()),
        ));
    }
    upstreams.extend([
        ("a redirect".to_owned(), Behaviour::redirect(format!("http://127.0.0.1:9/?key={PROVIDER_KEY}"))),
        ("no HTTP".to_owned(), Behaviour::garbage(format!("{words}\r\n\r\n"))),
        ("a header that is none".to_owned(), Behaviour::garbage(format!("HTTP/1.1 200 OK\r\n{PROVIDER_KEY} x\r\n\r\n"))),
        ("broken JSON".to_owned(), Behaviour::json(200, format!("{{\"error\": \"{words}"))),
        ("an error with status 200".to_owned(), Behaviour::json(200, format!("{{\"error\":{{\"message\":\"{words}\",\"type\":\"x\",\"code\":null,\"param\":null}}}}"))),
        ("silence".to_owned(), Behaviour::hang()),
        ("a close".to_owned(), Behaviour::answer().interrupt(At::BeforeHeaders, How::Close)),
        ("a reset".to_owned(), Behaviour::answer().interrupt(At::AfterBytes(20), How::Reset)),
    ]);
    upstreams
}

/// Streams that fail, before and after their first content, with the key in their words.
fn failing_streams() -> Vec<(String, Behaviour)> {
    let error = format!(
        "event: error\ndata: {{\"type\":\"error\",\"error\":{{\"type\":\"authentication_error\",\"message\":\"Incorrect API key provided: {PROVIDER_KEY}.\",\"code\":\"x\",\"param\":null}}}}\n\n"
    );
    let chat = "data: {\"id\":\"c\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"m\",\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"Hi\"},\"finish_reason\":null}]}\n\n";
    let messages = "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"id\":\"m\",\"type\":\"message\",\"role\":\"assistant\",\"model\":\"m\",\"content\":[],\"stop_reason\":null,\"stop_sequence\":null,\"usage\":{\"input_tokens\":1,\"output_tokens\":1}}}\n\n\
        event: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":\"text\",\"text\":\"\"}}\n\n\
        event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\"Hi\"}}\n\n";
    vec![
        (
            "an error event first".to_owned(),
            Behaviour::sse(error.clone()),
        ),
        (
            "an error event behind chat".to_owned(),
            Behaviour::sse(format!("{chat}{error}")),
        ),
        (
            "an error event behind messages".to_owned(),
            Behaviour::sse(format!("{messages}{error}")),
        ),
    ]
}

fn understood() -> Vec<(String, Vec<u8>)> {
    let whole = Endpoint::SERVED.map(|endpoint| (endpoint, sound_body(endpoint).to_owned()));
    let streaming = [Endpoint::ChatCompletions, Endpoint::Messages]
        .map(|endpoint| (endpoint, streamed_body(endpoint)));
    let requests = whole.into_iter().chain(streaming);
    requests
        .map(|(endpoint, body)| {
            (
                endpoint.to_string(),
                request("POST", endpoint.path(), body.as_bytes()),
            )
        })
        .collect()
}

#[tokio::test]
async fn what_an_upstream_says_of_the_key_stays_with_the_gateway() {
    let mut upstreams = failing_upstreams();
    upstreams.extend(failing_streams());
    let leaks = leaks(upstreams, &understood()).await;
    assert!(leaks.is_empty(), "{} leaks: {leaks:#?}", leaks.len());
}

/// Errors of the gateway itself, and refusals: nothing of what was presented is repeated.
#[tokio::test]
async fn refusals_do_not_repeat_what_was_presented() {
    let mut requests = Vec::new();
    let presented = [
        String::new(),
        format!("authorization: Bearer {FOREIGN_KEY}\r\n"),
        format!("x-api-key: {FOREIGN_KEY}\r\n"),
        format!("x-api-key: {CLIENT_KEY}\r\nauthorization: Bearer {OTHER_KEY}\r\n"),
        format!("x-api-key: {CLIENT_KEY}\r\n"),
    ];
    for headers in &presented {
        for endpoint in Endpoint::SERVED {
            for path in paths(endpoint) {
                for body in [
                    "{",
                    "{\"model\":7}",
                    "[]",
                    "{\"model\":\"nobodys\",\"messages\":[],\"input\":[]}",
                ] {
                    requests.push((
                        path.clone(),
                        request_with("POST", &path, headers, body.as_bytes()),
                    ));
                }
                requests.push((path.clone(), request_with("PUT", &path, headers, b"")));
            }
        }
        for target in [
            "/v1/models/nobodys",
            "/nothing",
            "/openai/../x",
            "/openai/v1/%2e%2e",
        ] {
            let target = format!("{target}?key={FOREIGN_KEY}");
            requests.push((target.clone(), request_with("GET", &target, headers, b"")));
        }
    }
    let upstreams = vec![("a sound upstream".to_owned(), Behaviour::answer())];
    let leaks = leaks(upstreams, &requests).await;
    assert!(leaks.is_empty(), "{} leaks: {leaks:#?}", leaks.len());
}

#[tokio::test]
async fn what_is_passed_through_unread_shows_no_key_in_an_error() {
    let requests = [
        (
            "a raw GET".to_owned(),
            request("GET", "/openai/v1/files", b""),
        ),
        (
            "a raw POST".to_owned(),
            request("POST", "/anthropic/v1/files", b"a file"),
        ),
    ];
    let mut upstreams = failing_upstreams();
    // With status 200 these are answers like any other, and answers are not read here.
    upstreams.retain(|(what, _)| what != "broken JSON" && what != "an error with status 200");
    let leaks = leaks(upstreams, &requests).await;
    assert!(leaks.is_empty(), "{} leaks: {leaks:#?}", leaks.len());
}

#[tokio::test]
async fn what_is_told_of_health_and_in_numbers_shows_no_key() {
    let paths = [
        "/health",
        "/health/providers",
        "/health/openai",
        "/health/portkey",
        "/metrics",
    ];
    let chat = request(
        "POST",
        "/openai/v1/chat/completions",
        sound_body(Endpoint::ChatCompletions).as_bytes(),
    );
    let mut requests = vec![("a call".to_owned(), chat)];
    requests.extend(paths.map(|path| (path.to_owned(), request("GET", path, b""))));
    let leaks = leaks(failing_upstreams(), &requests).await;
    assert!(leaks.is_empty(), "{} leaks: {leaks:#?}", leaks.len());
}
