//! A store on disk, an operator who changes it, and servers that use it.

use std::fs::{self, Permissions};
use std::future::Future;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use orchestra_secrets::{
    Credential, Entry, KdfParameters, Name, NewSecret, Secret, Store, Variables,
};
use orchestra_server::Config;
use orchestra_server::secrets::{NoPrompt, Prompt, StorePlace, Vault};
use orchestra_testkit::{Behaviour, Script, Upstream, When};
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, Connection, SqliteConnection};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use zeroize::Zeroizing;

use crate::client::{Answer, call, request_with};
use crate::stage::Stage;

pub(crate) const PASSPHRASE: &str = "passphrase-canary-0123456789";
pub(crate) const KEY_FILE: &str = "key-file-canary-0123456789-0123456789-0123456789";
/// The usual name of the tests' secret.
pub(crate) const NAME: &str = "openai";
pub(crate) const FIRST_KEY: &str = "first-key-canary-0123456789";
pub(crate) const SECOND_KEY: &str = "second-key-canary-0123456789";

/// A provider's key from the store.
pub(crate) const FROM_STORE: &str = "key = \"store:openai\"";

/// Longer than anything here may take on a machine that is busy with other tests: a passphrase is stretched, a poll comes
/// once a second.
const PATIENCE: Duration = Duration::from_secs(60);

/// Waits for something that must happen, and fails the test with `what` if it does not.
pub(crate) async fn soon<T>(what: &str, happening: impl Future<Output = T>) -> T {
    match tokio::time::timeout(PATIENCE, happening).await {
        Ok(happened) => happened,
        Err(_) => panic!("waited in vain: {what}"),
    }
}

/// A folder with a store in it.
pub(crate) struct House {
    pub(crate) folder: TempDir,
    pub(crate) operator: Store,
    pub(crate) recovery: Zeroizing<String>,
    /// What stands in `[secrets]` beside the places.
    pub(crate) secrets: String,
    /// Beside those of the store, in its folder.
    pub(crate) variables: Vec<(String, String)>,
    /// Who sits at the terminal.
    pub(crate) prompt: Arc<dyn Prompt>,
}

impl House {
    /// A store that a passphrase and a key file open, with [`FIRST_KEY`] in it. Servers find the key file.
    pub(crate) async fn build() -> Self {
        let house = Self::empty().await;
        house.set(NAME, FIRST_KEY).await;
        house
    }

    /// The same without any secret.
    pub(crate) async fn empty() -> Self {
        let folder = tempfile::tempdir().expect("there is room");
        let place = place(folder.path(), "", &[]);
        let parts = place.parts("an operator").await.expect("there is room");
        let credentials = vec![
            Credential::passphrase(PASSPHRASE),
            Credential::key_file(KEY_FILE.as_bytes()),
        ];
        let created = Store::create(parts, credentials, KdfParameters::LEAST).await;
        let created = created.expect("nothing is there yet");
        let house = Self {
            operator: created.store,
            recovery: created.recovery.expose(),
            secrets: String::new(),
            variables: Vec::new(),
            prompt: Arc::new(NoPrompt),
            folder,
        };
        house.write("key", KEY_FILE, 0o600);
        house.unlocked_by("file:key")
    }

    /// What servers look for.
    pub(crate) fn unlocked_by(self, source: &str) -> Self {
        let source = source.replace("file:", &format!("file:{}/", self.folder.path().display()));
        Self {
            secrets: format!("unlock = [\"{source}\"]"),
            ..self
        }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, content: &str, mode: u32) {
        let path = self.path(name);
        fs::write(&path, content).expect("there is room");
        fs::set_permissions(&path, Permissions::from_mode(mode)).expect("it is ours");
    }

    pub(crate) async fn set(&self, name: &str, value: &str) -> Entry {
        self.keep(NewSecret::new(named(name)), value).await
    }

    pub(crate) async fn keep(&self, new: NewSecret, value: &str) -> Entry {
        let secret = Secret::new(value.to_owned());
        let set = self.operator.set(new, &secret).await;
        set.expect("the operator's store is unsealed")
    }

