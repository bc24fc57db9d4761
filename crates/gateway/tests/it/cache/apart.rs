//! Whose answer is whose, and which question is which.

use orchestra_dialects::Endpoint;
use orchestra_gateway::{CacheWish, CallersKey};
use orchestra_testkit::Behaviour;
use serde_json::json;

use super::{CHAT, Kitchen, chat, directed, kept, wishing};
use crate::harness::{Ask, MODEL};

/// Each of these asks something else than all others, and the same as itself.
async fn all_apart(asks: Vec<(&str, Ask)>) {
    let kitchen = Kitchen::new([Behaviour::answer(), Behaviour::answer()]);
    for (name, ask) in &asks {
        assert_eq!(kitchen.says(ask.clone()).await, "miss", "{name}");
    }
    for (name, ask) in asks {
        assert_eq!(kitchen.says(ask).await, "hit", "{name}");
    }
}

fn named(mut ask: Ask, pairs: &[(&str, &str)]) -> Ask {
    let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    ask.directions.metadata = pairs.iter().map(owned).collect();
    ask
}

fn within(ask: Ask, namespace: &str) -> Ask {
    let wish = CacheWish {
        namespace: Some(namespace.to_owned()),
        ..CacheWish::default()
    };
    wishing(ask, wish)
}

#[tokio::test]
async fn no_caller_gets_what_another_was_told() {
    let of = |client| Ask { client, ..chat() };
    let with_key = |key: &str| {
        let tree = json!({ "cache": "simple" });
        let mut ask = Ask {
            provider: Some("one"),
            directions: directed(&tree),
            ..Ask::new(CHAT, MODEL, false)
        };
        ask.directions.key = Some(CallersKey::new(key.to_owned()));
        ask
    };
    let inline = |key: &str| Ask {
        directions: directed(&json!({ "provider": "one", "api_key": key, "cache": "simple" })),
        ..chat()
    };
    all_apart(vec![
        ("nobody", of(None)),
        ("a client", of(Some("a"))),
        ("another", of(Some("b"))),
        ("a key of the caller's", with_key("the-first-callers-key")),
        ("another one", with_key("the-second-callers-key")),
        ("a key in a config", inline("the-third-callers-key")),
    ])
    .await;
}

#[tokio::test]
async fn a_namespace_or_metadata_set_calls_apart() {
    all_apart(vec![
        ("neither", chat()),
        ("metadata", named(chat(), &[("user", "u1")])),
        ("another value", named(chat(), &[("user", "u2")])),
        ("another name", named(chat(), &[("use", "ru1")])),
        ("two", named(chat(), &[("user", "u1"), ("x", "")])),
        ("a namespace", within(chat(), "n")),
        ("another", within(chat(), "m")),
    ])
    .await;
    // A namespace is there instead of metadata.
    let kitchen = Kitchen::new([Behaviour::answer()]);
    let first = within(named(chat(), &[("user", "u1")]), "n");
    let second = within(named(chat(), &[("user", "u2")]), "n");
    assert_eq!(kitchen.says(first).await, "miss");
    assert_eq!(kitchen.says(second).await, "hit");
}

#[tokio::test]
async fn what_is_asked_and_of_whom_set_calls_apart() {
    let body = |text: &str| {
        let body =
            format!(r#"{{"model":"{MODEL}","messages":[{{"role":"user","content":{text:?}}}]}}"#);
        kept(Ask::body(CHAT, body))
    };
    let at = |config: serde_json::Value| Ask {
        directions: directed(&config),
        ..body("Hi")
    };
    let messages = Ask::new(Endpoint::Messages, MODEL, false);
    let mut beta = kept(messages.clone());
    beta.query = Some("beta=true".to_owned());
    all_apart(vec![
        ("a body", body("Hi")),
        ("another", body("Ho")),
        (
            "a space more",
            kept(Ask::body(
                CHAT,
                body("Hi").body.to_vec()[..]
                    .iter()
                    .copied()
                    .chain(*b" ")
                    .collect::<Vec<u8>>(),
            )),
        ),
        (
            "another provider",
            at(json!({ "provider": "two", "cache": "simple" })),
        ),
        (
            "another model",
            at(json!({ "provider": "one", "model": "m-small", "cache": "simple" })),
        ),
        (
            "another parameter",
            at(json!({ "provider": "one", "override_params": { "seed": 1 }, "cache": "simple" })),
        ),
        ("a stream", kept(Ask::new(CHAT, MODEL, true))),
        ("another endpoint", kept(messages.clone())),
        ("a query", beta),
        (
            "a beta",
            kept(messages.clone()).header("anthropic-beta", "x-2026"),
        ),
        (
            "a version",
            kept(messages).header("anthropic-version", "2030-01-01"),
        ),
    ])
    .await;
}

#[tokio::test]
async fn what_names_one_call_does_not_set_it_apart() {
    let kitchen = Kitchen::new([Behaviour::answer()]);
    let numbered = |number| {
        let ask = chat().header("idempotency-key", number);
        ask.header("x-client-request-id", number)
            .header("x-other", number)
    };
    assert_eq!(kitchen.says(numbered("1")).await, "miss");
    assert_eq!(kitchen.says(numbered("2")).await, "hit");
}

#[tokio::test]
async fn who_has_usage_hidden_is_not_shown_it() {
    let kitchen = Kitchen::new([Behaviour::answer()]);
    let ask = |options: &str| {
        let body = format!(
            r#"{{"model":"{MODEL}","stream":true,"stream_options":{{"include_usage":{options}}},"messages":[{{"role":"user","content":"Hi"}}]}}"#
        );
        kept(Ask::body(CHAT, body))
    };
    let shown = kitchen.ask(ask("true")).await;
    let hidden = kitchen.ask(ask("false")).await;
    assert_eq!(hidden.header("x-orchestra-cache"), "miss");
    let sent = kitchen.stage.upstreams[0].log();
    assert_eq!(sent[0].body, sent[1].body, "the same is asked for both");
    assert!(shown.text().contains("\"usage\":{") && !hidden.text().contains("\"usage\":{"));
    for (ask, text) in [(ask("true"), shown.text()), (ask("false"), hidden.text())] {
        let got = kitchen.ask(ask).await;
        assert_eq!((got.header("x-orchestra-cache"), got.text()), ("hit", text));
    }
}
