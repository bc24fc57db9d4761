//! The way from version to version, with migrations that no release has.

use std::future::Future;
use std::sync::Arc;

use sqlx::{AssertSqlSafe, Connection, PgConnection};
use url::Url;

use super::*;
use crate::Secret;
use crate::backend::PostgresBackend;

async fn migrate_by(
    backend: &dyn Backend,
    migrations: &'static [Migration],
) -> Result<(), SchemaError> {
    migrate_to(backend, migrations, &made_by(migrations).await?).await
}

const FIRST: Migration = Migration {
    sqlite: &[
        "CREATE TABLE secrets_a (id INTEGER NOT NULL PRIMARY KEY, name TEXT NOT NULL UNIQUE, note BLOB) STRICT",
    ],
    postgres: &[
        "CREATE TABLE secrets_a (id BIGINT NOT NULL PRIMARY KEY, name TEXT NOT NULL UNIQUE, note BYTEA)",
    ],
};

const SECOND: Migration = Migration {
    sqlite: &[
        "ALTER TABLE secrets_a ADD COLUMN more INTEGER",
        "CREATE TABLE secrets_b (x INTEGER NOT NULL, y TEXT NOT NULL, UNIQUE (x, y)) STRICT",
    ],
    postgres: &[
        "ALTER TABLE secrets_a ADD COLUMN more BIGINT",
        "CREATE TABLE secrets_b (x BIGINT NOT NULL, y TEXT NOT NULL, UNIQUE (x, y))",
    ],
};

/// Its last statement fails.
const BROKEN: Migration = Migration {
    sqlite: &[
        "CREATE TABLE secrets_c (x INTEGER NOT NULL) STRICT",
        "CREATE TABLE secrets_a (x INTEGER) STRICT",
    ],
    postgres: &[
        "CREATE TABLE secrets_c (x BIGINT NOT NULL)",
        "CREATE TABLE secrets_a (x BIGINT)",
    ],
};

/// Makes another table on each database.
const UNEQUAL: Migration = Migration {
    sqlite: &["CREATE TABLE secrets_c (x INTEGER NOT NULL) STRICT"],
    postgres: &["CREATE TABLE secrets_c (x BIGINT)"],
};

/// Runs a scenario on an empty database of each kind.
async fn on_each<Running>(scenario: impl Fn(Arc<dyn Backend>) -> Running)
where
    Running: Future<Output = ()> + Send + 'static,
{
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("store.db");
    scenario(Arc::new(SqliteBackend::open(&file).await.unwrap())).await;

    let mut address = Url::parse(&server()).unwrap();
    let mut server = PgConnection::connect(address.as_str()).await.unwrap();
    let name = format!("orchestra_secrets_{:016x}", getrandom::u64().unwrap());
    address.set_path(&name);
    let make = AssertSqlSafe(format!("CREATE DATABASE {name}"));
    sqlx::raw_sql(make).execute(&mut server).await.unwrap();
    let backend = PostgresBackend::connect(&Secret::new(address.into()))
        .await
        .unwrap();
    let ended = tokio::spawn(scenario(Arc::new(backend))).await;
    let drop = AssertSqlSafe(format!("DROP DATABASE {name} WITH (FORCE)"));
    sqlx::raw_sql(drop).execute(&mut server).await.unwrap();
    if let Err(failure) = ended {
        std::panic::resume_unwind(failure.into_panic());
    }
}

fn server() -> String {
    std::env::var("ORCHESTRA_TEST_POSTGRES_URL").expect(
        "run `cargo xtask postgres -- cargo test -p orchestra-secrets`, which starts a server for the tests",
    )
}

