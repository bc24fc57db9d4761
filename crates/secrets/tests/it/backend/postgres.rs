//! A PostgreSQL server that goes away, comes back, or does not let us in.

use std::time::{Duration, Instant};

use orchestra_secrets::Secret;
use orchestra_secrets::backend::{
    Backend, BackendError, Kind, Mode, Patience, PostgresBackend, migrate,
};
use tokio::net::TcpListener;
use url::Url;

use super::{INSERT, count, insert, open, read};
use crate::databases::{self, Database, administer};
use crate::proxy::{Network, Proxy};

/// Runs a scenario with the address of an empty database.
async fn with_address<F, Running>(scenario: F)
where
    F: FnOnce(String) -> Running + Send + 'static,
    Running: Future<Output = ()> + Send + 'static,
{
    databases::with(Kind::Postgres, |database| async move {
        let Database::Postgres(address) = database else {
            panic!("{database:?}");
        };
        scenario(address).await;
    })
    .await;
}

/// Long enough for a busy machine, short enough to wait for.
const IMPATIENT: Patience = Patience {
    turn: Duration::from_secs(3),
    answer: Duration::from_secs(2),
};

async fn connect(address: &str, patience: Patience) -> Result<PostgresBackend, BackendError> {
    PostgresBackend::connect_with(&Secret::new(address.to_owned()), patience).await
}

/// Ends every other connection to the database.
async fn end_connections(address: &str) {
    let statement = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
        WHERE datname = current_database() AND pid <> pg_backend_pid()";
    administer(address, statement.to_owned()).await;
}

