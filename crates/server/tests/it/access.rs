//! Who may call what: every route with every way to present a key, right, wrong or not at all.

use orchestra_dialects::{Endpoint, Family};
use orchestra_testkit::Script;

use crate::client::{Answer, Client, call, request_with};
use crate::endpoints::{Wanted, assert_error, paths, sound_body};
use crate::stage::{CLIENT_KEY, OTHER_KEY, PROVIDER_KEY, Stage};

/// A route, the errors it speaks, and what it answers to those who may call it.
struct Route {
    method: &'static str,
    path: String,
    body: &'static str,
    family: Family,
    status: u16,
}

fn routes() -> Vec<Route> {
    let mut routes = Vec::new();
    for endpoint in Endpoint::SERVED {
        for path in paths(endpoint) {
            routes.push(Route {
                method: "POST",
                path,
                body: sound_body(endpoint),
                family: endpoint.dialect().family(),
                status: 200,
            });
        }
    }
    let rest = [
        ("GET", "/v1/models", "", Family::OpenAi, 200),
        ("GET", "/models", "", Family::OpenAi, 200),
        ("GET", "/v1/models/gpt-5-mini", "", Family::OpenAi, 200),
        (
            "GET",
            "/v1/models/openai/gpt-5-mini",
            "",
            Family::OpenAi,
            200,
        ),
        ("GET", "/openai/v1/files", "", Family::OpenAi, 200),
        ("POST", "/openai/v1/files", "a file", Family::OpenAi, 200),
        ("DELETE", "/openai/v1/files/one", "", Family::OpenAi, 200),
        ("GET", "/openai", "", Family::OpenAi, 200),
        ("GET", "/anthropic/v1/files", "", Family::Anthropic, 200),
        (
            "POST",
            "/anthropic/v1/messages/batches",
            "{}",
            Family::Anthropic,
            200,
        ),
        ("GET", "/health/providers", "", Family::OpenAi, 200),
        ("GET", "/health/openai", "", Family::OpenAi, 200),
        ("GET", "/health/portkey", "", Family::OpenAi, 200),
        ("GET", "/health/nothing", "", Family::OpenAi, 404),
        ("GET", "/metrics", "", Family::OpenAi, 200),
        ("GET", "/v1/nothing", "", Family::OpenAi, 404),
        ("POST", "/v1/nothing", "{}", Family::OpenAi, 404),
        ("GET", "/", "", Family::OpenAi, 404),
    ];
    routes.extend(rest.map(|(method, path, body, family, status)| Route {
        method,
        path: path.to_owned(),
        body,
        family,
        status,
    }));
    routes
}

async fn ask(stage: &Stage, route: &Route, headers: &str) -> Answer {
    let bytes = request_with(route.method, &route.path, headers, route.body.as_bytes());
    call(stage, &bytes).await
}

