//! The gateway that cases are played on, with all its providers behind one scripted upstream.

use std::path::Path;

use orchestra_secrets::Variables;
use orchestra_server::Config;
use orchestra_server::secrets::Vault;
use orchestra_testkit::{Behaviour, Script, Upstream, When};
use serde_json::{Map, Value, json};

use super::case::{Case, Mode};
use crate::client::{Answer, call, request_with};
use crate::stage::{CLIENT_KEY, Stage};

/// Providers by name and kind. Besides them there is `dead`, where nobody listens.
const PROVIDERS: [(&str, &str); 5] = [
    ("openai", "openai"),
    ("anthropic", "anthropic"),
    ("local", "openai-compatible"),
    ("spare", "openai-compatible"),
    ("together", "together"),
];

/// What the operator wrote. Names in cases mean these.
const TREES: &str = r#"
[models]
fast = ["openai/gpt-5-mini", "local/local-large"]

[models.smart]
strategy = { mode = "fallback" }
targets = [{ model = "openai/gpt-5-mini" }, { model = "local/local-large" }]

[configs.pc-main]
provider = "@openai"
override_params = { temperature = 0.25 }

[configs.pc-two]
strategy = { mode = "fallback" }
targets = [{ provider = "@openai" }, { virtual_key = "local", model = "local-large" }]
"#;

const ENDPOINTS: [&str; 5] = [
    "chat/completions",
    "completions",
    "messages",
    "responses",
    "embeddings",
];

/// The provider that a request upstream is for.
pub(super) fn provider_of(path: &str) -> &str {
    let first = path.split('/').nth(1).unwrap_or_default();
    first.strip_suffix("-api").unwrap_or(first)
}

/// The gateway's own key for a provider.
pub(super) fn key_of(provider: &str) -> String {
    format!("the-gateways-key-for-{provider}-0123456789")
}

pub(super) async fn open(case: &Case, mode: Mode) -> Stage {
    let upstream = Upstream::start(script(case)).expect("loopback has a free port");
    let text = configuration(&upstream.base_url(), mode);
    let config = Config::parse(&text, Path::new("orchestra.toml")).expect("it is valid");
    let keys = PROVIDERS.map(|(name, _)| (variable(name), key_of(name)));
    let app = ("APP_KEY".to_owned(), CLIENT_KEY.to_owned());
    let variables = Variables::from_pairs(keys.into_iter().chain([app]));
    Stage::serve(&config, Vault::without_store(variables), upstream).await
}

fn variable(provider: &str) -> String {
    format!("{}_KEY", provider.to_uppercase())
}

fn configuration(upstream: &str, mode: Mode) -> String {
    let provider = |(name, kind): &(&str, &str)| {
        let key = variable(name);
        format!(
            "[[providers]]\nname = \"{name}\"\nkind = \"{kind}\"\nkey = \"env:{key}\"\nbase_url = \"{upstream}/{name}-api/v1\"\n"
        )
    };
    let providers: String = PROVIDERS.iter().map(provider).collect();
    format!(
        r#"
[server]
listen = "127.0.0.1:0"
client_keys = [{{ name = "app", key = "env:APP_KEY" }}]

{providers}
[[providers]]
name = "dead"
kind = "openai-compatible"
base_url = "http://127.0.0.1:1/v1"

{TREES}
[portkey]
compat = "{}"
"#,
        mode.word()
    )
}

/// What each provider says, to whichever of its endpoints comes first.
fn script(case: &Case) -> Script {
    let mut script = Script::new();
    for (provider, says) in &case.upstream {
        let known = PROVIDERS.iter().any(|(name, _)| name == provider);
        assert!(
            known && !says.is_empty(),
            "{}: nothing is said by {provider:?}",
            case.name
        );
        for endpoint in ENDPOINTS {
            let when = || When::path(format!("/{provider}-api/v1/{endpoint}"));
            for said in &says[..says.len() - 1] {
                script = script.on(when().first(1), said.0.clone());
            }
            script = script.on(when(), says[says.len() - 1].0.clone());
        }
    }
    script.otherwise(Behaviour::answer())
}

/// Makes the case's call for the `number`th time.
pub(super) async fn ask(stage: &Stage, case: &Case, number: usize) -> Answer {
    let lines = headers(case, number);
    let body = body(case).to_string();
    call(
        stage,
        &request_with("POST", &case.path, &lines, body.as_bytes()),
    )
    .await
}

fn headers(case: &Case, number: usize) -> String {
    let key = ("x-portkey-api-key", Some(CLIENT_KEY.to_owned()));
    let config = case.config.as_ref().map(|config| match config {
        Value::String(text) => text.clone(),
        tree => grown(tree.clone(), case.grow).to_string(),
    });
    let metadata = case.metadata.as_ref().map(|metadata| match metadata {
        Value::String(text) => text.clone(),
        members => members.to_string().replace("{n}", &number.to_string()),
    });
    let own = case.headers.iter();
    let own = own.map(|(name, value)| (name.as_str(), value.clone()));
    let gateways = [
        key,
        ("x-portkey-config", config),
        ("x-portkey-metadata", metadata),
    ];
    let gateways = gateways
        .into_iter()
        .filter(|(name, _)| !case.headers.contains_key(*name));
    let lines = gateways
        .chain(own)
        .filter_map(|(name, value)| Some(format!("{name}: {}\r\n", value?)));
    lines.collect()
}

fn grown(mut config: Value, times: usize) -> Value {
    if let Some(targets) = config["targets"].as_array_mut()
        && let Some(first) = targets.first().cloned()
    {
        targets.extend(std::iter::repeat_n(first, times));
    }
    config
}

fn body(case: &Case) -> Value {
    let mut body = Map::new();
    body.insert("model".to_owned(), json!("gpt-5-mini"));
    body.insert(
        "messages".to_owned(),
        json!([{ "role": "user", "content": "hi" }]),
    );
    body.extend(case.body.clone());
    body.retain(|_, value| !value.is_null());
    Value::Object(body)
}