#[tokio::test]
async fn a_connection_that_was_ended_fails_once() {
    with_address(|address| async move {
        let backend = open(&Database::Postgres(address.clone())).await;
        let mut transaction = backend.begin(Mode::Write).await.unwrap();
        let values = vec![1_i64.into(), "note".into()];
        transaction.execute(INSERT, values.clone()).await.unwrap();
        end_connections(&address).await;
        let failed = transaction.execute(INSERT, values).await;
        assert!(
            matches!(failed, Err(BackendError::Unreachable(_))),
            "{failed:?}"
        );
        let aborted = transaction.commit().await;
        assert!(matches!(aborted, Err(BackendError::Aborted)), "{aborted:?}");
        assert_eq!(count(&*backend).await, 0);
        insert(&*backend, 1).await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn a_commit_on_an_ended_connection_is_an_error() {
    with_address(|address| async move {
        let backend = open(&Database::Postgres(address.clone())).await;
        let mut transaction = backend.begin(Mode::Write).await.unwrap();
        let values = vec![1_i64.into(), "note".into()];
        transaction.execute(INSERT, values).await.unwrap();
        end_connections(&address).await;
        let failed = transaction.commit().await;
        assert!(
            matches!(failed, Err(BackendError::Unreachable(_))),
            "{failed:?}"
        );
        assert_eq!(count(&*backend).await, 0);
    })
    .await;
}

#[tokio::test]
async fn idle_connections_that_were_ended_are_not_noticed() {
    with_address(|address| async move {
        let backend = open(&Database::Postgres(address.clone())).await;
        for seq in 0..5 {
            let readers = [
                backend.begin(Mode::Read).await.unwrap(),
                backend.begin(Mode::Read).await.unwrap(),
            ];
            drop(readers);
            insert(&*backend, seq).await.unwrap();
            end_connections(&address).await;
            assert_eq!(count(&*backend).await, seq + 1);
        }
    })
    .await;
}

#[tokio::test]
async fn a_server_that_restarts_is_found_again() {
    with_address(|address| async move {
        let network = Proxy::before(&address, None).await;
        let backend = connect(network.address(), Patience::default())
            .await
            .unwrap();
        migrate(&backend).await.unwrap();
        insert(&backend, 1).await.unwrap();
        let mut transaction = backend.begin(Mode::Write).await.unwrap();
        network.set(Network::Cut);
        let failed = transaction
            .execute(INSERT, vec![2_i64.into(), "note".into()])
            .await;
        assert!(
            matches!(failed, Err(BackendError::Unreachable(_))),
            "{failed:?}"
        );
        drop(transaction);
        for mode in [Mode::Read, Mode::Write] {
            let refused = backend.begin(mode).await.err();
            assert!(
                matches!(refused, Some(BackendError::Unreachable(_))),
                "{refused:?}"
            );
        }
        network.set(Network::Whole);
        insert(&backend, 3).await.unwrap();
        assert_eq!(count(&backend).await, 2);
    })
    .await;
}

#[tokio::test]
async fn a_network_that_swallows_everything_is_not_waited_for_long() {
    with_address(|address| async move {
        let network = Proxy::before(&address, None).await;
        let backend = connect(network.address(), IMPATIENT).await.unwrap();
        migrate(&backend).await.unwrap();
        let mut transaction = backend.begin(Mode::Write).await.unwrap();
        transaction
            .execute(INSERT, vec![1_i64.into(), "note".into()])
            .await
            .unwrap();
        network.set(Network::Silent);
        let began = Instant::now();
        let failed = transaction.commit().await;
        assert!(
            matches!(failed, Err(BackendError::Unreachable(_))),
            "{failed:?}"
        );
        let refused = backend.begin(Mode::Read).await.err();
        assert!(
            matches!(refused, Some(BackendError::Unreachable(_))),
            "{refused:?}"
        );
        assert!(
            began.elapsed() < Duration::from_secs(20),
            "{:?}",
            began.elapsed()
        );
        network.set(Network::Cut);
        network.set(Network::Whole);
        assert_eq!(count(&backend).await, 0);
    })
    .await;
}

/// What a failure shows of the address.
fn shown(error: &BackendError) -> String {
    let mut shown = format!("{error} {error:?}");
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        shown.push_str(&format!(" {error} {error:?}"));
        cause = error.source();
    }
    shown
}

#[tokio::test]
async fn who_is_not_let_in_is_told_so_without_the_password() {
    let server = databases::server();
    let change = |change: fn(&mut Url)| {
        let mut url = Url::parse(&server).unwrap();
        url.set_password(Some("hunter2-hunter2")).unwrap();
        change(&mut url);
        String::from(url)
    };
    let wrong_password = change(|_| ());
    let no_such_user = change(|url| url.set_username("nobody-of-that-name").unwrap());
    for address in [wrong_password, no_such_user] {
        let error = connect(&address, IMPATIENT).await.unwrap_err();
        assert!(matches!(error, BackendError::Denied(_)), "{error:?}");
        assert!(!shown(&error).contains("hunter"), "{}", shown(&error));
    }
    let mut url = Url::parse(&server).unwrap();
    url.set_path("no_such_database");
    let error = connect(url.as_str(), IMPATIENT).await.unwrap_err();
    assert!(matches!(error, BackendError::Denied(_)), "{error:?}");
    let password = url.password().unwrap();
    assert!(!shown(&error).contains(password));
}

#[tokio::test]
async fn where_nobody_listens_is_told_without_the_password() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    let address = format!("postgres://somebody:hunter2@127.0.0.1:{port}/database");
    let error = connect(&address, IMPATIENT).await.unwrap_err();
    assert!(matches!(error, BackendError::Unreachable(_)), "{error:?}");
    assert!(!shown(&error).contains("hunter"), "{}", shown(&error));
    let address = "postgres://somebody:hunter2@no-such-host.invalid/database";
    let error = connect(address, IMPATIENT).await.unwrap_err();
    assert!(matches!(error, BackendError::Unreachable(_)), "{error:?}");
    assert!(!shown(&error).contains("hunter"), "{}", shown(&error));
}

#[tokio::test]
async fn a_backend_shows_nothing_of_its_address() {
    with_address(|address| async move {
        let password = Url::parse(&address).unwrap().password().unwrap().to_owned();
        let backend = connect(&address, Patience::default()).await.unwrap();
        let shown = format!("{backend:?} {backend:#?}");
        assert!(!shown.contains(&password), "{shown}");
    })
    .await;
}

#[tokio::test]
async fn a_writer_waits_for_the_disk_and_does_not_sleep() {
    with_address(|address| async move {
        let name = Url::parse(&address).unwrap().path().trim_start_matches('/').to_owned();
        administer(&address, format!("ALTER DATABASE {name} SET synchronous_commit = off")).await;
        let backend = connect(&address, Patience::default()).await.unwrap();
        let query = "SELECT current_setting('synchronous_commit'), \
            current_setting('idle_in_transaction_session_timeout'), current_setting('lock_timeout')";
        let mut writer = backend.begin(Mode::Write).await.unwrap();
        let rows = writer.query(query, Vec::new()).await.unwrap();
        assert_eq!(rows[0].text(0).unwrap(), "on");
        assert_eq!(rows[0].text(1).unwrap(), "30s");
        assert_eq!(rows[0].text(2).unwrap(), "10s");
        drop(writer);
        let rows = read(&backend, query, Vec::new()).await.unwrap();
        assert_eq!(rows[0].text(0).unwrap(), "off");
        assert_eq!(rows[0].text(1).unwrap(), "30s");
    })
    .await;
}

#[tokio::test]
async fn a_stronger_promise_of_the_server_is_kept() {
    with_address(|address| async move {
        let name = Url::parse(&address)
            .unwrap()
            .path()
            .trim_start_matches('/')
            .to_owned();
        administer(
            &address,
            format!("ALTER DATABASE {name} SET synchronous_commit = remote_apply"),
        )
        .await;
        let backend = connect(&address, Patience::default()).await.unwrap();
        let mut writer = backend.begin(Mode::Write).await.unwrap();
        let query = "SELECT current_setting('synchronous_commit')";
        let rows = writer.query(query, Vec::new()).await.unwrap();
        assert_eq!(rows[0].text(0).unwrap(), "remote_apply");
    })
    .await;
}

#[tokio::test]
async fn stores_in_two_schemas_do_not_mix() {
    with_address(|address| async move {
        administer(&address, "CREATE SCHEMA other".to_owned()).await;
        let other = format!("{address}?options=-csearch_path%3Dother");
        let here = open(&Database::Postgres(address)).await;
        let there = open(&Database::Postgres(other)).await;
        insert(&*here, 1).await.unwrap();
        assert_eq!(count(&*here).await, 1);
        assert_eq!(count(&*there).await, 0);
        let both = "SELECT count(*) FROM pg_tables WHERE tablename = 'secrets_store'";
        assert_eq!(
            read(&*here, both, Vec::new()).await.unwrap()[0]
                .integer(0)
                .unwrap(),
            2
        );
    })
    .await;
}

/// A user who may use the tables but make none, as when an administrator has made them.
#[tokio::test]
async fn who_may_make_no_tables_can_still_use_them() {
    with_address(|address| async move {
        open(&Database::Postgres(address.clone()))
            .await
            .close()
            .await;
        let user = format!("user_{:016x}", getrandom::u64().unwrap());
        let grants = format!(
            "REVOKE CREATE ON SCHEMA public FROM PUBLIC; \
             CREATE USER {user} PASSWORD 'a-word-to-pass'; \
             GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {user}"
        );
        administer(&address, grants).await;
        let mut theirs = Url::parse(&address).unwrap();
        theirs.set_username(&user).unwrap();
        theirs.set_password(Some("a-word-to-pass")).unwrap();
        let backend = open(&Database::Postgres(theirs.into())).await;
        insert(&*backend, 1).await.unwrap();
        assert_eq!(count(&*backend).await, 1);
        let mut transaction = backend.begin(Mode::Write).await.unwrap();
        let made = transaction
            .execute("CREATE TABLE more (x BIGINT)", Vec::new())
            .await;
        assert!(matches!(made, Err(BackendError::Denied(_))), "{made:?}");
        drop(transaction);
        backend.close().await;
        administer(&address, format!("DROP OWNED BY {user}; DROP USER {user}")).await;
    })
    .await;
}
