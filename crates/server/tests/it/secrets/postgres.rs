//! Several servers that share one store in PostgreSQL, over a network that can be cut.

use std::future::Future;
use std::panic::{AssertUnwindSafe, resume_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::FutureExt;
use orchestra_secrets::{Credential, KdfParameters, NewSecret, Secret, Store, Variables};
use orchestra_server::Config;
use orchestra_server::secrets::{NoPrompt, Vault};
use orchestra_testkit::Upstream;
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, Connection, PgConnection};
use tempfile::TempDir;
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use url::Url;

use super::house::{
    FIRST_KEY, KEY_FILE, NAME, SECOND_KEY, accepting, ask, control, named, until_ready,
    until_sealed,
};
use super::made;
use crate::stage::{CLIENT_KEY, Stage};

const SERVER: &str = "ORCHESTRA_TEST_POSTGRES_URL";

/// Runs a scenario on a database of its own, which is dropped however that ends.
async fn with_database<F, Running>(scenario: F)
where
    F: FnOnce(String) -> Running,
    Running: Future<Output = ()>,
{
    let server = std::env::var(SERVER).unwrap_or_else(|_| {
        panic!("{SERVER} is not set; run `cargo xtask postgres -- cargo test -p orchestra-server`")
    });
    let name = format!(
        "orchestra_server_{:016x}",
        getrandom::u64().expect("there is chance")
    );
    administer(&server, format!("CREATE DATABASE {name}")).await;
    let mut address: Url = server.parse().expect("it is an address");
    address.set_path(&name);
    let running = AssertUnwindSafe(scenario(address.into()));
    let ended = running.catch_unwind().await;
    administer(&server, format!("DROP DATABASE {name} WITH (FORCE)")).await;
    if let Err(failure) = ended {
        resume_unwind(failure);
    }
}

async fn administer(address: &str, statement: String) {
    let mut connection = PgConnection::connect(address).await.expect("it answers");
    let run = sqlx::raw_sql(AssertSqlSafe(statement)).execute(&mut connection);
    run.await.expect("it is allowed");
}

/// The way to the database, which can be cut and mended.
struct Wire {
    address: String,
    whole: watch::Sender<bool>,
}

impl Wire {
    async fn to(database: &str) -> Self {
        let mut address: Url = database.parse().expect("it is an address");
        let host = address.host_str().expect("it has a host").to_owned();
        let target = format!("{host}:{}", address.port().unwrap_or(5432));
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("it is bound").port();
        address.set_host(Some("127.0.0.1")).expect("it is one");
        address.set_port(Some(port)).expect("it is one");
        let (whole, watched) = watch::channel(true);
        tokio::spawn(carry(listener, target, watched));
        Self {
            address: address.into(),
            whole,
        }
    }

    fn cut(&self) {
        self.whole.send_replace(false);
    }

    fn mend(&self) {
        self.whole.send_replace(true);
    }
}

async fn carry(listener: TcpListener, target: String, mut whole: watch::Receiver<bool>) {
    while let Ok((mut near, _)) = listener.accept().await {
        if !*whole.borrow_and_update() {
            continue;
        }
        let (target, mut whole) = (target.clone(), whole.clone());
        tokio::spawn(async move {
            let Ok(mut far) = TcpStream::connect(target).await else {
                return;
            };
            tokio::select! {
                _ = copy_bidirectional(&mut near, &mut far) => {}
                _ = whole.wait_for(|whole| !whole) => {}
            }
        });
    }
}

/// A store in a database, and where the servers of a test have their files.
struct Town {
    folder: TempDir,
    database: String,
    operator: Store,
}

impl Town {
    async fn build(database: String) -> Self {
        let folder = tempfile::tempdir().expect("there is room");
        let key = folder.path().join("key");
        std::fs::write(&key, KEY_FILE).expect("there is room");
        let private = std::os::unix::fs::PermissionsExt::from_mode(0o600);
        std::fs::set_permissions(&key, private).expect("it is ours");
        let (config, variables) = config(folder.path(), "operator", &database, "");
        let place = config
            .secrets
            .place(folder.path(), &variables)
            .expect("it is written");
        let parts = place
            .parts("an operator")
            .await
            .expect("the database answers");
        let credential = Credential::key_file(KEY_FILE.as_bytes());
        let created = Store::create(parts, vec![credential], KdfParameters::LEAST).await;
        let town = Self {
            operator: created.expect("nothing is there yet").store,
            folder,
            database,
        };
        town.set(FIRST_KEY).await;
        town
    }

