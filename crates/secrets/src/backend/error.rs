//! Why a database did not do what it was asked to, in the kinds that an operator mends differently.

use std::fmt;
use std::io;
use std::path::PathBuf;

use super::Kind;

/// Why a database did not do what it was asked to.
///
/// Messages name the kind and how to mend it; what the database itself said is in `source()`. Neither has
/// values of rows, nor anything of an address but the names of its options.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BackendError {
    /// It refused or broke in a way that no other kind tells.
    #[error("the database of the secret store failed")]
    Failed(#[source] Cause),
    /// Somebody else has written, or held every connection, for longer than
    /// [`Patience::turn`](super::Patience::turn).
    #[error(
        "the secret store is busy: others kept it from us for too long; try again, and if it stays so, look for a process that hangs"
    )]
    Busy(#[source] Cause),
    /// No room is left.
    #[error("no room is left for the secret store: make room on its disk; nothing was changed")]
    Full(#[source] Cause),
    /// The disk below the database failed, or it is full, which not every call of a system tells apart.
    #[error(
        "the disk below the secret store failed or is full: look at its room and into the system's log; if it is broken, restore a backup to a sound one"
    )]
    Disk(#[source] Cause),
    /// What is in the database makes no sense to the database itself.
    #[error("the database of the secret store is damaged: restore a backup")]
    Damaged(#[source] Cause),
    /// It does not answer.
    #[error(
        "the database of the secret store does not answer: check that it runs, that its address is right, and the network between"
    )]
    Unreachable(#[source] Cause),
    /// There is no connection that can be trusted.
    #[error(
        "no trusted TLS connection to the database of the secret store: name its authority with `sslrootcert`, or, if the network between is yours alone, say `sslmode=disable`"
    )]
    Tls(#[source] Cause),
    /// It does not let us in, or not do what we need to.
    #[error(
        "the database of the secret store does not let us: check the user, the password, the name of the database, and what the user may do"
    )]
    Denied(#[source] Cause),
    /// It can be read, but not changed.
    #[error(
        "the database of the secret store takes no changes: connect to the primary server, or make the file and its folder writable"
    )]
    ReadOnly(#[source] Cause),
    /// The address of a PostgreSQL database makes no sense.
    #[error("the address of the secret store's database is wrong: {0}")]
    Address(#[from] AddressError),
    /// The file is not one of SQLite's.
    #[error(
        "{path} is not a SQLite database, and nothing was written to it: give the secret store a file of its own"
    )]
    NotSqlite {
        /// Which file.
        path: PathBuf,
    },
    /// The file cannot be made or opened.
    #[error(
        "the secret store {path} cannot be opened: its folder must exist, and both must belong to this user"
    )]
    File {
        /// Which file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Another file, or none, is where the store's was when it was opened.
    #[error(
        "the file {path} was replaced or removed while the secret store was open: stop every process that uses it, put the right file there, and start again"
    )]
    Replaced {
        /// Which file.
        path: PathBuf,
    },
    /// A SQLite older than the first that keeps what it committed.
    #[error(
        "SQLite {found} can lose committed changes (sqlite.org/wal.html, \"WAL-reset bug\"); 3.51.3 or later is needed"
    )]
    OldSqlite {
        /// The version that is linked.
        found: String,
    },
    /// A statement's result has another shape than its table; somebody changed the tables.
    #[error("column {column} of the secret store has another type than it was made with")]
    Shape {
        /// The column's place in the query, counted from 0.
        column: usize,
    },
    /// A text with a NUL character, which PostgreSQL has no room for.
    #[error("a text for the secret store has a NUL character in it: leave it out")]
    Nul,
    /// A statement of the transaction had failed or was given up. Nothing was committed.
    #[error(
        "a statement of this transaction had failed before, so that nothing was changed: begin another"
    )]
    Aborted,
    /// The backend was closed.
    #[error("the database of the secret store was closed by this program: open it again")]
    Closed,
    /// A fault put there by a test.
    #[error("a fault was injected")]
    Injected,
}

/// What is wrong with the address of a PostgreSQL database. The address itself may hold a password and is not
/// shown.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AddressError {
    /// It is no URL, or another's.
    #[error(
        "it does not read as postgres://USER@HOST/DATABASE; characters such as @ : / ? # % in a user or password are written as %40 %3A %2F %3F %23 %25"
    )]
    NotPostgres,
    /// An option that the driver would pass over, such as a misspelt one.
    #[error("there is no option `{name}`")]
    UnknownOption {
        /// Its name.
        name: String,
    },
    /// An option's value makes no sense.
    #[error(
        "option `{name}` has a value that it does not know, or names a file that cannot be read"
    )]
    BadOption {
        /// Its name.
        name: String,
    },
}

/// What the driver or the database said, without the values of rows that some of their errors carry.
#[derive(Clone, PartialEq, Eq)]
pub struct Cause(String);

