//! Other processes: this test program again, playing a role.
//!
//! A role is a function that gets a database and some words. [`play`] makes the command that plays it in
//! a process of its own; there it runs inside of [`a_process_plays_its_role`], which is a test like any other
//! otherwise.

use std::future::Future;
use std::pin::Pin;
use std::process::{ExitStatus, Stdio};

use tokio::process::Command;

use crate::databases::Database;

/// What a process does instead of testing.
pub(crate) type Role = fn(Database, Vec<String>) -> Pin<Box<dyn Future<Output = ()> + Send>>;

/// Every role. Those of a module stand in its own list.
const ROLES: &[&[(&str, Role)]] = &[
    OURS,
    crate::backend::ROLES,
    crate::attacks::crowds::ROLES,
    #[cfg(target_os = "linux")]
    crate::attacks::disks::ROLES,
    crate::attacks::kills::ROLES,
    #[cfg(target_os = "linux")]
    crate::attacks::memory::ROLES,
];

const OURS: &[(&str, Role)] = &[("end with", |_, words| {
    Box::pin(async move { assert_eq!(words, ["an", "assertion"]) })
})];

const ROLE: &str = "ORCHESTRA_TEST_ROLE";
const WORDS: &str = "ORCHESTRA_TEST_WORDS";
const PLACE: &str = "ORCHESTRA_TEST_PLACE";

/// The command that plays a role with a database. It succeeds if the role returns, and fails if it panics.
pub(crate) fn play(role: &str, database: &Database, words: &[&str]) -> Command {
    let program = std::env::current_exe().unwrap();
    let mut command = Command::new(program);
    let this = "processes::a_process_plays_its_role";
    command.args([this, "--exact", "--nocapture"]);
    command.env(ROLE, role).env(WORDS, words.join("\n"));
    match database {
        Database::Sqlite(file) => command.env(PLACE, file),
        Database::Postgres(address) => command.env(PLACE, address),
    };
    command.stdin(Stdio::null()).kill_on_drop(true);
    command
}

/// Plays a role to its end, and shows what it said if it should have gone well and did not.
pub(crate) async fn played(mut command: Command) -> ExitStatus {
    let output = command.output().await.unwrap();
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        println!("the other process: {}\n{said}", output.status);
    }
    output.status
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_plays_its_role() {
    let Ok(role) = std::env::var(ROLE) else {
        return test_the_stage().await;
    };
    let place = std::env::var(PLACE).unwrap();
    let database = match place.starts_with("postgres") {
        true => Database::Postgres(place),
        false => Database::Sqlite(place.into()),
    };
    let words = std::env::var(WORDS).unwrap();
    let words = words.lines().map(str::to_owned).collect();
    let mut roles = ROLES.iter().copied().flatten();
    let (_, act) = roles.find(|(name, _)| *name == role).unwrap();
    act(database, words).await;
}

async fn test_the_stage() {
    let database = Database::Sqlite("nowhere".into());
    let good = play("end with", &database, &["an", "assertion"]);
    assert!(played(good).await.success());
    let bad = play("end with", &database, &["something else"]);
    assert!(!played(bad).await.success());
}
