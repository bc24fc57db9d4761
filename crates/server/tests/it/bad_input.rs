//! Requests that cannot be served: refused with the field and the remedy, in the words of the
//! client's dialect, and without a request upstream.

use orchestra_dialects::{Endpoint, Family};
use orchestra_testkit::Script;

use crate::client::{call, request, request_with};
use crate::endpoints::{Wanted, assert_error, paths, sound_body};
use crate::stage::{CLIENT_KEY, Stage};

/// A body and what is wrong with it.
struct Case {
    body: Vec<u8>,
    wanted: Wanted,
}

fn case(
    body: impl AsRef<[u8]>,
    code: &'static str,
    param: Option<&'static str>,
    says: &'static [&'static str],
) -> Case {
    Case {
        body: body.as_ref().to_vec(),
        wanted: Wanted {
            status: 400,
            code,
            param,
            says,
        },
    }
}

/// A sound body with one member put before the others.
fn with_member(endpoint: Endpoint, member: &str) -> String {
    sound_body(endpoint).replacen('{', &format!("{{{member},"), 1)
}

/// A sound body with its model replaced by this JSON, or removed.
fn with_model(endpoint: Endpoint, model: Option<&str>) -> String {
    let mut body: serde_json::Value =
        serde_json::from_str(sound_body(endpoint)).expect("it is sound");
    let members = body.as_object_mut().expect("it is an object");
    members.remove("model");
    if let Some(model) = model {
        let model = serde_json::from_str(model).expect("a JSON value");
        members.insert("model".to_owned(), model);
    }
    body.to_string()
}

/// `depth` levels, the outermost object included.
fn nested(endpoint: Endpoint, depth: usize) -> String {
    let lists = depth - 1;
    with_member(
        endpoint,
        &format!("\"extra\":{}{}", "[".repeat(lists), "]".repeat(lists)),
    )
}

fn bodies(endpoint: Endpoint) -> Vec<Case> {
    let sound = sound_body(endpoint);
    let many: Vec<String> = (0..1_100).map(|i| format!("\"m{i}\":0")).collect();
    vec![
        case("   ", "empty_body", None, &["empty", "send a JSON object"]),
        case(
            &sound[..sound.len() - 1],
            "invalid_json",
            None,
            &["line 1", "column"],
        ),
        case(
            "{\n\"model\": nothing}",
            "invalid_json",
            None,
            &["line 2, column 10"],
        ),
        case(
            format!("{sound}{sound}"),
            "invalid_json",
            None,
            &["not valid JSON"],
        ),
        case("[]", "body_not_an_object", None, &["send a JSON object"]),
        case(
            "\"text\"",
            "body_not_an_object",
            None,
            &["send a JSON object"],
        ),
        case(b"{\"model\":\"\xff\"}", "body_not_utf8", None, &["UTF-8"]),
        case(
            with_model(endpoint, None),
            "missing_field",
            Some("model"),
            &["`model`", "add it"],
        ),
        case(
            with_model(endpoint, Some("null")),
            "missing_field",
            Some("model"),
            &["`model`"],
        ),
        case(
            with_model(endpoint, Some("7")),
            "invalid_type",
            Some("model"),
            &["`model`", "make it"],
        ),
        case(
            with_model(endpoint, Some("[]")),
            "invalid_type",
            Some("model"),
            &["`model`", "make it"],
        ),
        case(
            with_model(endpoint, Some("\"\"")),
            "empty_string",
            Some("model"),
            &["`model`", "give it"],
        ),
        case(
            with_member(endpoint, "\"stream\":\"yes\""),
            "invalid_type",
            Some("stream"),
            &["`stream`", "make it"],
        ),
        case(
            with_member(endpoint, "\"model\":\"x\""),
            "duplicate_field",
            Some("model"),
            &["`model`", "once"],
        ),
        case(
            with_member(endpoint, "\"mod\\u0065l\":\"x\""),
            "duplicate_field",
            Some("model"),
            &["`model`", "once"],
        ),
        case(
            with_member(endpoint, &many.join(",")),
            "too_many_fields",
            None,
            &["1024"],
        ),
        case(
            nested(endpoint, 65),
            "body_too_deep",
            None,
            &["64 levels", "flatten"],
        ),
        case(
            nested(endpoint, 100_000),
            "body_too_deep",
            None,
            &["64 levels", "flatten"],
        ),
    ]
}

/// What only some of the endpoints read.
fn particular_bodies(endpoint: Endpoint) -> Vec<Case> {
    match endpoint {
        Endpoint::ChatCompletions | Endpoint::Messages | Endpoint::CountTokens => vec![
            case(
                "{\"model\":\"m\"}",
                "missing_field",
                Some("messages"),
                &["`messages`", "add it"],
            ),
            case(
                "{\"model\":\"m\",\"messages\":\"Hi\"}",
                "invalid_type",
                Some("messages"),
                &["`messages`", "make it"],
            ),
        ],
        Endpoint::Embeddings => vec![
            case(
                "{\"model\":\"m\"}",
                "missing_field",
                Some("input"),
                &["`input`", "add it"],
            ),
            case(
                "{\"model\":\"m\",\"input\":7}",
                "invalid_type",
                Some("input"),
                &["`input`", "make it"],
            ),
        ],
        // Both may go on from something stored, so neither needs an input.
        Endpoint::Completions | Endpoint::Responses => Vec::new(),
        Endpoint::GenerateContent => unreachable!("no client calls it"),
    }
}

