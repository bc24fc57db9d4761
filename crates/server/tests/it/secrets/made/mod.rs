//! Providers and virtual keys that are made by way of Portkey's REST interface.

mod elsewhere;
mod life;
mod refused;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use orchestra_secrets::Variables;
use orchestra_server::Config;
use orchestra_server::secrets::{NoPrompt, Vault};
use orchestra_testkit::{Script, Upstream};
use serde_json::{Value, json};

use super::house::{FIRST_KEY, FROM_STORE, House, SECOND_KEY, accepting, soon, until_ready};
use crate::client::{Answer, call, request_with};
use crate::stage::{CLIENT_KEY, Stage};

const CHAT: &str = "/v1/chat/completions";
const THIRD_KEY: &str = "third-key-canary-0123456789";

/// A store, and a server in front of an upstream that knows the second and third key, but not the configured provider's.
struct Shop {
    house: House,
    stage: Stage,
    /// Where the upstream's API is.
    host: String,
}

impl Shop {
    async fn open() -> Self {
        Self::with(accepting(&[SECOND_KEY, THIRD_KEY])).await
    }

    async fn with(script: Script) -> Self {
        let mut house = House::build().await;
        let client = ("ORCHESTRA_CLIENT_KEY".to_owned(), CLIENT_KEY.to_owned());
        house.variables.push(client);
        Self::of(house, Upstream::start(script).expect("a port")).await
    }

    async fn of(house: House, upstream: Upstream) -> Self {
        let host = format!("{}/v1", upstream.base_url());
        let rest = portkey(&upstream);
        let stage = house.serve_before(FROM_STORE, &rest, upstream).await;
        until_ready(&stage, None).await;
        Self { house, stage, host }
    }

    /// The same server, stopped and started before the same upstream.
    async fn restart(self) -> Self {
        let (serving, upstream) = self.stage.stop();
        serving.await.expect("it stops");
        Self::of(self.house, upstream).await
    }

    /// A virtual key for the upstream.
    fn key(&self, slug: &str, key: &str) -> Value {
        json!({
            "name": "Every Day", "slug": slug, "provider": "openai", "key": key,
            "custom_host": self.host, "note": "of the\nnight shift",
        })
    }

    async fn make(&self, body: &Value) -> Value {
        let answer = ask(&self.stage, "POST", "/v1/virtual-keys", body).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        answer.json()
    }

    async fn get(&self, path: &str) -> Answer {
        ask(&self.stage, "GET", path, &Value::Null).await
    }
}

pub(super) fn portkey(upstream: &Upstream) -> String {
    let host = upstream.base_url();
    format!("[portkey]\nadmin_keys = [\"default\"]\ncustom_hosts = [\"{host}\"]\n")
}

pub(super) async fn ask(stage: &Stage, method: &str, path: &str, body: &Value) -> Answer {
    let headers = format!("x-portkey-api-key: {CLIENT_KEY}\r\n");
    let body = match body {
        Value::Null => String::new(),
        body => body.to_string(),
    };
    call(
        stage,
        &request_with(method, path, &headers, body.as_bytes()),
    )
    .await
}

/// A call for this model, with these headers besides.
async fn chat(stage: &Stage, model: &str, more: &str) -> Answer {
    let headers = format!("x-portkey-api-key: {CLIENT_KEY}\r\n{more}");
    let body = json!({ "model": model, "messages": [{ "role": "user", "content": "Hi" }] });
    let body = body.to_string();
    call(
        stage,
        &request_with("POST", CHAT, &headers, body.as_bytes()),
    )
    .await
}

pub(super) async fn at(stage: &Stage, slug: &str) -> Answer {
    chat(stage, &format!("@{slug}/gpt-5-mini"), "").await
}

/// Waits until calls for `night` get this status.
pub(super) async fn until(stage: &Stage, status: u16) {
    let waiting = async {
        while at(stage, "night").await.status != status {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    soon(&format!("calls to get status {status}"), waiting).await;
}

/// Another server of the same store, with files of its own, that lists the address of `called`.
async fn neighbour(house: &House, called: &Upstream, upstream: Upstream) -> Stage {
    let at = |name: &str| house.path(name).display().to_string();
    let text = format!(
        "[server]\nlisten = \"127.0.0.1:0\"\n[secrets]\npath = {:?}\nanchor = {:?}\ncontrol = {:?}\n{}\n{}",
        at("orchestra-secrets.db"),
        at("other.anchor"),
        at("other.sock"),
        house.secrets,
        portkey(called),
    );
    let config = Config::parse(&text, Path::new("orchestra.toml")).expect("it is valid");
    let variables = Variables::from_pairs(house.variables.clone());
    let folder = house.folder.path();
    let vault = Vault::open(&config.secrets, folder, variables, Arc::new(NoPrompt));
    let vault = vault.await.expect("its place is written");
    Stage::serve(&config, vault, upstream).await
}
