use std::collections::BTreeMap;
use std::time::Duration;

use http::{HeaderName, StatusCode};
use orchestra_gateway::{Cache, CacheMode, CacheWish, Compat};

use super::*;

fn headers(pairs: &[(&str, &str)]) -> HeaderMap {
    let pair = |(name, value): &(&str, &str)| {
        let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
        (name, value.parse().unwrap())
    };
    pairs.iter().map(pair).collect()
}

fn routes() -> Routes {
    let tree = Node::parse(&serde_json::json!({ "provider": "openai" })).unwrap();
    Routes {
        configs: BTreeMap::from([("pc-main".to_owned(), Arc::new(tree))]),
        compat: Compat::Correct,
        ..Routes::default()
    }
}

fn read_as(keys_required: bool, pairs: &[(&str, &str)]) -> Result<Option<Asked>, Refusal> {
    let routes = routes();
    let desk = Desk {
        routes: &routes,
        saved: &SavedTrees::default(),
        caller_keys: true,
        keys_required,
    };
    desk.read(&mut headers(pairs))
}

fn read(pairs: &[(&str, &str)]) -> Asked {
    read_as(false, pairs).unwrap().unwrap()
}

#[test]
fn calls_without_portkeys_headers_are_as_they_were() {
    let asked = read_as(false, &[("authorization", "Bearer x"), ("x-port", "y")]);
    assert!(asked.unwrap().is_none());
}

#[test]
fn the_provider_is_found_wherever_it_stands() {
    for (pairs, name) in [
        (vec![("x-portkey-provider", "openai")], "openai"),
        (vec![("x-portkey-provider", "@prod/gpt-5")], "prod"),
        (vec![("x-portkey-virtual-key", "prod")], "prod"),
        (
            vec![
                ("x-portkey-virtual-key", "prod"),
                ("x-portkey-provider", "openai"),
            ],
            "prod",
        ),
        (
            vec![
                ("x-portkey-virtual-key", "prod"),
                ("x-portkey-provider", "@other"),
            ],
            "other",
        ),
    ] {
        assert_eq!(read(&pairs).provider.unwrap().as_str(), name, "{pairs:?}");
    }
}

#[test]
fn a_callers_key_is_told_from_the_gateways_and_from_none() {
    let provider = ("x-portkey-provider", "openai");
    let brought = |required: bool, pairs: &[(&str, &str)]| {
        let pairs: Vec<_> = [provider].iter().chain(pairs).copied().collect();
        let asked = read_as(required, &pairs).unwrap().unwrap();
        asked.directions.key.is_some()
    };
    for (required, pairs, expected) in [
        (false, vec![("authorization", "Bearer sk-own")], true),
        (false, vec![("authorization", "sk-own")], true),
        (false, vec![("x-api-key", "sk-own")], true),
        (
            false,
            vec![("authorization", "Bearer OPENAI_API_KEY")],
            false,
        ),
        (false, vec![("authorization", "Bearer DUMMY-KEY")], false),
        (false, vec![("authorization", "Bearer ")], false),
        (false, vec![], false),
        // The one key that is there is the gateway's.
        (true, vec![("authorization", "Bearer app")], false),
        (
            true,
            vec![("authorization", "Bearer app"), ("x-portkey-api-key", "")],
            false,
        ),
        (
            true,
            vec![
                ("authorization", "Bearer sk-own"),
                ("x-portkey-api-key", "app"),
            ],
            true,
        ),
        (
            true,
            vec![
                ("authorization", "Bearer app"),
                ("x-portkey-api-key", "app"),
            ],
            false,
        ),
    ] {
        assert_eq!(brought(required, &pairs), expected, "{required} {pairs:?}");
    }
    // By a slug the operator's key is meant.
    let asked = read(&[
        ("x-portkey-provider", "@prod"),
        ("authorization", "Bearer sk-own"),
    ]);
    assert!(asked.directions.key.is_none());
}

#[test]
fn a_config_is_json_or_a_name() {
    let inline = read(&[(
        "x-portkey-config",
        r#" {"provider":"@prod","retry":{"attempts":2}}"#,
    )]);
    assert!(inline.directions.tree.is_some());
    let named = read(&[("x-portkey-config", "pc-main")]);
    assert!(named.directions.tree.is_some());
    for (config, words) in [
        ("pc-other", "pc-main"),
        ("{\"provider\":", "no JSON"),
        ("{\"provder\":\"openai\"}", "provder"),
        (
            "{\"strategy\":{\"mode\":\"fallback\"},\"targets\":[]}",
            "targets",
        ),
    ] {
        let refusal = read_as(false, &[("x-portkey-config", config)]).unwrap_err();
        assert_eq!(refusal.status, 400);
        assert!(refusal.message.contains(words), "{}", refusal.message);
    }
}

#[test]
fn what_holds_at_every_target_is_read() {
    let asked = read(&[
        ("x-portkey-request-timeout", "2500"),
        ("x-portkey-forward-headers", "['X-One', x_two]"),
        (
            "x-portkey-metadata",
            r#"{"_user":"caf\u00e9","plan":"paid","seats":3,"trial":false}"#,
        ),
    ]);
    let settings = &asked.directions.settings;
    assert_eq!(settings.request_timeout, Some(Duration::from_millis(2500)));
    assert_eq!(
        settings.forward_headers.as_deref().unwrap(),
        ["X-One", "x_two"]
    );
    let metadata: Vec<_> = asked
        .directions
        .metadata
        .values()
        .map(String::as_str)
        .collect();
    assert_eq!(metadata, ["caf\u{e9}", "paid", "3", "false"]);
}