    async fn set(&self, value: &str) {
        let secret = Secret::new(value.to_owned());
        let set = self
            .operator
            .set(NewSecret::new(named(NAME)), &secret)
            .await;
        set.expect("the operator's store is unsealed");
    }

    /// A server with files of its own that reaches the database at this address.
    async fn serve(&self, name: &str, database: &str) -> Stage {
        let upstream = Upstream::start(accepting(&[FIRST_KEY])).expect("a port");
        let (config, variables) = config(self.folder.path(), name, database, &upstream.base_url());
        let vault = Vault::open(
            &config.secrets,
            self.folder.path(),
            variables,
            Arc::new(NoPrompt),
        );
        Stage::serve(
            &config,
            vault.await.expect("its place is written"),
            upstream,
        )
        .await
    }

    /// A server whose clients need a key, and are administrators, and which may make providers at the address of `called`.
    async fn serve_for_admins(&self, name: &str, called: &Upstream) -> Stage {
        let upstream = Upstream::start(accepting(&[FIRST_KEY])).expect("a port");
        let folder = self.folder.path();
        let text = format!(
            "{}{}",
            text(folder, name, &upstream.base_url()),
            made::portkey(called)
        );
        let config = Config::parse(&text, Path::new("orchestra.toml")).expect("it is valid");
        let variables = Variables::from_pairs([
            ("DATABASE", self.database.as_str()),
            ("ORCHESTRA_CLIENT_KEY", CLIENT_KEY),
        ]);
        let vault = Vault::open(&config.secrets, folder, variables, Arc::new(NoPrompt));
        let vault = vault.await.expect("its place is written");
        Stage::serve(&config, vault, upstream).await
    }

    fn socket(&self, name: &str) -> PathBuf {
        self.folder.path().join(format!("{name}.sock"))
    }

    async fn status(&self, name: &str) -> Value {
        let (status, body) =
            control(&self.socket(name), "GET", "/v1/secrets/status", &json!({})).await;
        assert_eq!(status, 200, "{body}");
        body
    }

