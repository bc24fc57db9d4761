//! A stream that dies behind its first words, and another provider that goes on with it.

use std::time::Duration;

use orchestra_testkit::{At, Behaviour, How, Received, Script, Upstream, When};
use serde_json::Value;

use crate::for_clients;
use crate::harness::{Client, Family, Server, assert_signed};

for_clients!(recovery);
for_clients!(no_recovery);

/// What both providers know to say. The scripts that drive the clients expect it. It repeats itself, so that a text that is
/// put together wrongly does not look right by chance.
const TALE: &str = "The rain in Bergen falls on the quay, and then it falls on the quay again. The rain in Bergen.";
/// Each target is a model of its own, so that the death of one speaks against no other.
const WAYS: [&str; 5] = ["raw", "helper", "late", "other", "off"];
/// Longer than the gateway says nothing while it looks for somebody.
const LATE: Duration = Duration::from_millis(5_500);

struct Tale {
    dying: Upstream,
    other: Upstream,
    server: Server,
}

impl Tale {
    async fn start() -> Self {
        let torn = Behaviour::text(TALE)
            .chunks(16)
            .gap(Duration::from_millis(5))
            .interrupt(At::AfterEvents(8), How::Close);
        let rest = || Behaviour::text(TALE).goes_on();
        let going_on = Script::new()
            .on(When::model("*-late"), rest().delay(LATE))
            .otherwise(rest());
        let start = |script| Upstream::start(script).expect("there is a free port");
        let (dying, other) = (start(Script::new().otherwise(torn)), start(going_on));
        let server = Server::start(&config(&dying.base_url(), &other.base_url())).await;
        Self {
            dying,
            other,
            server,
        }
    }
}

fn config(dying: &str, other: &str) -> String {
    let mut text = String::from(
        "[server]\nclient_keys = [{ name = \"app\", key = \"env:CLIENT_KEY_OF_THE_TESTS\" }]\n",
    );
    for kind in ["openai", "anthropic"] {
        text += &format!(
            "[[providers]]\nname = \"dying-{kind}\"\nkind = {kind:?}\nbase_url = \"{dying}/v1\"\n\
             [[providers]]\nname = \"other-{kind}\"\nkind = {kind:?}\nbase_url = \"{other}/v1\"\n\
             [providers.overrides]\nprofile = {{ continues = \"assistant\" }}\n"
        );
    }
    text += "[models]\n";
    for (kind, model) in [("openai", "gpt"), ("anthropic", "claude")] {
        for way in WAYS {
            text += &format!(
                "{model}-tale-{way} = [\"dying-{kind}/{model}-{way}\", \"other-{kind}/{model}-{way}\"]\n"
            );
        }
    }
    text
}

/// The words with which a call ends, if they are the assistant's.
fn told(call: &Received) -> String {
    let body: Value = call.json().expect("a body");
    let last = body["messages"].as_array().and_then(|all| all.last());
    let last = last.expect("messages");
    assert_eq!(last["role"], "assistant", "{body}");
    let part = last["content"][0]["text"].as_str();
    let text = last["content"].as_str().or(part);
    text.expect("a text").to_owned()
}

/// The client sees one whole answer, whatever stands between its two halves.
async fn recovery(client: Client) {
    let world = Tale::start().await;
    let mut scenarios = vec!["tale_raw", "tale_helper", "tale_late"];
    if client.family() == Family::OpenAi {
        scenarios.push("tale_other");
    }
    client.run(&world.server, &scenarios).await;
    let calls = world.other.log();
    assert_signed(&calls);
    assert_eq!(calls.len(), scenarios.len(), "{calls:?}");
    assert_eq!(world.dying.requests(), calls.len() as u64);
    for call in &calls {
        let told = told(call);
        assert!(TALE.starts_with(&told) && told.len() < TALE.len(), "{told}");
    }
    let recovered = world.server.log().matches("stream recovered").count();
    assert_eq!(recovered, calls.len(), "{}", world.server.log());
}

/// Who did not ask for it hears of the death.
async fn no_recovery(client: Client) {
    let world = Tale::start().await;
    client.run(&world.server, &["tale_off"]).await;
    assert_eq!(world.other.requests(), 0, "{:?}", world.other.log());
}
