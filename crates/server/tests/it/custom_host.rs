//! Addresses that calls and configs bring along.

use orchestra_testkit::{Script, Upstream};

use crate::client::{call, request_with};
use crate::portkey::{ask, key};
use crate::stage::{CLIENT_KEY, PROVIDER_KEY, Stage};

const BODY: &str = r#"{"model":"gpt-5-mini","messages":[{"role":"user","content":"hi"}]}"#;

/// A gateway that lets calls go to a second upstream.
async fn with_custom_host() -> (Stage, Upstream) {
    let other = Upstream::start(Script::new()).expect("loopback has a free port");
    let rest = format!("[portkey]\ncustom_hosts = [{:?}]\n", other.base_url());
    let stage = Stage::with("", &rest, Script::new()).await;
    (stage, other)
}

#[tokio::test]
async fn a_custom_host_that_is_listed_gets_the_key_of_the_call_alone() {
    let (stage, other) = with_custom_host().await;
    let host = format!("{}/llm/v1", other.base_url());
    let own = ("authorization", "Bearer sk-of-the-caller");
    let by_header = [
        key(),
        ("x-portkey-provider", "openai"),
        ("x-portkey-custom-host", host.as_str()),
        own,
    ];
    let by_config = format!(
        r#"{{"custom_host":"{host}","strategy":{{"mode":"single"}},"targets":[{{"provider":"@openai","api_key":"sk-of-the-caller"}}]}}"#
    );
    let by_config = [key(), ("x-portkey-config", by_config.as_str())];
    for headers in [by_header.as_slice(), &by_config] {
        let answer = ask(&stage, BODY, headers).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
    }
    let log = other.log();
    assert_eq!(log.len(), 2);
    for request in log {
        assert_eq!(request.path, "/llm/v1/chat/completions");
        assert_eq!(
            request.header("authorization"),
            Some("Bearer sk-of-the-caller")
        );
        let leaked = |(_, value): &(String, String)| {
            value.contains(PROVIDER_KEY) || value.contains(CLIENT_KEY)
        };
        assert!(!request.headers.iter().any(leaked), "{request:?}");
    }
    assert_eq!(stage.upstream.requests(), 0);
}

#[tokio::test]
async fn no_other_address_is_called_and_no_key_of_the_gateways_goes_to_one() {
    let (stage, other) = with_custom_host().await;
    let listed = format!("{}/v1", other.base_url());
    let port = other.address().port();
    let own = ("authorization", "Bearer sk-of-the-caller");
    let openai = ("x-portkey-provider", "openai");
    let elsewhere = [
        "http://169.254.169.254/latest".to_owned(),
        "http://2130706433/v1".to_owned(),
        "https://example.com/v1".to_owned(),
        format!("https://127.0.0.1:{port}/v1"),
        format!("http://127.0.0.1:{port}@example.com/v1"),
        format!("http://127.0.0.1.example.com:{port}/v1"),
        format!("http://[::ffff:127.0.0.1]:{port}/v1"),
        format!("http://127.0.0.1:{port}/v1?x=y"),
        "file:///etc/passwd".to_owned(),
        "llm.example.com".to_owned(),
    ];
    for host in &elsewhere {
        let host = ("x-portkey-custom-host", host.as_str());
        let answer = ask(&stage, BODY, &[key(), openai, own, host]).await;
        let error = &answer.json()["error"];
        assert_eq!(
            (answer.status, &error["code"]),
            (400, &"invalid_header".into()),
            "{host:?}"
        );
        assert_eq!(error["param"], "x-portkey-custom-host", "{host:?}");
    }
    let host = ("x-portkey-custom-host", listed.as_str());
    let slug = ("x-portkey-provider", "@openai");
    let config = ("x-portkey-config", r#"{"provider":"openai"}"#);
    for (headers, words) in [
        (vec![key(), openai, host], "bring a key along"),
        (vec![key(), slug, own, host], "bring a key along"),
        (vec![key(), own, host], "x-portkey-provider"),
        (vec![key(), openai, own, config, host], "x-portkey-provider"),
    ] {
        let answer = ask(&stage, BODY, &headers).await;
        assert!(
            answer.status == 400 && answer.text().contains(words),
            "{}",
            answer.text()
        );
    }
    for target in [
        format!(r#"{{"provider":"@openai","custom_host":"{listed}"}}"#),
        format!(r#"{{"custom_host":"{listed}"}}"#),
        r#"{"provider":"openai","api_key":"k","custom_host":"https://example.com"}"#.to_owned(),
    ] {
        let config = ("x-portkey-config", target.as_str());
        let error = &ask(&stage, BODY, &[key(), config]).await.json()["error"];
        assert_eq!(error["code"], "invalid_config", "{target}");
        let message = error["message"].as_str().unwrap_or_default();
        assert!(message.contains("custom_host: "), "{message}");
    }
    let lines = format!("x-portkey-api-key: {CLIENT_KEY}\r\nx-portkey-custom-host: {listed}\r\n");
    let raw = call(
        &stage,
        &request_with("GET", "/openai/v1/files", &lines, b""),
    )
    .await;
    assert_eq!(raw.status, 400, "{}", raw.text());
    assert_eq!((stage.upstream.requests(), other.requests()), (0, 0));
}
