//! What every target would refuse alike is told to the client at once, in the upstream's words.

use orchestra_dialects::{Endpoint, Family};
use orchestra_gateway::Ending;
use orchestra_testkit::{Behaviour, Script, Upstream};

use crate::harness::{Ask, EVERYONE, Stage, patient, row};
use crate::wire;

/// An error in the family's own shape, oddly written.
fn body(family: Family, kind: &str, code: Option<&str>) -> String {
    let code = code.map_or_else(|| "null".to_owned(), |code| format!("\"{code}\""));
    match family {
        Family::OpenAi | Family::Google => format!(
            "{{ \"error\" :{{\"code\":{code},\"message\":\"No \\u00e9\", \"type\":\"{kind}\",\"param\":null,\"new\":1}}}}\n"
        ),
        Family::Anthropic => format!(
            "{{\"request_id\":\"r\",\"error\":{{\"message\":\"No.\",\"type\":\"{kind}\",\"details\":{{\"error_code\":{code}}}}},\r\n\"type\":\"error\"}}"
        ),
    }
}

async fn check(status: u16, kind: &str, code: Option<&str>, word: &str) {
    for endpoint in wire::SPOKEN {
        for stream in [false, true] {
            let told = format!("{status} {kind} {code:?}, {endpoint}, stream {stream}");
            let sent = body(endpoint.dialect().family(), kind, code);
            let reply = Behaviour::json(status, sent.clone())
                .header("x-request-id", "theirs")
                .header("x-should-retry", "false")
                .retry_after(9);
            let stage = Stage::new([reply, Behaviour::answer()]);
            let got = stage.ask(Ask::new(endpoint, EVERYONE, stream)).await;
            assert_eq!(
                (got.status.as_u16(), got.text()),
                (status, &*sent),
                "{told}"
            );
            assert_eq!(got.header("content-type"), "application/json", "{told}");
            assert_eq!(got.header("retry-after"), "9", "{told}");
            assert_eq!(got.header("x-should-retry"), "false", "{told}");
            assert_eq!(got.header("x-request-id"), "theirs", "{told}");
            assert_eq!(got.header("x-orchestra-attempts"), "1", "{told}");
            assert_eq!(stage.requests(), [1, 0], "{told}");
            assert_eq!(
                (got.record.ending, got.record.status),
                (Ending::Failed, status),
                "{told}"
            );
            assert_eq!(got.faults(), [word], "{told}");
        }
    }
}

#[tokio::test]
async fn the_clients_own_errors_are_relayed() {
    check(400, "invalid_request_error", None, "invalid_request").await;
    check(413, "request_too_large", None, "invalid_request").await;
    check(415, "invalid_request_error", None, "invalid_request").await;
    check(422, "invalid_request_error", None, "invalid_request").await;
    check(
        400,
        "invalid_request_error",
        Some("context_length_exceeded"),
        "context_length",
    )
    .await;
    check(
        400,
        "invalid_request_error",
        Some("content_policy_violation"),
        "content_policy",
    )
    .await;
}

