//! Bringing a database's tables to the version that this program knows.

use tokio::sync::OnceCell;

use super::migrations::{MIGRATIONS, Migration};
use super::shape::{Difference, Shape};
use super::{Backend, BackendError, Kind, Mode, SqliteBackend, Transaction};

/// What is wrong with a database's tables.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SchemaError {
    /// A newer program made them.
    #[error(
        "the secret store has tables of version {found}, and this program knows up to {known}: use the newer program"
    )]
    Newer {
        /// The version found.
        found: i64,
        /// The newest version known.
        known: i64,
    },
    /// They are not what a version of this program makes.
    #[error(
        "the tables of the secret store are not what they were made as: {0}; restore a backup rather than mend them by hand, or give the store a database of its own"
    )]
    Foreign(Difference),
    /// The database failed.
    #[error(transparent)]
    Backend(#[from] BackendError),
}

/// Brings the tables to the newest version in one transaction, and checks that they are what that version makes.
///
/// Of two processes that do it at once, one waits for the other.
///
/// # Errors
/// [`SchemaError`]; then nothing was changed.
pub async fn migrate(backend: &dyn Backend) -> Result<(), SchemaError> {
    static KNOWN: OnceCell<Shape> = OnceCell::const_new();
    let known = KNOWN.get_or_try_init(|| made_by(MIGRATIONS)).await?;
    migrate_to(backend, MIGRATIONS, known).await
}

/// `known` is what the migrations make.
async fn migrate_to(
    backend: &dyn Backend,
    migrations: &'static [Migration],
    known: &Shape,
) -> Result<(), SchemaError> {
    let kind = backend.kind();
    let mut transaction = backend.begin(Mode::Write).await?;
    let actual = Shape::read(transaction.as_mut(), kind).await?;
    let done = version(transaction.as_mut(), &actual, migrations).await?;
    check_strangers(&actual, known, kind)?;
    let expected = match done {
        0 => Shape::default(),
        done if done == migrations.len() => known.clone(),
        _ => made_by(&migrations[..done]).await?,
    };
    check(&actual, &expected, known)?;
    if done == migrations.len() {
        return Ok(());
    }
    make(transaction.as_mut(), kind, migrations, done).await?;
    let actual = Shape::read(transaction.as_mut(), kind).await?;
    check(&actual, known, known)?;
    Ok(transaction.commit().await?)
}

/// The tables that the migrations make, as a database of this moment shows.
async fn made_by(migrations: &'static [Migration]) -> Result<Shape, BackendError> {
    let scratch = SqliteBackend::in_memory().await?;
    let mut transaction = scratch.begin(Mode::Write).await?;
    make(transaction.as_mut(), Kind::Sqlite, migrations, 0).await?;
    let shape = Shape::read(transaction.as_mut(), Kind::Sqlite).await?;
    drop(transaction);
    scratch.close().await;
    Ok(shape)
}

/// Runs the migrations after those that are done.
async fn make(
    transaction: &mut dyn Transaction,
    kind: Kind,
    migrations: &'static [Migration],
    done: usize,
) -> Result<(), BackendError> {
    if done == 0 {
        let versions = match kind {
            Kind::Sqlite => "CREATE TABLE secrets_schema (version INTEGER NOT NULL) STRICT",
            Kind::Postgres => "CREATE TABLE secrets_schema (version BIGINT NOT NULL)",
        };
        transaction.execute(versions, Vec::new()).await?;
    }
    let later = migrations.iter().skip(done);
    for statement in later.flat_map(|migration| migration.statements(kind)) {
        transaction.execute(statement, Vec::new()).await?;
    }
    write_version(transaction, migrations.len()).await
}

fn check_strangers(actual: &Shape, known: &Shape, kind: Kind) -> Result<(), SchemaError> {
    // A PostgreSQL database may serve others, too.
    let stranger = (kind == Kind::Sqlite).then(|| actual.stranger(known));
    match stranger.flatten() {
        Some(stranger) => Err(SchemaError::Foreign(stranger)),
        None => Ok(()),
    }
}

fn check(actual: &Shape, expected: &Shape, known: &Shape) -> Result<(), SchemaError> {
    match actual.difference(expected, known) {
        Some(difference) => Err(SchemaError::Foreign(difference)),
        None => Ok(()),
    }
}

/// The version that the tables have; 0 if there are none.
async fn version(
    transaction: &mut dyn Transaction,
    actual: &Shape,
    migrations: &[Migration],
) -> Result<usize, SchemaError> {
    if !actual.has("secrets_schema") {
        return Ok(0);
    }
    let rows = transaction.query("SELECT version FROM secrets_schema", Vec::new());
    match &rows.await?[..] {
        [row] => known_version(row.integer(0)?, migrations),
        _ => Err(SchemaError::Foreign(Difference::Version)),
    }
}

fn known_version(found: i64, migrations: &[Migration]) -> Result<usize, SchemaError> {
    let known = i64::try_from(migrations.len()).expect("there are few migrations");
    match usize::try_from(found) {
        Ok(version @ 1..) if version <= migrations.len() => Ok(version),
        Ok(1..) => Err(SchemaError::Newer { found, known }),
        _ => Err(SchemaError::Foreign(Difference::Version)),
    }
}

async fn write_version(
    transaction: &mut dyn Transaction,
    version: usize,
) -> Result<(), BackendError> {
    let version = i64::try_from(version).expect("there are few migrations");
    let delete = "DELETE FROM secrets_schema";
    transaction.execute(delete, Vec::new()).await?;
    let insert = "INSERT INTO secrets_schema (version) VALUES ($1)";
    transaction.execute(insert, vec![version.into()]).await?;
    Ok(())
}

#[cfg(test)]
mod tests;
