//! The same commands on a store in PostgreSQL.

use sqlx::{AssertSqlSafe, Connection, PgConnection};

use crate::canary::{self, SECOND, VALUE};
use crate::place::Place;

/// The environment variable with the address of a PostgreSQL server on which databases may be made.
const SERVER: &str = "ORCHESTRA_TEST_POSTGRES_URL";

#[tokio::test]
async fn a_store_in_a_database_that_instances_share() {
    let server = std::env::var(SERVER).unwrap_or_else(|_| {
        panic!("{SERVER} is not set; run `cargo xtask postgres -- cargo test -p orchestra-cli`")
    });
    let name = format!("orchestra_cli_{}", std::process::id());
    administer(&server, format!("CREATE DATABASE {name}")).await;
    let (begin, _) = server.rsplit_once('/').unwrap();
    let address = format!("{begin}/{name}");
    let done = tokio::task::spawn_blocking(move || life(&address)).await;
    administer(&server, format!("DROP DATABASE {name} WITH (FORCE)")).await;
    if let Err(failure) = done {
        std::panic::resume_unwind(failure.into_panic());
    }
}

async fn administer(address: &str, statement: String) {
    let mut connection = PgConnection::connect(address).await.unwrap();
    let statement = AssertSqlSafe(statement);
    sqlx::raw_sql(statement)
        .execute(&mut connection)
        .await
        .unwrap();
    connection.close().await.unwrap();
}

fn life(address: &str) {
    let place = Place::new();
    // The password is as secret as any other, and the address is not on disk beside the store.
    let password = address
        .split(':')
        .nth(2)
        .unwrap()
        .split('@')
        .next()
        .unwrap();
    if password.len() >= 12 {
        place.watch(password);
    }
    place.write(
        "orchestra.toml",
        "[secrets]\ndatabase = \"env:SECRETS_DATABASE\"\n",
    );
    place.write(".env", &format!("SECRETS_DATABASE={address}\n"));
    place
        .run(["secrets", "list"])
        .refuses("orchestra secrets init");
    place.init();
    assert!(!place.file("orchestra-secrets.db").exists());
    place.set("OPENAI_API_KEY", VALUE);
    place
        .pipe(SECOND.as_bytes(), ["secrets", "rotate", "OPENAI_API_KEY"])
        .succeeds();
    place
        .run(["secrets", "status"])
        .succeeds()
        .says("PostgreSQL 127.0.0.1");
    place.run(["secrets", "list"]).succeeds().says("previous");
    place
        .run(["secrets", "check"])
        .succeeds()
        .says("in the store, version 2");
    place.run(["secrets", "rekey"]).succeeds();
    place
        .run(["secrets", "export", "--out", "backup"])
        .succeeds();
    place.run(["secrets", "verify"]).succeeds();
    place.run(["audit", "verify"]).succeeds();
    place
        .run(["secrets", "restore", "backup"])
        .refuses("already");
    let backup = std::fs::read(place.file("backup")).unwrap();
    assert_eq!(canary::find(&backup, &place.watched()), None);
    // From one kind of database to the other.
    place.write("orchestra.toml", "");
    place.run(["secrets", "restore", "backup"]).succeeds();
    place
        .run(["secrets", "check"])
        .succeeds()
        .says("in the store, version 2");
}