#[tokio::test]
async fn bodies_that_cannot_be_served_are_refused_with_field_and_remedy() {
    let stage = Stage::open(Script::new()).await;
    for endpoint in Endpoint::SERVED {
        let family = endpoint.dialect().family();
        for path in paths(endpoint) {
            for Case { body, wanted } in bodies(endpoint)
                .into_iter()
                .chain(particular_bodies(endpoint))
            {
                let answer = call(&stage, &request("POST", &path, &body)).await;
                assert_error(&answer, family, &wanted, &format!("{path} {}", wanted.code));
            }
            let answer = call(&stage, &request("POST", &path, b"")).await;
            let wanted = case("", "empty_body", None, &["send a JSON object"]).wanted;
            assert_error(&answer, family, &wanted, &path);
        }
    }
    assert_eq!(stage.upstream.requests(), 0);
}

#[tokio::test]
async fn json_at_the_deepest_level_allowed_is_served() {
    let stage = Stage::open(Script::new()).await;
    for endpoint in Endpoint::SERVED {
        for depth in [63, 64] {
            let body = nested(endpoint, depth);
            let answer = call(&stage, &request("POST", endpoint.path(), body.as_bytes())).await;
            assert_eq!(answer.status, 200, "{endpoint} {depth}: {}", answer.text());
        }
    }
}

#[tokio::test]
async fn a_model_that_nobody_serves_is_named() {
    let stage = Stage::open(Script::new()).await;
    for endpoint in Endpoint::SERVED {
        let body = with_model(endpoint, Some("\"nobodys-model\""));
        let answer = call(&stage, &request("POST", endpoint.path(), body.as_bytes())).await;
        let wanted = Wanted {
            status: 404,
            code: "model_not_found",
            param: Some("model"),
            says: &["nobodys-model"],
        };
        assert_error(
            &answer,
            endpoint.dialect().family(),
            &wanted,
            endpoint.path(),
        );
    }
    assert_eq!(stage.upstream.requests(), 0);
}

#[tokio::test]
async fn encoded_bodies_are_refused_with_the_encodings_name() {
    const ENCODINGS: [(&str, &[&str]); 6] = [
        (
            "content-encoding: gzip\r\n",
            &["`gzip`", "without `Content-Encoding`"],
        ),
        (
            "content-encoding: br\r\n",
            &["`br`", "without `Content-Encoding`"],
        ),
        (
            "content-encoding: zstd\r\n",
            &["`zstd`", "without `Content-Encoding`"],
        ),
        (
            "content-encoding: gzip, br\r\n",
            &["gzip", "br", "without `Content-Encoding`"],
        ),
        (
            "content-encoding: identity, gzip\r\n",
            &["gzip", "without `Content-Encoding`"],
        ),
        (
            "content-encoding: identity\r\ncontent-encoding: gzip\r\n",
            &["gzip", "without `Content-Encoding`"],
        ),
    ];
    let stage = Stage::open(Script::new()).await;
    for endpoint in Endpoint::SERVED {
        for path in paths(endpoint) {
            for (line, says) in ENCODINGS {
                let headers = format!("x-api-key: {CLIENT_KEY}\r\n{line}");
                let bytes = request_with("POST", &path, &headers, sound_body(endpoint).as_bytes());
                let wanted = Wanted {
                    status: 415,
                    code: "unsupported_content_encoding",
                    param: None,
                    says,
                };
                let family = endpoint.dialect().family();
                assert_error(&call(&stage, &bytes).await, family, &wanted, line);
            }
        }
    }
    assert_eq!(stage.upstream.requests(), 0);
}

#[tokio::test]
async fn other_methods_are_refused_with_the_right_one() {
    let stage = Stage::open(Script::new()).await;
    let wanted = |says| Wanted {
        status: 405,
        code: "method_not_allowed",
        param: None,
        says,
    };
    for endpoint in Endpoint::SERVED {
        for path in &paths(endpoint)[..2] {
            for method in ["GET", "PUT", "DELETE", "PATCH", "BREW"] {
                let answer = call(&stage, &request(method, path, b"")).await;
                let family = endpoint.dialect().family();
                assert_error(&answer, family, &wanted(&["use POST"]), path);
                assert_eq!(answer.header("allow"), Some("POST"), "{method} {path}");
            }
        }
    }
    for path in ["/v1/models", "/models", "/v1/models/gpt-5-mini"] {
        for method in ["POST", "DELETE"] {
            let answer = call(&stage, &request(method, path, b"")).await;
            assert_error(&answer, Family::OpenAi, &wanted(&["use GET"]), path);
            assert!(
                answer
                    .header("allow")
                    .is_some_and(|allow| allow.contains("GET")),
                "{path}"
            );
        }
    }
    assert_eq!(stage.upstream.requests(), 0);
}

#[tokio::test]
async fn unknown_routes_say_what_there_is() {
    let stage = Stage::open(Script::new()).await;
    let wanted = Wanted {
        status: 404,
        code: "route_not_found",
        param: None,
        says: &[
            "there is nothing at",
            "/v1/chat/completions",
            "/v1/models",
            "/anthropic/",
        ],
    };
    for path in [
        "/",
        "/v1",
        "/v1/files",
        "/v2/chat/completions",
        "/nobody/v1/files",
        "/V1/MODELS",
    ] {
        for method in ["GET", "POST", "DELETE"] {
            let answer = call(&stage, &request(method, path, b"")).await;
            assert_error(&answer, Family::OpenAi, &wanted, path);
            let headers = format!("x-api-key: {CLIENT_KEY}\r\nanthropic-version: 2023-06-01\r\n");
            let answer = call(&stage, &request_with(method, path, &headers, b"")).await;
            assert_error(&answer, Family::Anthropic, &wanted, path);
        }
    }
    assert_eq!(stage.upstream.requests(), 0);
}
