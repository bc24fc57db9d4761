//! A PostgreSQL server that is stopped at once while everybody writes: what was told to be done survives.

use std::fs;
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use orchestra_secrets::{Ask, KdfParameters, NewSecret, Store, StoreParts};
use tokio::task::JoinSet;

use super::chance::{Chance, long, seed};
use super::dumps::program;
use crate::databases::Database;
use crate::stores::{credential, name, secret, unsealed};

/// A server of this test's own: others must not notice that it stops.
struct Server {
    process: Child,
    folder: PathBuf,
    port: u16,
    _home: tempfile::TempDir,
}

impl Server {
    fn new() -> Self {
        let home = tempfile::tempdir().unwrap();
        let folder = home.path().join("cluster");
        fs::create_dir(&folder).unwrap();
        own(home.path());
        own(&folder);
        let mut initdb = as_its_user(program("initdb"));
        initdb.args([
            "--no-sync",
            "--auth=trust",
            "--username=postgres",
            "--encoding=UTF8",
        ]);
        let output = initdb.arg("--pgdata").arg(&folder).output().unwrap();
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = port.local_addr().unwrap().port();
        Self {
            process: start(&folder, port),
            folder,
            port,
            _home: home,
        }
    }

    fn database(&self) -> Database {
        Database::Postgres(format!(
            "postgres://postgres@127.0.0.1:{}/postgres",
            self.port
        ))
    }

    /// Stops it as `pg_ctl stop --mode=immediate` does, without any order, and starts it again.
    fn crash(&mut self) {
        signal(&self.process, "QUIT");
        self.process.wait().unwrap();
        self.process = start(&self.folder, self.port);
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        signal(&self.process, "QUIT");
        let _ = self.process.wait();
    }
}

fn signal(process: &Child, signal: &str) {
    let id = process.id().to_string();
    let mut kill = Command::new("kill");
    let sent = kill
        .args(["-s", signal, &id])
        .stderr(Stdio::null())
        .status();
    sent.unwrap();
}

fn start(folder: &Path, port: u16) -> Child {
    let mut server = as_its_user(program("postgres"));
    server.arg("-D").arg(folder).args(["-p", &port.to_string()]);
    server.args([
        "-c",
        "listen_addresses=127.0.0.1",
        "-c",
        "unix_socket_directories=",
    ]);
    let log = fs::File::create(folder.with_extension("log")).unwrap();
    server.stdout(log.try_clone().unwrap()).stderr(log);
    server.spawn().unwrap()
}

/// PostgreSQL refuses to be run by root.
fn lent() -> Option<(u32, u32)> {
    let id = |arguments: &[&str]| -> Option<u32> {
        let output = Command::new("id").args(arguments).output().ok()?;
        String::from_utf8(output.stdout).ok()?.trim().parse().ok()
    };
    if id(&["-u"]) != Some(0) {
        return None;
    }
    let mut users = ["postgres", "nobody"].into_iter();
    users.find_map(|user| Some((id(&["-u", user])?, id(&["-g", user])?)))
}

fn own(folder: &Path) {
    if let Some((user, group)) = lent() {
        chown(folder, Some(user), Some(group)).unwrap();
    }
}

fn as_its_user(mut command: Command) -> Command {
    if let Some((user, group)) = lent() {
        command.uid(user).gid(group);
    }
    command.current_dir("/").stdin(Stdio::null());
    command
}

async fn ready(database: &Database) {
    let Database::Postgres(address) = database else {
        panic!("only PostgreSQL has a server");
    };
    for _ in 0..600 {
        let address = orchestra_secrets::Secret::new(address.clone());
        let connected = orchestra_secrets::backend::PostgresBackend::connect(&address).await;
        if connected.is_ok() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("the server did not start");
}

/// Sets one secret after the other until that fails or enough is done, and says which were set. A writer that was
/// between two transactions when the server stopped may not have noticed.
async fn write(store: Store, writer: u32, enough: Arc<AtomicBool>) -> Vec<u32> {
    let mut done = Vec::new();
    for number in 0.. {
        if enough.load(Ordering::Relaxed) {
            break;
        }
        let new = NewSecret::new(name(&format!("writer-{writer}")));
        match store.set(new, &secret(&number.to_string())).await {
            Ok(entry) => done.push(entry.version),
            Err(_) => break,
        }
    }
    done
}

async fn check(database: &Database, writer: u32, before: u32, done: &[u32]) -> u32 {
    let store = unsealed(database, None).await.unwrap();
    let name = name(&format!("writer-{writer}"));
    let entries = store.entries(Some(&name)).await.unwrap();
    let found = u32::try_from(entries.len()).unwrap();
    let told = before + u32::try_from(done.len()).unwrap();
    assert!(found == told || found == told + 1, "{found} of {told}");
    for (number, version) in done.iter().enumerate() {
        let ask = Ask {
            version: Some(*version),
            ..Ask::current(name.clone())
        };
        let fetched = store.fetch(&ask).await.unwrap();
        assert_eq!(fetched.secret.expose(), number.to_string());
    }
    assert!(store.verify().await.unwrap().is_whole());
    found
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_told_to_be_done_survives_a_server_that_stops_at_once() {
    let mut chance = Chance::new(seed());
    let mut server = Server::new();
    let database = server.database();
    ready(&database).await;
    let parts = StoreParts::new(database.open().await, "a test");
    let created = Store::create(parts, vec![credential()], KdfParameters::LEAST);
    drop(created.await.unwrap());
    let mut found = [0; 3];
    for _ in 0..if long() { 30 } else { 3 } {
        let mut writers = JoinSet::new();
        let enough = Arc::new(AtomicBool::new(false));
        for writer in 0..3 {
            let store = unsealed(&database, None).await.unwrap();
            let enough = Arc::clone(&enough);
            writers.spawn(async move { (writer, write(store, writer, enough).await) });
        }
        let time = 100 + u64::try_from(chance.below(200)).unwrap();
        tokio::time::sleep(Duration::from_millis(time)).await;
        tokio::task::block_in_place(|| server.crash());
        ready(&database).await;
        enough.store(true, Ordering::Relaxed);
        while let Some(done) = writers.join_next().await {
            let (writer, done) = done.unwrap();
            let place = usize::try_from(writer).unwrap();
            found[place] = check(&database, writer, found[place], &done).await;
        }
    }
    assert!(found.iter().sum::<u32>() > 3, "hardly anything was set");
}
