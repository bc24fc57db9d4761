//! What clients tell of calls: feedback, and logs of calls that went another way.

use std::sync::Arc;
use std::time::Duration;

use orchestra_types::Clock;
use sqlx::{SqliteConnection, SqlitePool};

use crate::database::{Database, integer, milliseconds};
use crate::error::Failed;

/// What a note is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoteKind {
    /// How good a call was.
    Feedback,
    /// A call that the gateway did not serve.
    Log,
}

impl NoteKind {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Feedback => "feedback",
            Self::Log => "log",
        }
    }
}

/// One note.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// Its identity.
    pub id: String,
    /// The client that told it; empty if it has no key.
    pub client: String,
    /// The trace that it belongs to; empty if it says none.
    pub trace: String,
    /// What it says, as JSON.
    pub body: String,
    /// When it was told, in milliseconds since 1970.
    pub made: i64,
}

/// Which notes are wanted.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    /// Of which kind.
    pub kind: NoteKind,
    /// Those of one client; of all without it.
    pub client: Option<&'a str>,
    /// Those of one trace; of all without it.
    pub trace: Option<&'a str>,
}

/// A part of a list, the latest first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// How many there are in all.
    pub total: u64,
    /// Those of the part.
    pub notes: Vec<Note>,
}

/// How much is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoteBounds {
    /// For how long.
    pub ttl: Duration,
    /// How many bytes all have together.
    pub bytes: u64,
    /// How many bytes those of one client have.
    pub client_bytes: u64,
}

impl Default for NoteBounds {
    /// Thirty days, 1 GiB, and a quarter of it for each client.
    fn default() -> Self {
        Self {
            ttl: Duration::from_secs(30 * 24 * 60 * 60),
            bytes: 1 << 30,
            client_bytes: 1 << 28,
        }
    }
}

/// Why a note is not kept.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NoteError {
    /// It would push out everything else of its client, and then itself.
    #[error("{bytes} bytes are more than the {bound} that one client may keep")]
    TooLarge {
        /// What was to be kept at once.
        bytes: u64,
        /// What may be.
        bound: u64,
    },
    /// The file.
    #[error(transparent)]
    Failed(#[from] Failed),
}

impl From<sqlx::Error> for NoteError {
    fn from(error: sqlx::Error) -> Self {
        Self::Failed(error.into())
    }
}

/// The notes of a file. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Notes {
    pool: SqlitePool,
    bounds: NoteBounds,
    clock: Arc<dyn Clock>,
}

type Row = (String, String, String, String, i64);

impl Notes {
    /// Those in a file.
    #[must_use]
    pub fn of(database: &Database, bounds: NoteBounds, clock: Arc<dyn Clock>) -> Self {
        Self {
            pool: database.pool.clone(),
            bounds,
            clock,
        }
    }

    /// Keeps notes, all of them or none. What has reached its end goes, then the oldest of the client, then the oldest of all,
    /// until what is left keeps the bounds.
    ///
    /// # Errors
    /// [`NoteError`] if they are too large, or the file cannot be written.
    pub async fn add(&self, kind: NoteKind, notes: &[Note]) -> Result<(), NoteError> {
        self.weigh(notes.iter().map(weight).sum())?;
        let mut transaction = self.pool.begin_with("BEGIN IMMEDIATE").await?;
        sqlx::query("DELETE FROM notes WHERE made <= ?")
            .bind(self.end())
            .execute(&mut *transaction)
            .await?;
        for note in notes {
            insert(&mut transaction, kind, note).await?;
        }
        for note in notes {
            self.make_room(&mut transaction, &note.client).await?;
        }
        Ok(transaction.commit().await?)
    }

    /// Changes what a note says. Says whether there is such a note of the client's.
    ///
    /// # Errors
    /// [`NoteError`] if it becomes too large, or the file cannot be written.
    pub async fn change<E>(
        &self,
        kind: NoteKind,
        client: &str,
        id: &str,
        change: impl FnOnce(&str) -> Result<String, E>,
    ) -> Result<Result<bool, E>, NoteError> {
        let mut transaction = self.pool.begin_with("BEGIN IMMEDIATE").await?;
        let found: Option<String> = sqlx::query_scalar(
            "SELECT body FROM notes WHERE kind = ? AND client = ? AND id = ? AND made > ?",
        )
        .bind(kind.as_str())
        .bind(client)
        .bind(id)
        .bind(self.end())
        .fetch_optional(&mut *transaction)
        .await?;
        let Some(body) = found else {
            return Ok(Ok(false));
        };
        let body = match change(&body) {
            Ok(body) => body,
            Err(refusal) => return Ok(Err(refusal)),
        };
        let size = length(&body) + length(id);
        self.weigh(size)?;
        sqlx::query("UPDATE notes SET body = ?, size = ? WHERE id = ?")
            .bind(&body)
            .bind(integer(size))
            .bind(id)
            .execute(&mut *transaction)
            .await?;
        self.make_room(&mut transaction, client).await?;
        transaction.commit().await?;
        Ok(Ok(true))
    }

