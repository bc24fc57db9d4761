//! Conversations in a file.

use std::path::Path;
use std::sync::Arc;

use orchestra_gateway::{
    Conversation, ConversationBounds, ConversationError, ConversationFuture, ConversationKey,
    Conversations,
};
use orchestra_types::{Clock, KeyId};
use sqlx::{SqliteConnection, SqlitePool};

use crate::database::{self, integer, milliseconds};
use crate::error::OpenError;

/// Keeps conversations in a SQLite file. Cheap to clone; all clones are one store.
#[derive(Clone, Debug)]
pub struct SqliteConversations {
    pool: SqlitePool,
    bounds: ConversationBounds,
    clock: Arc<dyn Clock>,
}

impl SqliteConversations {
    /// Opens a file, or makes it.
    ///
    /// # Errors
    /// [`OpenError`] says what is wrong with the file and what to do.
    pub async fn open(
        path: &Path,
        bounds: ConversationBounds,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, OpenError> {
        let pool = database::open(path).await?;
        Ok(Self {
            pool,
            bounds,
            clock,
        })
    }

    /// Writes everything into the file itself and lets go of it. Later calls fail.
    pub async fn close(&self) {
        self.pool.close().await;
    }

    async fn fetch(self, key: ConversationKey) -> sqlx::Result<Option<Conversation>> {
        let found: Vec<(String, String)> = sqlx::query_as(
            "UPDATE conversations SET used = (SELECT max(used) + 1 FROM conversations)
             WHERE client = ? AND id = ? AND expires > ? RETURNING input, response",
        )
        .bind(client(key.client.as_ref()))
        .bind(&*key.id)
        .bind(milliseconds(self.clock.unix()))
        .fetch_all(&self.pool)
        .await?;
        let found = found.into_iter().next();
        Ok(found.map(|(input, response)| Conversation {
            input: input.into(),
            response: response.into(),
        }))
    }

    async fn put(
        self,
        key: ConversationKey,
        conversation: Conversation,
        size: i64,
    ) -> sqlx::Result<()> {
        let now = self.clock.unix();
        let client = client(key.client.as_ref());
        let mut transaction = self.pool.begin_with("BEGIN IMMEDIATE").await?;
        sqlx::query("DELETE FROM conversations WHERE expires <= ?1 OR (client = ?2 AND id = ?3)")
            .bind(milliseconds(now))
            .bind(client)
            .bind(&*key.id)
            .execute(&mut *transaction)
            .await?;
        sqlx::query(
            "INSERT INTO conversations
             (client, id, input, response, size, created, expires, used)
             VALUES (?, ?, ?, ?, ?, ?, ?, (SELECT coalesce(max(used), 0) + 1 FROM conversations))",
        )
        .bind(client)
        .bind(&*key.id)
        .bind(&*conversation.input)
        .bind(&*conversation.response)
        .bind(size)
        .bind(milliseconds(now))
        .bind(milliseconds(now.saturating_add(self.bounds.ttl)))
        .execute(&mut *transaction)
        .await?;
        while self.drop_one(client, &mut transaction).await? {}
        transaction.commit().await
    }

    /// Lets go of what was used least recently, of the client if it has too much, else of all if there is
    /// too much. Says whether there was.
    async fn drop_one(
        &self,
        client: &str,
        transaction: &mut SqliteConnection,
    ) -> sqlx::Result<bool> {
        let of_client = sqlx::query(
            "DELETE FROM conversations WHERE rowid = (
                 SELECT rowid FROM conversations
                 WHERE client = ?1 AND (SELECT bytes FROM clients WHERE client = ?1) > ?2
                 ORDER BY used LIMIT 1)",
        );
        let of_client = of_client
            .bind(client)
            .bind(integer(self.bounds.client_bytes));
        if of_client.execute(&mut *transaction).await?.rows_affected() > 0 {
            return Ok(true);
        }
        let of_all = sqlx::query(
            "DELETE FROM conversations WHERE rowid = (
                 SELECT rowid FROM conversations
                 WHERE (SELECT sum(bytes) > ?1 OR sum(entries) > ?2 FROM clients)
                 ORDER BY used LIMIT 1)",
        );
        let bounds = [self.bounds.bytes, self.bounds.entries].map(integer);
        let of_all = of_all.bind(bounds[0]).bind(bounds[1]);
        Ok(of_all.execute(transaction).await?.rows_affected() > 0)
    }

    async fn remove(self, key: ConversationKey) -> sqlx::Result<bool> {
        let removed =
            sqlx::query("DELETE FROM conversations WHERE client = ? AND id = ? AND expires > ?")
                .bind(client(key.client.as_ref()))
                .bind(&*key.id)
                .bind(milliseconds(self.clock.unix()))
                .execute(&self.pool)
                .await?;
        Ok(removed.rows_affected() > 0)
    }
}

impl Conversations for SqliteConversations {
    fn load(&self, key: ConversationKey) -> ConversationFuture<Option<Conversation>> {
        let store = self.clone();
        Box::pin(async move { store.fetch(key).await.map_err(failed) })
    }

    fn save(&self, key: ConversationKey, conversation: Conversation) -> ConversationFuture<()> {
        let store = self.clone();
        Box::pin(async move {
            let size = store.bounds.weigh(&conversation)?;
            store
                .put(key, conversation, integer(size))
                .await
                .map_err(failed)
        })
    }

    fn delete(&self, key: ConversationKey) -> ConversationFuture<bool> {
        let store = self.clone();
        Box::pin(async move { store.remove(key).await.map_err(failed) })
    }
}

fn failed(error: sqlx::Error) -> ConversationError {
    ConversationError::Failed(error.into())
}

fn client(key: Option<&KeyId>) -> &str {
    key.map_or("", KeyId::as_str)
}
