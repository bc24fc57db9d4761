//! Configs that were saved while the gateway ran, with their history.

use sqlx::{SqliteConnection, SqlitePool};

use crate::database::Database;
use crate::error::Failed;

/// How many versions of a config are kept, the latest included.
const VERSIONS: i64 = 100;

/// What one version of a config says. Times are milliseconds since 1970.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigVersion {
    /// Its identity, unlike that of any other version.
    pub id: String,
    /// What people call the config.
    pub name: String,
    /// The config, as JSON.
    pub body: String,
    /// Whether calls may name it.
    pub active: bool,
    /// When it was written.
    pub made: i64,
    /// The client who wrote it.
    pub made_by: String,
}

/// A config and its latest version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SavedConfig {
    /// What calls name it by.
    pub slug: String,
    /// When its first version was written.
    pub created: i64,
    /// Who wrote that.
    pub created_by: String,
    /// The latest version.
    pub latest: ConfigVersion,
}

/// The saved configs of a file. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Configs {
    pool: SqlitePool,
}

type VersionRow = (String, String, String, bool, i64, String);
type Row = (
    String,
    i64,
    String,
    String,
    String,
    String,
    bool,
    i64,
    String,
);

/// A query for configs and their latest versions, with what follows it.
macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT c.slug, c.created, c.created_by, v.id, v.name, v.body, v.active, v.made, v.made_by ",
            "FROM configs c JOIN config_versions v ON v.slug = c.slug AND v.number = c.number ",
            $rest
        )
    };
}

impl Configs {
    /// Those in a file.
    #[must_use]
    pub fn of(database: &Database) -> Self {
        Self {
            pool: database.pool.clone(),
        }
    }

    /// All of them, by their slugs.
    ///
    /// # Errors
    /// [`Failed`] if the file cannot be read.
    pub async fn all(&self) -> Result<Vec<SavedConfig>, Failed> {
        let rows: Vec<Row> = sqlx::query_as(select!("ORDER BY c.slug"))
            .fetch_all(&self.pool)
            .await?;
        Ok(rows.into_iter().map(saved).collect())
    }

    /// One of them.
    ///
    /// # Errors
    /// [`Failed`] if the file cannot be read.
    pub async fn get(&self, slug: &str) -> Result<Option<SavedConfig>, Failed> {
        let row: Option<Row> = sqlx::query_as(select!("WHERE c.slug = ?"))
            .bind(slug)
            .fetch_optional(&self.pool)
            .await?;
        Ok(row.map(saved))
    }

    /// The versions of one, the latest first; the oldest are let go.
    ///
    /// # Errors
    /// [`Failed`] if the file cannot be read.
    pub async fn versions(&self, slug: &str) -> Result<Vec<ConfigVersion>, Failed> {
        let rows: Vec<VersionRow> = sqlx::query_as(
            "SELECT id, name, body, active, made, made_by FROM config_versions
             WHERE slug = ? ORDER BY number DESC",
        )
        .bind(slug)
        .fetch_all(&self.pool)
        .await?;
        Ok(rows.into_iter().map(version).collect())
    }

    /// Keeps a new one. Says whether its slug was free.
    ///
    /// # Errors
    /// [`Failed`] if the file cannot be written.
    pub async fn insert(&self, slug: &str, first: &ConfigVersion) -> Result<bool, Failed> {
        let mut transaction = self.pool.begin_with("BEGIN IMMEDIATE").await?;
        let inserted = sqlx::query(
            "INSERT INTO configs (slug, number, created, created_by) VALUES (?, 1, ?, ?)
             ON CONFLICT (slug) DO NOTHING",
        )
        .bind(slug)
        .bind(first.made)
        .bind(&first.made_by)
        .execute(&mut *transaction)
        .await?;
        if inserted.rows_affected() == 0 {
            return Ok(false);
        }
        append(&mut transaction, slug, first).await?;
        transaction.commit().await?;
        Ok(true)
    }

    /// Writes a further version. Says whether there is such a config.
    ///
    /// # Errors
    /// [`Failed`] if the file cannot be written.
    pub async fn update(&self, slug: &str, next: &ConfigVersion) -> Result<bool, Failed> {
        let mut transaction = self.pool.begin_with("BEGIN IMMEDIATE").await?;
        let counted = sqlx::query("UPDATE configs SET number = number + 1 WHERE slug = ?")
            .bind(slug)
            .execute(&mut *transaction)
            .await?;
        if counted.rows_affected() == 0 {
            return Ok(false);
        }
        append(&mut transaction, slug, next).await?;
        transaction.commit().await?;
        Ok(true)
    }

    /// Lets go of one and of its versions. Says whether there was one.
    ///
    /// # Errors
    /// [`Failed`] if the file cannot be written.
    pub async fn remove(&self, slug: &str) -> Result<bool, Failed> {
        let mut transaction = self.pool.begin_with("BEGIN IMMEDIATE").await?;
        for statement in [
            "DELETE FROM config_versions WHERE slug = ?",
            "DELETE FROM configs WHERE slug = ?",
        ] {
            let removed = sqlx::query(statement)
                .bind(slug)
                .execute(&mut *transaction)
                .await?;
            if removed.rows_affected() == 0 {
                return Ok(false);
            }
        }
        transaction.commit().await?;
        Ok(true)
    }
}

/// Writes the version that the config's number already counts.
async fn append(
    transaction: &mut SqliteConnection,
    slug: &str,
    version: &ConfigVersion,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "INSERT INTO config_versions (slug, number, id, name, body, active, made, made_by)
         VALUES (?1, (SELECT number FROM configs WHERE slug = ?1), ?2, ?3, ?4, ?5, ?6, ?7)",
    )
    .bind(slug)
    .bind(&version.id)
    .bind(&version.name)
    .bind(&version.body)
    .bind(version.active)
    .bind(version.made)
    .bind(&version.made_by)
    .execute(&mut *transaction)
    .await?;
    sqlx::query(
        "DELETE FROM config_versions
         WHERE slug = ?1 AND number <= (SELECT number FROM configs WHERE slug = ?1) - ?2",
    )
    .bind(slug)
    .bind(VERSIONS)
    .execute(transaction)
    .await?;
    Ok(())
}

fn version((id, name, body, active, made, made_by): VersionRow) -> ConfigVersion {
    ConfigVersion {
        id,
        name,
        body,
        active,
        made,
        made_by,
    }
}

fn saved((slug, created, created_by, id, name, body, active, made, made_by): Row) -> SavedConfig {
    SavedConfig {
        slug,
        created,
        created_by,
        latest: version((id, name, body, active, made, made_by)),
    }
}
