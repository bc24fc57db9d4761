//! `test`

use orchestra_testkit::{Behaviour, Script, Upstream};

use crate::canary::VALUE;
use crate::place::Place;

/// A place with these providers, each with a key and an upstream that plays it.
fn place_with(providers: &[(&str, &Upstream)]) -> Place {
    let place = Place::new();
    let entry = |(kind, upstream): &(&str, &Upstream)| {
        format!(
            "[[providers]]\nkind = \"{kind}\"\nkey = \"env:THE_KEY\"\nbase_url = \"{}/v1\"\n\n",
            upstream.base_url()
        )
    };
    let entries: String = providers.iter().map(entry).collect();
    place.write("orchestra.toml", &entries);
    place.write(".env", &format!("THE_KEY={VALUE}\n"));
    place
}

fn working() -> Upstream {
    Upstream::start(Script::new().models(["one", "two"])).unwrap()
}

/// It repeats the key in its refusal.
fn refusing() -> Upstream {
    let words = format!("Incorrect API key provided: {VALUE}");
    let refusal = Behaviour::error_with(401, "invalid_api_key", words);
    Upstream::start(Script::new().otherwise(refusal)).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_that_works_is_said_in_plain_words() {
    let (openai, portkey) = (working(), working());
    let place = place_with(&[("openai", &openai), ("portkey", &portkey)]);
    place
        .run(["test"])
        .succeeds()
        .says("Client initialised: yes, providers configured: 2\n")
        .says("openai    working  2 models\n")
        .says("Providers available: openai, portkey\n")
        .says("Portkey: working with `portkey`, 2 models\n")
        .says("Health: healthy, 2 of 2 providers work\n");
    assert_eq!(openai.requests(), 1, "each is asked once");
    let told = place.run(["test", "--json"]).succeeds().json();
    let wanted = serde_json::json!({
        "client_initialised": true,
        "status": "healthy",
        "available_providers": ["openai", "portkey"],
        "connection_test": true,
        "portkey_configured": true,
        "providers": [
            { "name": "openai", "working": true, "detail": "2 models" },
            { "name": "portkey", "working": true, "detail": "2 models" },
        ],
    });
    assert_eq!(told, wanted);
    let models = |upstream: &Upstream| {
        let log = upstream.log();
        log.iter().all(|request| request.path == "/v1/models")
    };
    assert!(models(&openai) && models(&portkey), "it costs no tokens");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_that_fails_is_named_and_fails_the_test() {
    let (openai, portkey) = (working(), refusing());
    let place = place_with(&[("openai", &openai), ("portkey", &portkey)]);
    place
        .run(["test"])
        .exits(1)
        .says("Providers available: openai\n")
        .says("Portkey: not working with `portkey`: it refused the key with status 401\n")
        .says("Health: degraded, 1 of 2 providers work\n");
    let told = place.run(["test", "--json"]).exits(1).json();
    assert_eq!(told["status"], "degraded");
    assert_eq!(told["connection_test"], false);
    assert_eq!(told["available_providers"], serde_json::json!(["openai"]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_none_that_works_nothing_does() {
    let openai = refusing();
    place_with(&[("openai", &openai)])
        .run(["test"])
        .exits(1)
        .says("Providers available: none\n")
        .says("Portkey: not configured\n")
        .says("Health: unhealthy, 0 of 1 providers work\n");
    Place::new()
        .run(["test"])
        .exits(1)
        .says("providers configured: 0\n")
        .says("OPENAI_API_KEY")
        .says("Health: unhealthy");
}

#[test]
fn a_configuration_that_is_wrong_is_a_failure_of_its_own() {
    let place = Place::new();
    place.write("orchestra.toml", "[[providers]]\nkind = \"opnai\"\n");
    place.run(["test"]).refuses("opnai");
}