    pub(crate) async fn add_slot(&self, credential: Credential) {
        let added = self.operator.add_slot(credential, KdfParameters::LEAST);
        added.await.expect("the operator's store is unsealed");
    }

    /// A new root key, which the passphrase opens, and the key file, too, if `with_file`.
    pub(crate) async fn replace_root(&self, with_file: bool) {
        let mut credentials = vec![Credential::passphrase(PASSPHRASE)];
        if with_file {
            credentials.push(Credential::key_file(KEY_FILE.as_bytes()));
        }
        let replaced = self
            .operator
            .rotate_root(credentials, KdfParameters::LEAST, true);
        replaced.await.expect("the operator's store is unsealed");
    }

    /// A server for one provider, with these lines in its table, that looks for its keys here.
    pub(crate) async fn serve(&self, provider: &str, script: Script) -> Stage {
        let upstream = Upstream::start(script).expect("loopback has a free port");
        self.serve_before(provider, "", upstream).await
    }

    /// The same before an upstream that is there already. `rest` stands behind all other tables.
    pub(crate) async fn serve_before(
        &self,
        provider: &str,
        rest: &str,
        upstream: Upstream,
    ) -> Stage {
        let text = format!(
            "[server]\nlisten = \"127.0.0.1:0\"\n[[providers]]\nkind = \"openai\"\nbase_url = \"{}/v1\"\n{provider}\n{}\n{rest}",
            upstream.base_url(),
            places(self.folder.path(), &self.secrets),
        );
        let config = Config::parse(&text, Path::new("orchestra.toml")).expect("it is valid");
        Stage::serve(&config, self.vault(&config).await, upstream).await
    }

    pub(crate) async fn vault(&self, config: &Config) -> Vault {
        let variables = Variables::from_pairs(self.variables.clone());
        let vault = Vault::open(
            &config.secrets,
            self.folder.path(),
            variables,
            Arc::clone(&self.prompt),
        );
        vault.await.expect("its place is written")
    }

    /// What the control socket answers.
    pub(crate) async fn control(&self, method: &str, path: &str, body: &Value) -> (u16, Value) {
        control(&self.path("control.sock"), method, path, body).await
    }

    pub(crate) async fn control_raw(&self, method: &str, path: &str, body: &[u8]) -> (u16, String) {
        control_raw(&self.path("control.sock"), method, path, body).await
    }

    pub(crate) async fn seal(&self) {
        let (status, body) = self.control("POST", "/v1/secrets/seal", &json!({})).await;
        assert_eq!(status, 200, "{body}");
    }

    /// With the passphrase.
    pub(crate) async fn unseal(&self) {
        let credential = json!({ "passphrase": PASSPHRASE });
        let (status, body) = self
            .control("POST", "/v1/secrets/unseal", &credential)
            .await;
        assert_eq!(status, 200, "{body}");
    }

    /// What the server says of its store and its keys.
    pub(crate) async fn status(&self) -> Value {
        let (status, body) = self.control("GET", "/v1/secrets/status", &json!({})).await;
        assert_eq!(status, 200, "{body}");
        body
    }
}

/// What the server at this socket answers.
pub(crate) async fn control(socket: &Path, method: &str, path: &str, body: &Value) -> (u16, Value) {
    let (status, body) = control_raw(socket, method, path, body.to_string().as_bytes()).await;
    let value = serde_json::from_str(&body);
    (
        status,
        value.unwrap_or_else(|error| panic!("{error}: {body}")),
    )
}

pub(crate) async fn control_raw(
    socket: &Path,
    method: &str,
    path: &str,
    body: &[u8],
) -> (u16, String) {
    let talk = async {
        let mut socket = loop {
            match UnixStream::connect(socket).await {
                Ok(socket) => break socket,
                Err(_) => tokio::time::sleep(Duration::from_millis(10)).await,
            }
        };
        let bytes = request_with(method, path, "", body);
        // One that is refused for its size is not read to its end.
        let _ = socket.write_all(&bytes).await;
        let mut said = Vec::new();
        let _ = socket.read_to_end(&mut said).await;
        String::from_utf8(said).expect("it is text")
    };
    let said = soon("the control socket to answer", talk).await;
    let (head, body) = said.split_once("\r\n\r\n").expect("it has a head");
    let status = head
        .split(' ')
        .nth(1)
        .and_then(|status| status.parse().ok());
    (status.expect("it has a status"), body.to_owned())
}