impl Cause {
    pub(super) fn new(said: impl Into<String>) -> Self {
        Self(said.into())
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl std::error::Error for Cause {}

impl BackendError {
    /// Sorts what the driver says.
    pub(super) fn explain(error: &sqlx::Error, database: Kind) -> Self {
        let cause = Cause(error.to_string());
        match error {
            sqlx::Error::Database(error) => {
                let code = error.code().unwrap_or_default();
                match database {
                    Kind::Sqlite => Self::sqlite(&code, cause),
                    Kind::Postgres => Self::postgres(&code, cause),
                }
            }
            sqlx::Error::PoolClosed => Self::Closed,
            sqlx::Error::Tls(_) => Self::Tls(cause),
            // So the driver passes on that a certificate is not believed.
            sqlx::Error::Io(error) if error.kind() == io::ErrorKind::InvalidData => {
                Self::Tls(cause)
            }
            sqlx::Error::Io(_) | sqlx::Error::PoolTimedOut if database == Kind::Postgres => {
                Self::Unreachable(cause)
            }
            sqlx::Error::Io(_) => Self::Disk(cause),
            sqlx::Error::PoolTimedOut => Self::Busy(cause),
            _ => Self::Failed(cause),
        }
    }

    /// The result codes are those of sqlite.org/rescode.html; an extended code has the primary one in its low byte.
    fn sqlite(code: &str, cause: Cause) -> Self {
        let code: u32 = code.parse().unwrap_or(1);
        match code & 0xff {
            // SQLITE_BUSY, SQLITE_LOCKED
            5 | 6 => Self::Busy(cause),
            // SQLITE_FULL
            13 => Self::Full(cause),
            // SQLITE_IOERR
            10 => Self::Disk(cause),
            // SQLITE_CORRUPT, SQLITE_NOTADB
            11 | 26 => Self::Damaged(cause),
            // SQLITE_READONLY
            8 => Self::ReadOnly(cause),
            // SQLITE_PERM, SQLITE_CANTOPEN, SQLITE_AUTH
            3 | 14 | 23 => Self::Denied(cause),
            _ => Self::Failed(cause),
        }
    }

    /// The codes are those of appendix A of PostgreSQL's manual, "PostgreSQL Error Codes".
    fn postgres(code: &str, cause: Cause) -> Self {
        match code {
            // lock_not_available, serialization_failure, deadlock_detected
            "55P03" | "40001" | "40P01" => Self::Busy(cause),
            // disk_full
            "53100" => Self::Full(cause),
            // io_error
            "58030" => Self::Disk(cause),
            // data_corrupted, index_corrupted
            "XX001" | "XX002" => Self::Damaged(cause),
            // read_only_sql_transaction
            "25006" => Self::ReadOnly(cause),
            // too_many_connections, admin_shutdown, crash_shutdown, cannot_connect_now
            "53300" | "57P01" | "57P02" | "57P03" => Self::Unreachable(cause),
            // insufficient_privilege, invalid_catalog_name, invalid_schema_name
            "42501" | "3D000" | "3F000" => Self::Denied(cause),
            // connection_exception; invalid_authorization_specification
            _ if code.starts_with("08") => Self::Unreachable(cause),
            _ if code.starts_with("28") => Self::Denied(cause),
            _ => Self::Failed(cause),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The name of the kind that a code is sorted into.
    fn kind(database: Kind, code: &str) -> String {
        let cause = Cause::new("said");
        let error = match database {
            Kind::Sqlite => BackendError::sqlite(code, cause),
            Kind::Postgres => BackendError::postgres(code, cause),
        };
        let text = format!("{error:?}");
        text.split('(').next().unwrap_or_default().to_owned()
    }

    #[test]
    fn codes_are_sorted_by_how_they_are_mended() {
        let cases = [
            (Kind::Sqlite, "5", "Busy"),
            (Kind::Sqlite, "517", "Busy"),
            (Kind::Sqlite, "13", "Full"),
            (Kind::Sqlite, "778", "Disk"),
            (Kind::Sqlite, "11", "Damaged"),
            (Kind::Sqlite, "26", "Damaged"),
            (Kind::Sqlite, "1032", "ReadOnly"),
            (Kind::Sqlite, "14", "Denied"),
            (Kind::Sqlite, "2067", "Failed"),
            (Kind::Sqlite, "no number", "Failed"),
            (Kind::Postgres, "55P03", "Busy"),
            (Kind::Postgres, "53100", "Full"),
            (Kind::Postgres, "58030", "Disk"),
            (Kind::Postgres, "XX001", "Damaged"),
            (Kind::Postgres, "25006", "ReadOnly"),
            (Kind::Postgres, "57P01", "Unreachable"),
            (Kind::Postgres, "08006", "Unreachable"),
            (Kind::Postgres, "28P01", "Denied"),
            (Kind::Postgres, "3D000", "Denied"),
            (Kind::Postgres, "23505", "Failed"),
            (Kind::Postgres, "", "Failed"),
        ];
        for (database, code, expected) in cases {
            assert_eq!(kind(database, code), expected, "{database:?} {code}");
        }
    }
}