#[tokio::test]
async fn they_are_known_behind_a_good_status_too() {
    for endpoint in wire::SPOKEN {
        let error = r#"{"message":"No.","type":"invalid_request_error","code":null}"#;
        let data = format!(r#"{{"type":"error","error":{error}}}"#);
        for (stream, reply) in [
            (false, Behaviour::json(200, data.clone())),
            (
                true,
                Behaviour::sse(format!("event: error\ndata: {data}\n\n")),
            ),
        ] {
            let told = format!("{endpoint}, stream {stream}");
            let stage = Stage::new([reply, Behaviour::answer()]);
            let got = stage.ask(Ask::new(endpoint, EVERYONE, stream)).await;
            assert_eq!(got.faults(), ["invalid_request"], "{told}");
            assert_eq!(got.status, 400, "{told}");
            assert_eq!(
                got.json()["error"]["type"],
                "invalid_request_error",
                "{told}"
            );
            assert_eq!(stage.requests(), [1, 0], "{told}");
        }
    }
}

#[tokio::test]
async fn when_all_targets_fail_the_last_ones_error_is_relayed() {
    for endpoint in wire::SPOKEN {
        let sent = body(endpoint.dialect().family(), "rate_limit_error", None);
        let last = Behaviour::json(429, sent.clone()).retry_after(4);
        let stage = Stage::new([Behaviour::error(500), last]);
        let got = stage.ask(Ask::new(endpoint, EVERYONE, true)).await;
        assert_eq!((got.status.as_u16(), got.text()), (429, &*sent));
        assert_eq!(got.header("retry-after"), "4");
        assert_eq!(got.faults(), ["server", "rate_limited"]);
        assert_eq!(got.record.ending, Ending::Failed);
    }
}

#[tokio::test]
async fn an_error_of_another_shape_is_told_in_the_clients_dialect() {
    for endpoint in wire::SPOKEN {
        let stage = Stage::new([Behaviour::html(503, "<html>busy</html>").retry_after(4)]);
        let got = stage.ask(Ask::new(endpoint, EVERYONE, false)).await;
        let error = &got.json()["error"];
        assert_eq!(got.status, 503, "{endpoint}");
        assert_eq!(got.header("content-type"), "application/json");
        assert_eq!(got.header("retry-after"), "4");
        assert!(
            error["message"].as_str().unwrap().contains("`one`"),
            "{error}"
        );
        assert!(!got.text().contains("html"), "{error}");
    }
}

#[tokio::test]
async fn what_an_upstream_says_of_the_gateways_key_stays_here() {
    let said = "Incorrect key: the-key-of-one";
    for endpoint in wire::SPOKEN {
        let refused = Behaviour::error_with(401, "invalid_api_key", said);
        let upstream = Upstream::start(Script::new().otherwise(refused)).unwrap();
        let stage = Stage::of(patient(), &[row(&upstream.base_url())], vec![upstream]);
        let got = stage.ask(Ask::new(endpoint, EVERYONE, true)).await;
        assert_eq!(
            (got.status.as_u16(), got.header("x-should-retry")),
            (401, "false")
        );
        assert!(got.text().contains("SCRIPTED_KEY"), "{}", got.text());
        assert!(
            !got.text().contains("Incorrect") && !got.text().contains("key-of"),
            "{}",
            got.text()
        );
    }
}

#[tokio::test]
async fn a_broken_body_reaches_nobody() {
    let long = format!(
        r#"{{"model":"m-large","messages":{}1{}}}"#,
        "[".repeat(70),
        "]".repeat(70)
    );
    for (body, code) in [
        ("", "empty_body"),
        ("[]", "body_not_an_object"),
        (r#"{"model":"m-large","messages":[]"#, "invalid_json"),
        (r#"{"messages":[]}"#, "missing_field"),
        (r#"{"model":7,"messages":[]}"#, "invalid_type"),
        (r#"{"model":"m-large"}"#, "missing_field"),
        (
            r#"{"model":"m-large","model":"m-small","messages":[]}"#,
            "duplicate_field",
        ),
        (&long, "body_too_deep"),
    ] {
        let stage = Stage::new([Behaviour::answer()]);
        let got = stage
            .ask(Ask::body(Endpoint::ChatCompletions, body.to_owned()))
            .await;
        assert_eq!(
            (got.status.as_u16(), got.json()["error"]["code"].as_str()),
            (400, Some(code))
        );
        assert_eq!(
            (got.record.ending, stage.requests()),
            (Ending::Refused, vec![0]),
            "{body}"
        );
        assert!(got.headers.get("x-orchestra-attempts").is_none());
    }
}

#[tokio::test]
async fn a_name_that_is_no_name_is_refused_before_anybody_compares_it() {
    let stage = Stage::new([Behaviour::answer()]);
    for (length, status) in [(1_024, 200), (1_025, 400), (8 << 20, 400)] {
        let model = format!("one/{}", "m".repeat(length - 4));
        let got = stage
            .ask(Ask::new(Endpoint::ChatCompletions, &model, false))
            .await;
        assert_eq!(got.status.as_u16(), status);
        if status == 400 {
            assert_eq!(got.json()["error"]["param"], "model");
            assert!(got.body.len() < 300 && got.record.model.is_empty());
        }
    }
}