    /// One note, if it is the client's; anybody's without a client.
    ///
    /// # Errors
    /// [`Failed`] if the file cannot be read.
    pub async fn get(
        &self,
        kind: NoteKind,
        client: Option<&str>,
        id: &str,
    ) -> Result<Option<Note>, Failed> {
        let row: Option<Row> = sqlx::query_as(
            "SELECT id, client, trace, body, made FROM notes
             WHERE kind = ?1 AND id = ?2 AND made > ?3 AND (?4 IS NULL OR client = ?4)",
        )
        .bind(kind.as_str())
        .bind(id)
        .bind(self.end())
        .bind(client)
        .fetch_optional(&self.pool)
        .await?;
        Ok(row.map(note))
    }

    /// Part of the notes that are asked for, the latest first.
    ///
    /// # Errors
    /// [`Failed`] if the file cannot be read.
    pub async fn page(&self, asked: Asked<'_>, skip: u64, limit: u64) -> Result<Page, Failed> {
        let mut transaction = self.pool.begin().await?;
        let total: i64 = sqlx::query_scalar(
            "SELECT count(*) FROM notes WHERE kind = ?1 AND made > ?2
             AND (?3 IS NULL OR client = ?3) AND (?4 IS NULL OR trace = ?4)",
        )
        .bind(asked.kind.as_str())
        .bind(self.end())
        .bind(asked.client)
        .bind(asked.trace)
        .fetch_one(&mut *transaction)
        .await?;
        let rows: Vec<Row> = sqlx::query_as(
            "SELECT id, client, trace, body, made FROM notes WHERE kind = ?1 AND made > ?2
             AND (?3 IS NULL OR client = ?3) AND (?4 IS NULL OR trace = ?4)
             ORDER BY number DESC LIMIT ?5 OFFSET ?6",
        )
        .bind(asked.kind.as_str())
        .bind(self.end())
        .bind(asked.client)
        .bind(asked.trace)
        .bind(integer(limit))
        .bind(integer(skip))
        .fetch_all(&mut *transaction)
        .await?;
        Ok(Page {
            total: u64::try_from(total).unwrap_or(0),
            notes: rows.into_iter().map(note).collect(),
        })
    }

    /// Notes that were made before this have reached their end.
    fn end(&self) -> i64 {
        milliseconds(self.clock.unix().saturating_sub(self.bounds.ttl))
    }

    fn weigh(&self, bytes: u64) -> Result<(), NoteError> {
        let bound = self.bounds.client_bytes.min(self.bounds.bytes);
        if bytes > bound {
            return Err(NoteError::TooLarge { bytes, bound });
        }
        Ok(())
    }

    async fn make_room(
        &self,
        transaction: &mut SqliteConnection,
        client: &str,
    ) -> Result<(), sqlx::Error> {
        loop {
            let of_client = sqlx::query(
                "DELETE FROM notes WHERE number = (
                     SELECT min(number) FROM notes
                     WHERE client = ?1 AND (SELECT bytes FROM note_clients WHERE client = ?1) > ?2)",
            );
            let of_client = of_client
                .bind(client)
                .bind(integer(self.bounds.client_bytes));
            if of_client.execute(&mut *transaction).await?.rows_affected() == 0 {
                break;
            }
        }
        loop {
            let of_all = sqlx::query(
                "DELETE FROM notes WHERE number = (
                     SELECT min(number) FROM notes
                     WHERE (SELECT sum(bytes) FROM note_clients) > ?1)",
            );
            let of_all = of_all.bind(integer(self.bounds.bytes));
            if of_all.execute(&mut *transaction).await?.rows_affected() == 0 {
                return Ok(());
            }
        }
    }
}

async fn insert(
    transaction: &mut SqliteConnection,
    kind: NoteKind,
    note: &Note,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "INSERT INTO notes (kind, client, id, trace, body, size, made) VALUES (?, ?, ?, ?, ?, ?, ?)",
    )
    .bind(kind.as_str())
    .bind(&note.client)
    .bind(&note.id)
    .bind(&note.trace)
    .bind(&note.body)
    .bind(integer(weight(note)))
    .bind(note.made)
    .execute(transaction)
    .await?;
    Ok(())
}

fn weight(note: &Note) -> u64 {
    length(&note.body) + length(&note.id)
}

fn length(text: &str) -> u64 {
    u64::try_from(text.len()).unwrap_or(u64::MAX)
}

fn note((id, client, trace, body, made): Row) -> Note {
    Note {
        id,
        client,
        trace,
        body,
        made,
    }
}