fn refused(status: u16, code: &'static str, says: &'static [&'static str]) -> Wanted {
    Wanted {
        status,
        code,
        param: None,
        says,
    }
}

#[tokio::test]
async fn callers_without_a_right_key_are_refused_everywhere() {
    let stage = Stage::open(Script::new()).await;
    let missing = || {
        refused(
            401,
            "missing_api_key",
            &["Authorization: Bearer", "x-api-key"],
        )
    };
    let invalid = || {
        refused(
            401,
            "invalid_api_key",
            &["not known to this gateway", "operator"],
        )
    };
    let two = || {
        refused(
            400,
            "two_api_keys",
            &["two different keys", "send only one"],
        )
    };
    let shorter = &CLIENT_KEY[..CLIENT_KEY.len() - 1];
    let refusals = [
        (String::new(), missing()),
        ("authorization: Bearer \r\n".to_owned(), missing()),
        ("x-api-key:\r\n".to_owned(), missing()),
        (format!("cookie: key={CLIENT_KEY}\r\n"), missing()),
        (format!("x-goog-api-key: {CLIENT_KEY}\r\n"), missing()),
        (
            "authorization: Bearer a-key-of-nobody-at-all\r\n".to_owned(),
            invalid(),
        ),
        (
            "authorization: a-key-of-nobody-at-all\r\n".to_owned(),
            invalid(),
        ),
        (
            "x-api-key: a-key-of-nobody-at-all\r\n".to_owned(),
            invalid(),
        ),
        (format!("authorization: Bearer {shorter}\r\n"), invalid()),
        (
            format!("authorization: Bearer {CLIENT_KEY}x\r\n"),
            invalid(),
        ),
        (
            format!("authorization: Bearer {PROVIDER_KEY}\r\n"),
            invalid(),
        ),
        (format!("authorization: Basic {CLIENT_KEY}\r\n"), invalid()),
        (format!("x-api-key: {CLIENT_KEY}\u{e9}\r\n"), invalid()),
        (
            format!("authorization: Bearer {CLIENT_KEY}\r\nx-api-key: {OTHER_KEY}\r\n"),
            two(),
        ),
        (
            format!("authorization: Bearer {CLIENT_KEY}\r\nx-api-key: nobodys\r\n"),
            two(),
        ),
        (
            format!("x-api-key: {CLIENT_KEY}\r\nx-api-key: {OTHER_KEY}\r\n"),
            two(),
        ),
    ];
    let mut wrong = Vec::new();
    for route in routes() {
        for (headers, wanted) in &refusals {
            let answer = ask(&stage, &route, headers).await;
            let context = format!("{} {} {headers:?}", route.method, route.path);
            if answer.status == wanted.status {
                assert_error(&answer, route.family, wanted, &context);
            } else {
                wrong.push(format!("{context}: {}", answer.status));
            }
        }
    }
    assert_eq!(stage.upstream.requests(), 0);
    assert!(wrong.is_empty(), "not refused as it should be: {wrong:#?}");
}

#[tokio::test]
async fn a_right_key_opens_every_route_however_it_is_presented() {
    let stage = Stage::open(Script::new()).await;
    let presentations = [
        format!("authorization: Bearer {CLIENT_KEY}\r\n"),
        format!("Authorization: bearer {CLIENT_KEY}\r\n"),
        format!("authorization: {CLIENT_KEY}\r\n"),
        format!("x-api-key: {CLIENT_KEY}\r\n"),
        format!("x-api-key: {CLIENT_KEY}\r\nauthorization: Bearer {CLIENT_KEY}\r\n"),
        format!("x-api-key: {OTHER_KEY}\r\n"),
        // What Anthropic's clients send when their other kind of key is set to nothing.
        format!("x-api-key: {CLIENT_KEY}\r\nauthorization: Bearer \r\n"),
    ];
    for route in routes() {
        for headers in &presentations {
            let answer = ask(&stage, &route, headers).await;
            let context = format!(
                "{} {} {headers:?}: {}",
                route.method,
                route.path,
                answer.text()
            );
            assert_eq!(answer.status, route.status, "{context}");
        }
    }
    let log = stage.upstream.log();
    assert!(!log.is_empty());
    for entry in log {
        for (name, value) in &entry.headers {
            let leaked = value.contains(CLIENT_KEY) || value.contains(OTHER_KEY);
            assert!(!leaked, "{} carries the client's key in {name}", entry.path);
        }
        let presented = [entry.header("authorization"), entry.header("x-api-key")];
        assert!(
            presented
                .iter()
                .flatten()
                .any(|value| value.ends_with(PROVIDER_KEY)),
            "{} does not carry the gateway's key",
            entry.path
        );
    }
    assert_eq!(stage.upstream_faults(), Vec::<String>::new());
}

#[tokio::test]
async fn a_caller_who_may_not_call_learns_nothing_about_the_providers() {
    let stage = Stage::open(Script::new()).await;
    for path in ["/", "/v1/nothing", "/v1/models", "/v1/models/gpt-5-mini"] {
        let answer = call(&stage, &request_with("GET", path, "", b"")).await;
        for name in ["/openai/", "/anthropic/", "gpt-5-mini\""] {
            assert!(!answer.text().contains(name), "{path}: {}", answer.text());
        }
    }
}

#[tokio::test]
async fn health_needs_no_key() {
    let stage = Stage::open(Script::new()).await;
    for (path, status) in [("/health/live", "live"), ("/health/ready", "ready")] {
        for headers in ["", "x-api-key: a-key-of-nobody-at-all\r\n"] {
            let answer = call(&stage, &request_with("GET", path, headers, b"")).await;
            assert_eq!(
                (answer.status, &answer.json()["status"]),
                (200, &status.into()),
                "{path}"
            );
        }
    }
    assert_eq!(stage.upstream.requests(), 0);
}

#[tokio::test]
async fn headers_that_a_caller_invents_do_not_travel_upstream() {
    const INVENTED: [&str; 8] = [
        "cookie",
        "proxy-authorization",
        "x-forwarded-for",
        "forwarded",
        "x-orchestra-provider",
        "te",
        "x-goog-api-key",
        "api-key",
    ];
    let stage = Stage::open(Script::new()).await;
    let lines: String = INVENTED
        .iter()
        .map(|name| format!("{name}: invented\r\n"))
        .collect();
    let headers = format!("x-api-key: {CLIENT_KEY}\r\n{lines}");
    for route in routes() {
        ask(&stage, &route, &headers).await;
    }
    for entry in stage.upstream.log() {
        for name in INVENTED {
            assert_eq!(entry.header(name), None, "{} carries {name}", entry.path);
        }
    }
}

/// The body comes behind the answer, so that nobody reads it, and the connection ends: a client that took it for one that
/// stays would lose its next call.
#[tokio::test]
async fn who_is_refused_before_the_body_came_is_told_that_the_connection_ends() {
    let stage = Stage::open(Script::new()).await;
    for path in ["/v1/chat/completions", "/openai/v1/files"] {
        let head = format!(
            "POST {path} HTTP/1.1\r\nhost: gateway\r\nauthorization: Bearer nobody\r\ncontent-length: 9\r\n\r\n"
        );
        let mut client = Client::to(stage.address).await;
        client.send(head.as_bytes()).await;
        let answer = client.answer().await;
        assert_eq!(answer.status, 401, "{path}");
        assert_eq!(answer.header("connection"), Some("close"), "{path}");
        client.send(b"{\"a\": 12}").await;
        client.closed().await;
    }
}
