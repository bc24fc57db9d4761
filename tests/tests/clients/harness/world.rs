//! A server between the clients and two scripted providers.
//!
//! What a provider does is in the model's name: `gpt-cut` and `claude-cut` break off their
//! streams, `gpt-limited` and `claude-limited` answer 429, and so on.

use std::fmt::Write;
use std::net::TcpListener;
use std::time::Duration;

use orchestra_testkit::{At, Behaviour, How, Received, Script, TokenCounts, Upstream, When};

use super::Server;

/// The key that the gateway gave to its application.
pub(crate) const CLIENT_KEY: &str = "the-key-of-the-test-application";
/// The key that the providers gave to the gateway.
pub(crate) const PROVIDER_KEY: &str = "test-provider-key";
/// What the scripts expect to read and to have been written.
const TOKENS: (u64, u64) = (11, 7);
/// Ways to fail before the client has seen anything, each under a provider of its own so
/// that one's standing does not change another's.
const EARLY_FAULTS: [&str; 3] = ["broken", "silent", "fails-early"];

/// The providers and the server that stands before them.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) upstream: Upstream,
    /// Where the aliases `gpt-spare-…` and `claude-spare-…` lead when their first target fails.
    pub(crate) spare: Upstream,
    pub(crate) server: Server,
}

impl World {
    /// Everything as it usually is.
    pub(crate) async fn start() -> Self {
        Self::with("").await
    }

    /// With some further configuration.
    pub(crate) async fn with(further: &str) -> Self {
        let upstream = Upstream::start(script()).expect("there is a free port");
        let spare = Upstream::start(script()).expect("there is a free port");
        let server = Server::start(&config(&upstream, &spare, further)).await;
        Self {
            upstream,
            spare,
            server,
        }
    }
}

impl World {
    /// With a secret store in which providers may be made at the upstream, whose address `pc-where` tells.
    pub(crate) async fn with_store() -> Self {
        let upstream = Upstream::start(script()).expect("there is a free port");
        let spare = Upstream::start(script()).expect("there is a free port");
        let host = upstream.base_url();
        let further = format!(
            "[portkey]\nadmin_keys = [\"app\"]\ncustom_hosts = [\"{host}\"]\n\
             [configs.pc-where]\nprovider = \"openai\"\napi_key = \"no-key\"\ncustom_host = \"{host}/v1\"\n"
        );
        let server = Server::with_store(&config(&upstream, &spare, &further)).await;
        Self {
            upstream,
            spare,
            server,
        }
    }
}

fn script() -> Script {
    let (input, output) = TOKENS;
    let counts = TokenCounts {
        input,
        output,
        ..TokenCounts::default()
    };
    // The pauses let the gateway read what comes before the fault; a reset may destroy the rest.
    let long = || Behaviour::answer().chunks(20).gap(Duration::from_millis(5));
    let torn = |how| long().interrupt(At::AfterEvents(8), how);
    let unwelcome = "the provider's own words about test-provider-key";
    let rules = [
        ("quote", Behaviour::quote()),
        ("limited", Behaviour::error(429).retry_after(1)),
        ("broken", Behaviour::error(500)),
        ("away", Behaviour::error(503)),
        ("overloaded", Behaviour::error(529)),
        (
            "locked",
            Behaviour::error_with(401, "invalid_api_key", unwelcome),
        ),
        (
            "page",
            Behaviour::html(200, "<html><body>Please sign in</body></html>"),
        ),
        // Many servers answer with lists of numbers whatever they are asked for.
        (
            "lists",
            Behaviour::json(
                200,
                r#"{"object":"list","data":[{"object":"embedding","index":0,"embedding":[1,-2.5,0.125,3e-3]}],"model":"m","usage":{"prompt_tokens":1,"total_tokens":1}}"#,
            ),
        ),
        ("silent", Behaviour::hang()),
        ("cut", torn(How::Close)),
        ("reset", torn(How::Reset)),
        ("stopped", torn(How::End)),
        ("fails", long().error_event(8)),
        ("fails-early", long().error_event(0)),
        ("endless", long().endless()),
        (
            "slow",
            Behaviour::answer()
                .chunks(15)
                .gap(Duration::from_millis(200)),
        ),
    ];
    let script = Script::new()
        .models(["gpt-plain", "claude-plain"])
        .on(When::model("*-flaky").first(1), Behaviour::error(503))
        .otherwise(Behaviour::answer().usage(counts));
    rules.into_iter().fold(script, |script, (name, behaviour)| {
        script.on(When::model(format!("*-{name}")), behaviour)
    })
}

fn config(upstream: &Upstream, spare: &Upstream, further: &str) -> String {
    let mut text = String::from(
        "[server]\nclient_keys = [{ name = \"app\", key = \"env:CLIENT_KEY_OF_THE_TESTS\" }]\n",
    );
    let mut models =
        String::from("[models]\neveryday = [\"openai/gpt-plain\", \"anthropic/claude-plain\"]\n");
    let nowhere = nobody_listens();
    let (upstream, spare) = (upstream.base_url(), spare.base_url());
    for kind in ["openai", "anthropic"] {
        provider(&mut text, kind, kind, &upstream);
        provider(&mut text, &format!("spare-{kind}"), kind, &spare);
        provider(&mut text, &format!("gone-{kind}"), kind, &nowhere);
        for fault in EARLY_FAULTS {
            provider(&mut text, &format!("{fault}-{kind}"), kind, &upstream);
        }
    }
    for fault in EARLY_FAULTS.into_iter().chain(["gone"]) {
        for (kind, model) in [("openai", "gpt"), ("anthropic", "claude")] {
            writeln!(
                models,
                "{model}-spare-{fault} = [\"{fault}-{kind}/{model}-{fault}\", \
                 \"spare-{kind}/{model}-plain\"]"
            )
            .expect("a string takes everything");
        }
    }
    text + &models + further
}

/// Only the provider that is named like its kind gets models by their bare names.
fn provider(text: &mut String, name: &str, kind: &str, origin: &str) {
    writeln!(
        text,
        "[[providers]]\nname = {name:?}\nkind = {kind:?}\nbase_url = \"{origin}/v1\""
    )
    .expect("a string takes everything");
    if name != kind {
        text.push_str("[providers.overrides]\npatterns = []\nmodels = []\n");
    }
}

/// An address where connections are refused: the port was free a moment ago.
pub(crate) fn nobody_listens() -> String {
    let taken = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
    format!("http://{}", taken.expect("there is a free port"))
}

/// Every request that reached a provider carried the gateway's key for it and nothing of the
/// client's.
pub(crate) fn assert_signed(log: &[Received]) {
    assert!(!log.is_empty(), "no request reached the provider");
    for request in log {
        let header = |name| request.header(name);
        let presented = header("x-api-key")
            .or_else(|| header("x-goog-api-key"))
            .or_else(|| header("authorization")?.strip_prefix("Bearer "));
        assert_eq!(presented, Some(PROVIDER_KEY), "{request:?}");
        let leaked = request
            .headers
            .iter()
            .any(|(_, value)| value.contains(CLIENT_KEY));
        assert!(
            !leaked,
            "the client's key reached the provider: {request:?}"
        );
    }
}