async fn run_all(backend: &dyn Backend, statements: &[&'static str]) {
    let mut transaction = backend.begin(Mode::Write).await.unwrap();
    for statement in statements {
        transaction.execute(statement, Vec::new()).await.unwrap();
    }
    transaction.commit().await.unwrap();
}

async fn shape(backend: &dyn Backend) -> Shape {
    let mut transaction = backend.begin(Mode::Read).await.unwrap();
    Shape::read(transaction.as_mut(), backend.kind())
        .await
        .unwrap()
}

async fn difference(backend: &dyn Backend, migrations: &'static [Migration]) -> Difference {
    match migrate_by(backend, migrations).await {
        Err(SchemaError::Foreign(difference)) => difference,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn an_older_database_is_brought_up_and_keeps_its_rows() {
    on_each(|backend| async move {
        migrate_by(&*backend, &[FIRST]).await.unwrap();
        run_all(
            &*backend,
            &["INSERT INTO secrets_a (id, name) VALUES (1, 'kept')"],
        )
        .await;
        migrate_by(&*backend, &[FIRST, SECOND]).await.unwrap();
        migrate_by(&*backend, &[FIRST, SECOND]).await.unwrap();
        let mut transaction = backend.begin(Mode::Read).await.unwrap();
        let rows = transaction
            .query("SELECT name, more FROM secrets_a", Vec::new())
            .await
            .unwrap();
        assert_eq!(rows[0].text(0).unwrap(), "kept");
        assert_eq!(rows[0].optional_integer(1).unwrap(), None);
    })
    .await;
}

#[tokio::test]
async fn an_older_program_leaves_a_newer_database_alone() {
    on_each(|backend| async move {
        migrate_by(&*backend, &[FIRST, SECOND]).await.unwrap();
        let before = shape(&*backend).await;
        let refused = migrate_by(&*backend, &[FIRST]).await;
        assert!(
            matches!(refused, Err(SchemaError::Newer { found: 2, known: 1 })),
            "{refused:?}"
        );
        assert_eq!(shape(&*backend).await, before);
    })
    .await;
}

#[tokio::test]
async fn a_migration_that_fails_leaves_nothing() {
    on_each(|backend| async move {
        migrate_by(&*backend, &[FIRST]).await.unwrap();
        let before = shape(&*backend).await;
        // The statements for SQLite fail before its database is asked, in the scratch one.
        assert!(
            migrate_by(&*backend, &[FIRST, SECOND, BROKEN])
                .await
                .is_err()
        );
        assert_eq!(shape(&*backend).await, before);
        migrate_by(&*backend, &[FIRST, SECOND]).await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn lists_that_make_different_tables_are_found_out() {
    on_each(|backend| async move {
        if backend.kind() == Kind::Sqlite {
            return;
        }
        let other = Difference::ColumnOther {
            table: "secrets_c".to_owned(),
            column: "x".to_owned(),
            found: "bigint NULL".to_owned(),
        };
        assert_eq!(difference(&*backend, &[FIRST, UNEQUAL]).await, other);
        assert!(!shape(&*backend).await.has("secrets_a"));
    })
    .await;
}

/// What somebody did, what is found, on both databases.
const CHANGES: [(&str, &str, &str); 12] = [
    (
        "DROP TABLE secrets_a",
        "DROP TABLE secrets_a",
        "the table `secrets_a` is missing",
    ),
    (
        "ALTER TABLE secrets_a DROP COLUMN note",
        "ALTER TABLE secrets_a DROP COLUMN note",
        "the column `secrets_a.note` is missing",
    ),
    (
        "ALTER TABLE secrets_a ADD COLUMN other INTEGER",
        "ALTER TABLE secrets_a ADD COLUMN other BIGINT",
        "the column `secrets_a.other` is there although no version made it",
    ),
    (
        "DROP TABLE secrets_a; CREATE TABLE secrets_a (id INTEGER NOT NULL PRIMARY KEY, name TEXT NOT NULL UNIQUE, note TEXT) STRICT",
        "ALTER TABLE secrets_a ALTER COLUMN note TYPE TEXT USING ''",
        "the column `secrets_a.note` is ",
    ),
    (
        "DROP TABLE secrets_a; CREATE TABLE secrets_a (id INTEGER NOT NULL PRIMARY KEY, name TEXT UNIQUE, note BLOB) STRICT",
        "ALTER TABLE secrets_a ALTER COLUMN name DROP NOT NULL",
        "the column `secrets_a.name` is ",
    ),
    (
        "DROP TABLE secrets_a; CREATE TABLE secrets_a (id INTEGER NOT NULL PRIMARY KEY, name TEXT NOT NULL, note BLOB) STRICT",
        "ALTER TABLE secrets_a DROP CONSTRAINT secrets_a_name_key",
        "`secrets_a` is not unique by (name)",
    ),
    (
        "DROP TABLE secrets_a; CREATE TABLE secrets_a (id INTEGER NOT NULL, name TEXT NOT NULL UNIQUE, note BLOB) STRICT",
        "ALTER TABLE secrets_a DROP CONSTRAINT secrets_a_pkey",
        "`secrets_a` is not unique by (id)",
    ),
    (
        "DROP TABLE secrets_a; CREATE TABLE secrets_a (id INTEGER NOT NULL PRIMARY KEY, name TEXT NOT NULL UNIQUE, note BLOB)",
        "DROP TABLE secrets_a; CREATE VIEW secrets_a AS SELECT 1 AS id",
        "`secrets_a` is no table such as it was made",
    ),
    (
        "CREATE TRIGGER watch BEFORE DELETE ON secrets_a BEGIN SELECT RAISE(IGNORE); END",
        "CREATE RULE watch AS ON DELETE TO secrets_a DO INSTEAD NOTHING",
        "`watch` of `secrets_a` changes what statements do",
    ),
    (
        "CREATE TRIGGER watch AFTER INSERT ON secrets_a BEGIN DELETE FROM secrets_a; END",
        "CREATE TRIGGER watch BEFORE UPDATE ON secrets_a FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger()",
        "`watch` of `secrets_a` changes what statements do",
    ),
    (
        "DELETE FROM secrets_schema",
        "DELETE FROM secrets_schema",
        "`secrets_schema` does not have one version",
    ),
    (
        "INSERT INTO secrets_schema VALUES (1)",
        "INSERT INTO secrets_schema VALUES (1)",
        "`secrets_schema` does not have one version",
    ),
];

#[tokio::test]
async fn what_was_changed_by_others_is_refused_and_named() {
    on_each(|backend| async move {
        for (sqlite, postgres, expected) in CHANGES {
            migrate_by(&*backend, &[FIRST]).await.unwrap();
            let change = match backend.kind() {
                Kind::Sqlite => sqlite,
                Kind::Postgres => postgres,
            };
            run_all(&*backend, &parts(change)).await;
            let found = difference(&*backend, &[FIRST]).await.to_string();
            assert!(found.starts_with(expected), "{change}: {found}");
            let found = difference(&*backend, &[FIRST, SECOND]).await.to_string();
            assert!(found.starts_with(expected), "{change}: {found}");
            empty(&*backend).await;
        }
    })
    .await;
}

fn parts(change: &'static str) -> Vec<&'static str> {
    if change.contains("TRIGGER") {
        vec![change]
    } else {
        change.split("; ").collect()
    }
}

async fn empty(backend: &dyn Backend) {
    let statements = match backend.kind() {
        Kind::Sqlite => [
            "DROP TABLE IF EXISTS secrets_a",
            "DROP TABLE secrets_schema",
        ],
        Kind::Postgres => ["DROP SCHEMA public CASCADE", "CREATE SCHEMA public"],
    };
    run_all(backend, &statements).await;
}

#[tokio::test]
async fn tables_without_a_version_are_refused() {
    on_each(|backend| async move {
        run_all(&*backend, &["CREATE TABLE secrets_b (x INTEGER)"]).await;
        let found = difference(&*backend, &[FIRST, SECOND]).await;
        let table = "secrets_b".to_owned();
        assert_eq!(found, Difference::TableExtra { table });
        assert!(!shape(&*backend).await.has("secrets_a"));
    })
    .await;
}

#[tokio::test]
async fn others_may_have_tables_in_postgres_and_not_in_our_file() {
    on_each(|backend| async move {
        run_all(&*backend, &["CREATE TABLE theirs (x INTEGER)"]).await;
        match backend.kind() {
            Kind::Sqlite => {
                let table = "theirs".to_owned();
                assert_eq!(
                    difference(&*backend, &[FIRST]).await,
                    Difference::Stranger { table }
                );
            }
            Kind::Postgres => migrate_by(&*backend, &[FIRST]).await.unwrap(),
        }
    })
    .await;
}

/// Another schema of the same database has tables of the same names.
#[tokio::test]
async fn only_the_schema_of_the_connection_counts() {
    on_each(|backend| async move {
        if backend.kind() == Kind::Postgres {
            let theirs = [
                "CREATE SCHEMA theirs",
                "CREATE TABLE theirs.secrets_a (x INTEGER)",
            ];
            run_all(&*backend, &theirs).await;
        }
        migrate_by(&*backend, &[FIRST]).await.unwrap();
        migrate_by(&*backend, &[FIRST]).await.unwrap();
    })
    .await;
}