/// A connection to the store's database, of somebody who has no key.
pub(crate) async fn thief(house: &House) -> SqliteConnection {
    let database = format!("sqlite:{}", house.path("orchestra-secrets.db").display());
    let mut thief = SqliteConnection::connect(&database)
        .await
        .expect("it is there");
    let kept = house.path("kept.db");
    fs::write(&kept, "").expect("there is room");
    run(&mut thief, format!("ATTACH '{}' AS kept", kept.display())).await;
    thief
}

pub(crate) async fn run(connection: &mut SqliteConnection, statement: String) {
    let run = sqlx::raw_sql(AssertSqlSafe(statement)).execute(connection);
    run.await.expect("SQLite does it");
}

fn places(folder: &Path, more: &str) -> String {
    let at = |name: &str| folder.join(name).display().to_string();
    format!(
        "[secrets]\npath = {:?}\nanchor = {:?}\ncontrol = {:?}\n{more}\n",
        at("orchestra-secrets.db"),
        at("anchor"),
        at("control.sock")
    )
}

pub(crate) fn place(folder: &Path, more: &str, variables: &[(&str, &str)]) -> StorePlace {
    let config = Config::parse(&places(folder, more), Path::new("orchestra.toml"));
    let config = config.expect("it is valid").secrets;
    let variables = Variables::from_pairs(variables.iter().copied());
    config.place(folder, &variables).expect("it is written")
}

pub(crate) fn named(name: &str) -> Name {
    name.parse().expect("it is a name")
}

/// An upstream that knows these keys only.
pub(crate) fn accepting(keys: &[&str]) -> Script {
    let known = keys.iter().fold(Script::new(), |script, key| {
        script.on(
            When::header("authorization", format!("Bearer {key}")),
            Behaviour::answer(),
        )
    });
    known.otherwise(Behaviour::error(401))
}

/// One call to the model.
pub(crate) async fn ask(stage: &Stage) -> Answer {
    let body = r#"{"model":"openai/gpt-5-mini","messages":[{"role":"user","content":"Hi"}]}"#;
    call(stage, &local("POST", "/v1/chat/completions", body)).await
}

/// What the server says to whoever asks whether it is ready.
pub(crate) async fn ready(stage: &Stage) -> (u16, Value) {
    let answer = call(stage, &local("GET", "/health/ready", "")).await;
    (answer.status, answer.json())
}

/// A request of a program on this machine, which needs no key.
pub(crate) fn local(method: &str, path: &str, body: &str) -> Vec<u8> {
    let bytes = request_with(method, path, "", body.as_bytes());
    let text = String::from_utf8(bytes).expect("it is text");
    text.replacen("host: gateway", "host: localhost", 1)
        .into_bytes()
}

/// Waits until the server is ready, or not ready for this reason.
pub(crate) async fn until_ready(stage: &Stage, reason: Option<&str>) {
    let waiting = async {
        loop {
            let (_, body) = ready(stage).await;
            if body["reason"].as_str() == reason {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    soon(&format!("readiness to say {reason:?}"), waiting).await;
}

/// Waits until the server says that its store is sealed for this reason.
pub(crate) async fn until_sealed(stage: &Stage, why: &str) {
    let mut last = Value::Null;
    let waiting = async {
        while last["sealed"]["why"] != why {
            tokio::time::sleep(Duration::from_millis(20)).await;
            last = ready(stage).await.1;
        }
    };
    let waited = tokio::time::timeout(PATIENCE, waiting).await;
    assert!(waited.is_ok(), "waited for {why} in vain: {last}");
}
