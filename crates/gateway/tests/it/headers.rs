//! What passes in either direction, and above all what does not.

use std::collections::BTreeSet;

use http::HeaderValue;
use orchestra_dialects::Endpoint;
use orchestra_gateway::Ending;
use orchestra_testkit::{Behaviour, Received};

use crate::harness::{Ask, EVERYONE, Got, MODEL, Stage};
use crate::wire;

/// What the upstream received of a call with these headers.
async fn received(mut ask: Ask, headers: &[(&'static str, &'static str)]) -> Received {
    for (name, value) in headers {
        ask = ask.header(name, value);
    }
    let stage = Stage::new([Behaviour::json(200, wire::answer(ask.endpoint))]);
    let got = stage.ask(ask).await;
    assert_eq!(got.status, 200);
    stage.upstreams[0].log().remove(0)
}

const PRIVATE: [(&str, &str); 17] = [
    ("authorization", "Bearer the-clients-own"),
    ("x-api-key", "the-clients-own"),
    ("api-key", "the-clients-own"),
    ("cookie", "session=the-clients-own"),
    ("x-portkey-api-key", "the-clients-own"),
    ("x-portkey-provider", "the-clients-own"),
    ("proxy-authorization", "the-clients-own"),
    ("x-forwarded-for", "192.0.2.1"),
    ("forwarded", "for=192.0.2.1"),
    ("connection", "keep-alive, x-secret"),
    ("x-secret", "the-clients-own"),
    ("te", "trailers"),
    ("upgrade", "h2c"),
    ("expect", "100-continue"),
    ("host", "the-clients-own"),
    ("transfer-encoding", "gzip"),
    ("content-length", "1"),
];

#[tokio::test]
async fn nothing_private_goes_up_and_the_providers_key_does() {
    for endpoint in Endpoint::SERVED {
        let request = received(Ask::new(endpoint, MODEL, false), &PRIVATE).await;
        assert_eq!(
            request.header("authorization"),
            Some("Bearer the-key-of-one"),
            "{endpoint}"
        );
        let names: BTreeSet<&str> = request
            .headers
            .iter()
            .map(|(name, _)| name.as_str())
            .collect();
        let mut expected = BTreeSet::from([
            "accept",
            "authorization",
            "content-length",
            "content-type",
            "host",
            "user-agent",
        ]);
        if matches!(endpoint, Endpoint::Messages | Endpoint::CountTokens) {
            expected.insert("anthropic-version");
        }
        assert_eq!(names, expected, "{endpoint}");
        assert_eq!(
            names.len(),
            request.headers.len(),
            "no header twice: {:?}",
            request.headers
        );
        for (_, value) in &request.headers {
            assert!(
                !value.contains("the-clients-own") && !value.contains("192.0.2"),
                "{value}"
            );
        }
        assert_eq!(
            request.header("content-length"),
            Some(&*request.body.len().to_string())
        );
    }
}

#[tokio::test]
async fn the_vendors_own_headers_go_up_where_they_belong() {
    let headers = [
        ("anthropic-version", "2099-01-01"),
        ("anthropic-beta", "b1"),
        ("idempotency-key", "i"),
    ];
    let messages = received(Ask::new(Endpoint::Messages, MODEL, false), &headers).await;
    for (name, value) in headers {
        assert_eq!(messages.header(name), Some(value));
    }
    let chat = received(Ask::new(Endpoint::ChatCompletions, MODEL, false), &headers).await;
    assert_eq!(
        (
            chat.header("anthropic-version"),
            chat.header("anthropic-beta")
        ),
        (None, None)
    );
    assert_eq!(chat.header("idempotency-key"), Some("i"));
    let usual = received(Ask::new(Endpoint::Messages, MODEL, false), &[]).await;
    assert_eq!(usual.header("anthropic-version"), Some("2023-06-01"));
}

#[tokio::test]
async fn a_header_in_several_lines_goes_up_whole() {
    let betas = [("anthropic-beta", "b1"), ("anthropic-beta", "b2,b3")];
    let request = received(Ask::new(Endpoint::Messages, MODEL, false), &betas).await;
    let sent = request
        .headers
        .iter()
        .filter(|(name, _)| name == "anthropic-beta");
    let values: Vec<&str> = sent
        .flat_map(|(_, value)| value.split(','))
        .map(str::trim)
        .collect();
    assert_eq!(values, ["b1", "b2", "b3"]);
}

#[tokio::test]
async fn only_the_beta_mark_of_a_query_goes_up() {
    for (query, expected) in [
        ("beta=true", "beta=true"),
        ("key=secret", ""),
        ("beta=true&key=secret", ""),
    ] {
        let mut ask = Ask::new(Endpoint::Messages, MODEL, false);
        ask.query = Some(query.to_owned());
        assert_eq!(received(ask, &[]).await.query, expected);
    }
}

async fn answered(endpoint: Endpoint, stream: bool, headers: &[(&str, &str)]) -> Got {
    let reply = match stream {
        true => Behaviour::sse(wire::recorded(endpoint).whole()),
        false => Behaviour::json(200, wire::answer(endpoint)),
    };
    let reply = headers
        .iter()
        .fold(reply, |reply, (name, value)| reply.header(*name, *value));
    Stage::new([reply])
        .ask(Ask::new(endpoint, EVERYONE, stream))
        .await
}