    /// Waits until a server uses this version.
    async fn until_version(&self, name: &str, version: u64) {
        let waiting = async {
            while self.status(name).await["providers"][0]["keys"][0]["version"] != version {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        let waited = tokio::time::timeout(Duration::from_secs(60), waiting).await;
        assert!(waited.is_ok(), "{name} does not use version {version}");
    }
}

fn config(folder: &Path, name: &str, database: &str, upstream: &str) -> (Config, Variables) {
    let text = text(folder, name, upstream);
    let config = Config::parse(&text, Path::new("orchestra.toml")).expect("it is valid");
    (config, Variables::from_pairs([("DATABASE", database)]))
}

fn text(folder: &Path, name: &str, upstream: &str) -> String {
    let at = |ending: &str| {
        folder
            .join(format!("{name}.{ending}"))
            .display()
            .to_string()
    };
    format!(
        "[server]\nlisten = \"127.0.0.1:0\"\n[[providers]]\nkind = \"openai\"\nbase_url = \"{upstream}/v1\"\nkey = \"store:openai\"\n\
         [secrets]\ndatabase = \"env:DATABASE\"\nanchor = {:?}\ncontrol = {:?}\nunlock = [\"file:{}\"]\n",
        at("anchor"),
        at("sock"),
        folder.join("key").display(),
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rotation_reaches_two_servers_within_five_seconds() {
    with_database(|database| async {
        let town = Town::build(database).await;
        let (a, b) = (
            town.serve("a", &town.database).await,
            town.serve("b", &town.database).await,
        );
        for stage in [&a, &b] {
            until_ready(stage, None).await;
            assert_eq!(ask(stage).await.status, 200);
        }
        town.set(SECOND_KEY).await;
        let began = Instant::now();
        tokio::join!(town.until_version("a", 2), town.until_version("b", 2));
        assert!(
            began.elapsed() < Duration::from_secs(5),
            "{:?}",
            began.elapsed()
        );
        for stage in [&a, &b] {
            stage.upstream.set_script(accepting(&[SECOND_KEY]));
            assert_eq!(ask(stage).await.status, 200);
        }
        // Neither makes the other read again and again: each has read each version once.
        tokio::time::sleep(Duration::from_secs(3)).await;
        let log = town
            .operator
            .audit_entries(0, 1000)
            .await
            .expect("it is sound");
        let reads = log
            .iter()
            .filter(|entry| entry.action.as_str() == "secret.read");
        assert_eq!(reads.count(), 4);
    })
    .await;
}

/// What one operator does through one server's socket, the other server learns from the database.
#[tokio::test(flavor = "multi_thread")]
async fn a_revocation_through_one_server_reaches_the_other() {
    with_database(|database| async {
        let town = Town::build(database).await;
        let (a, b) = (
            town.serve("a", &town.database).await,
            town.serve("b", &town.database).await,
        );
        until_ready(&a, None).await;
        until_ready(&b, None).await;
        let path = "/v1/secrets/openai/revoke";
        let (status, _) = control(&town.socket("a"), "POST", path, &json!({})).await;
        assert_eq!(status, 200);
        let gone = Some("no provider has a key that may be used");
        let began = Instant::now();
        tokio::join!(until_ready(&a, gone), until_ready(&b, gone));
        assert!(
            began.elapsed() < Duration::from_secs(5),
            "{:?}",
            began.elapsed()
        );
    })
    .await;
}

/// What an administrator of one server makes, the other one calls.
#[tokio::test(flavor = "multi_thread")]
async fn a_provider_that_is_made_at_one_server_is_called_by_the_other() {
    with_database(|database| async {
        let town = Town::build(database).await;
        let called = Upstream::start(accepting(&[SECOND_KEY])).expect("a port");
        let (a, b) = (
            town.serve_for_admins("a", &called).await,
            town.serve_for_admins("b", &called).await,
        );
        until_ready(&a, None).await;
        until_ready(&b, None).await;
        let made = json!({ "slug": "night", "provider": "openai", "key": SECOND_KEY,
            "custom_host": format!("{}/v1", called.base_url()) });
        let answer = made::ask(&a, "POST", "/v1/virtual-keys", &made).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        assert_eq!(made::at(&a, "night").await.status, 200);
        made::until(&b, 200).await;
        let again = made::ask(&b, "POST", "/v1/virtual-keys", &made).await;
        assert_eq!(again.status, 409, "{}", again.text());
        let note = json!({ "note": "of b" });
        let path = "/v1/virtual-keys/night";
        assert_eq!(made::ask(&b, "PUT", path, &note).await.status, 200);
        assert_eq!(made::at(&b, "night").await.status, 200);
        assert_eq!(
            made::ask(&b, "DELETE", path, &Value::Null).await.status,
            200
        );
        assert_eq!(made::at(&b, "night").await.status, 404);
        made::until(&a, 404).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_that_are_known_outlive_the_database_and_are_followed_when_it_is_back() {
    with_database(|database| async {
        let town = Town::build(database).await;
        let wire = Wire::to(&town.database).await;
        let stage = town.serve("a", &wire.address).await;
        until_ready(&stage, None).await;
        wire.cut();
        let began = Instant::now();
        while began.elapsed() < Duration::from_secs(4) {
            assert_eq!(ask(&stage).await.status, 200);
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        until_ready(&stage, None).await;
        town.set(SECOND_KEY).await;
        wire.mend();
        town.until_version("a", 2).await;
        stage.upstream.set_script(accepting(&[SECOND_KEY]));
        assert_eq!(ask(&stage).await.status, 200);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_does_not_answer_at_start_is_waited_for() {
    with_database(|database| async {
        let town = Town::build(database).await;
        let wire = Wire::to(&town.database).await;
        wire.cut();
        let began = Instant::now();
        let stage = town.serve("a", &wire.address).await;
        assert!(
            began.elapsed() < Duration::from_secs(6),
            "{:?}",
            began.elapsed()
        );
        until_sealed(&stage, "database_unreachable").await;
        assert_eq!(ask(&stage).await.status, 503);
        let unseal = json!({ "passphrase": "whatever it may be" });
        let (status, body) =
            control(&town.socket("a"), "POST", "/v1/secrets/unseal", &unseal).await;
        assert_eq!(
            (status, &body["error"]["code"]),
            (503, &json!("database_unreachable")),
            "{body}"
        );
        wire.mend();
        town.until_version("a", 1).await;
        assert_eq!(ask(&stage).await.status, 200);
    })
    .await;
}