#[test]
fn what_cannot_be_meant_is_refused_with_its_name() {
    let long = format!(r#"{{"a":"{}"}}"#, "x".repeat(129));
    for (name, value) in [
        ("x-portkey-request-timeout", "soon"),
        ("x-portkey-request-timeout", "0"),
        ("x-portkey-provider", "Open AI"),
        ("x-portkey-metadata", "[]"),
        ("x-portkey-metadata", r#"{"a":{"b":"c"}}"#),
        ("x-portkey-metadata", &long),
        ("x-portkey-azure-resource-name", "mine"),
        ("x-portkey-aws-region", "eu"),
        ("x-portkey-cache", "fuzzy"),
        ("x-portkey-cache-namespace", &"n".repeat(257)),
    ] {
        let refusal = read_as(false, &[(name, value)]).unwrap_err();
        assert_eq!(
            (refusal.status.as_u16(), refusal.param.as_deref()),
            (400, Some(name))
        );
        assert!(refusal.message.contains(name), "{}", refusal.message);
    }
}

#[test]
fn wishes_about_kept_answers_are_read() {
    let wish = |pairs: &[(&str, &str)]| read(pairs).directions.cache.map(|wish| *wish);
    assert_eq!(wish(&[("x-portkey-provider", "openai")]), None);
    let mode = |mode| {
        Some(Cache {
            mode,
            max_age: None,
        })
    };
    for (word, expected) in [
        ("simple", CacheMode::Simple),
        ("true", CacheMode::Simple),
        ("semantic", CacheMode::Semantic),
        ("false", CacheMode::Off),
    ] {
        let wish = wish(&[("x-portkey-cache", word)]).unwrap();
        assert_eq!(wish.usual, mode(expected), "{word}");
    }
    let all = wish(&[
        ("x-portkey-cache", "simple"),
        ("cache-control", "no-transform, Max-Age = 90"),
        ("x-portkey-cache-force-refresh", "true"),
        ("x-portkey-cache-namespace", " n "),
    ]);
    let expected = CacheWish {
        usual: mode(CacheMode::Simple),
        max_age: Some(Duration::from_secs(90)),
        refresh: true,
        namespace: Some("n".to_owned()),
    };
    assert_eq!(all, Some(expected));
    let refused = [("x-portkey-cache-force-refresh", "false")];
    assert_eq!(wish(&refused), None);
}

#[test]
fn an_address_of_the_calls_own_is_read() {
    let asked = read(&[("x-portkey-custom-host", "https://llm.example.com/v1")]);
    let host = asked.directions.settings.custom_host;
    assert_eq!(host.as_deref(), Some("https://llm.example.com/v1"));
}

#[test]
fn telemetry_and_what_is_unknown_are_no_matter() {
    let asked = read(&[
        ("x-portkey-package-version", "1"),
        ("x-portkey-strict-open-ai-compliance", "false"),
        ("x-portkey-portkey-beta", "x"),
        ("x-portkey-whatever", "y"),
    ]);
    assert!(asked.provider.is_none() && asked.directions.tree.is_none());
}

#[test]
fn vendors_headers_get_their_own_names() {
    let routes = routes();
    let desk = Desk {
        routes: &routes,
        saved: &SavedTrees::default(),
        caller_keys: true,
        keys_required: false,
    };
    let mut sent = headers(&[
        ("x-portkey-anthropic-beta", "tools"),
        ("x-portkey-openai-project", "p"),
    ]);
    desk.read(&mut sent).unwrap();
    assert_eq!(
        (&sent["anthropic-beta"], &sent["openai-project"]),
        (&"tools".parse().unwrap(), &"p".parse().unwrap())
    );
}

#[test]
fn answers_are_always_marked_with_a_trace() {
    let marked = |pairs: &[(&str, &str)], own: &[(&str, &str)], status: u16| {
        let mut answer = headers(own);
        Marks::of(&headers(pairs))
            .unwrap()
            .put(StatusCode::from_u16(status).unwrap(), &mut answer);
        let text = |name: &str| {
            answer
                .get(name)
                .map(|value| value.to_str().unwrap().to_owned())
        };
        (
            text("x-portkey-trace-id"),
            text("x-portkey-last-used-option-index"),
            text("x-portkey-retry-attempt-count"),
        )
    };
    let some = |text: &str| Some(text.to_owned());
    let own = [
        ("x-orchestra-call-id", "call_1"),
        ("x-orchestra-route", "targets[1]"),
        ("x-orchestra-retries", "2"),
    ];
    assert_eq!(
        marked(&[("x-portkey-trace-id", "mine")], &own, 200),
        (some("mine"), some("config.targets[1]"), some("2"))
    );
    let parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    assert_eq!(
        marked(
            &[("x-portkey-trace-id", ""), ("traceparent", parent)],
            &own,
            500
        ),
        (
            some("0af7651916cd43dd8448eb211c80319c"),
            some("config.targets[1]"),
            some("-1")
        )
    );
    assert_eq!(
        marked(&[("x-portkey-provider", "openai")], &own[..1], 200),
        (some("call_1"), some("config"), some("0"))
    );
}