#[tokio::test]
async fn only_what_helps_the_client_comes_down() {
    let theirs = [
        ("set-cookie", "a=b"),
        ("server", "cloud"),
        ("openai-organization", "acme"),
        ("anthropic-organization-id", "acme"),
        ("www-authenticate", "Basic"),
        ("x-request-id", "req-theirs"),
        ("request-id", "req-theirs"),
        ("x-ratelimit-remaining-tokens", "5"),
        ("anthropic-ratelimit-tokens-remaining", "6"),
        ("retry-after-ms", "7"),
    ];
    for endpoint in wire::SPOKEN {
        for stream in [false, true] {
            let got = answered(endpoint, stream, &theirs).await;
            for name in [
                "set-cookie",
                "server",
                "openai-organization",
                "anthropic-organization-id",
                "www-authenticate",
            ] {
                assert_eq!(got.header(name), "", "{name}");
            }
            assert_eq!(got.header("x-request-id"), "req-theirs");
            assert_eq!(got.header("request-id"), "req-theirs");
            assert_eq!(got.header("x-ratelimit-remaining-tokens"), "5");
            assert_eq!(got.header("anthropic-ratelimit-tokens-remaining"), "6");
            assert_eq!(got.header("retry-after-ms"), "7");
            assert_eq!(got.header("x-orchestra-provider"), "one");
            assert_eq!(got.header("x-orchestra-call-id"), got.record.id.to_string());
            assert_eq!(
                got.header("cache-control"),
                if stream { "no-store" } else { "" }
            );
            let kind = if stream {
                "text/event-stream; charset=utf-8"
            } else {
                "application/json"
            };
            assert_eq!(got.header("content-type"), kind);
        }
    }
}

#[tokio::test]
async fn an_upstream_cannot_speak_for_the_gateway() {
    let forged = [
        ("x-orchestra-call-id", "forged"),
        ("x-orchestra-attempts", "9"),
        ("x-orchestra-provider", "x"),
    ];
    let got = answered(Endpoint::ChatCompletions, false, &forged).await;
    assert_eq!(got.header("x-orchestra-call-id"), got.record.id.to_string());
    assert_eq!(
        (
            got.header("x-orchestra-attempts"),
            got.header("x-orchestra-provider")
        ),
        ("1", "one")
    );
    assert_eq!(got.headers.get_all("x-orchestra-call-id").iter().count(), 1);
}

#[tokio::test]
async fn every_answer_has_a_request_id_in_its_familys_header() {
    for (endpoint, name) in [
        (Endpoint::Responses, "x-request-id"),
        (Endpoint::Messages, "request-id"),
    ] {
        let stage = Stage::new([Behaviour::answer()]);
        let got = stage.ask(Ask::new(endpoint, "unheard-of", false)).await;
        assert_eq!(got.header(name), got.record.id.to_string());
        assert_eq!(got.status, 404);
    }
}

#[tokio::test]
async fn line_ends_in_names_stay_within_the_body() {
    for endpoint in wire::SPOKEN {
        let stage = Stage::new([Behaviour::answer()]);
        let got = stage
            .ask(Ask::new(endpoint, r"x\r\nset-cookie: a=b", false))
            .await;
        let clean = |value: &HeaderValue| !value.as_bytes().iter().any(u8::is_ascii_control);
        assert_eq!(got.status, 404);
        assert!(got.headers.values().all(clean) && !got.headers.contains_key("set-cookie"));
        assert!(got.json()["error"]["message"].is_string());
        // The provider's own model may have any name; it goes up as it is written.
        let got = stage
            .ask(Ask::new(endpoint, r"one/x\r\nset-cookie: a=b", false))
            .await;
        assert_eq!(got.status, 200);
        let request = stage.upstreams[0].log().remove(0);
        assert_eq!(request.json().unwrap()["model"], "x\r\nset-cookie: a=b");
        assert_eq!(request.header("set-cookie"), None);
    }
}

#[tokio::test]
async fn an_answer_that_repeats_the_providers_key_stays_here() {
    let repeated = "the-key-of-one";
    for endpoint in wire::SPOKEN {
        let event = wire::event(endpoint, &format!("{{\"x\":\"{repeated}\"}}"));
        let (before, behind) = wire::recorded(endpoint).at_content();
        for (stream, reply) in [
            (
                false,
                Behaviour::json(200, format!("{{\"x\":\"{repeated}\"}}")),
            ),
            (false, Behaviour::error_with(400, "odd", repeated)),
            (false, Behaviour::error_with(403, "odd", repeated)),
            (true, Behaviour::error_with(429, "odd", repeated)),
            (true, Behaviour::sse([&event, &*before, &behind].concat())),
            (true, Behaviour::sse([&*before, &event, &behind].concat())),
            (
                true,
                Behaviour::raw(
                    200,
                    "text/event-stream",
                    [&*before, &event, &behind].concat(),
                ),
            ),
        ] {
            let got = Stage::new([reply])
                .ask(Ask::new(endpoint, EVERYONE, stream))
                .await;
            assert!(!got.text().contains(repeated), "{}", got.text());
            assert_ne!(got.record.ending, Ending::Completed, "{}", got.text());
        }
        let got = answered(endpoint, false, &[("x-ratelimit-odd", repeated)]).await;
        assert_eq!(
            (got.status.as_u16(), got.header("x-ratelimit-odd")),
            (200, "")
        );
    }
}
