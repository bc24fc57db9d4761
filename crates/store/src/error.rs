//! Why a file cannot be used.

use std::io;
use std::path::PathBuf;

/// A file that cannot serve as a store.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// It cannot be made, or is not ours to restrict.
    #[error("the database {} cannot be created, or not be made readable by its owner alone", path.display())]
    File {
        /// Which file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// It is something else than a database, or what is left of one.
    #[error(
        "{} is no SQLite database, or a damaged one; move it away, and a new one is made", path.display()
    )]
    Damaged {
        /// Which file.
        path: PathBuf,
        /// What SQLite said.
        source: sqlx::Error,
    },
    /// It belongs to somebody else.
    #[error("{} is a database of another program; name another file", path.display())]
    Foreign {
        /// Which file.
        path: PathBuf,
    },
    /// A later version of this program has changed its form.
    #[error(
        "{} was written by a newer version (its schema is {found}, this version knows {known}); upgrade, or name another file",
        path.display()
    )]
    Newer {
        /// Which file.
        path: PathBuf,
        /// The schema it has.
        found: i64,
        /// The newest that is known here.
        known: i64,
    },
    /// Anything else.
    #[error("the database {} cannot be opened", path.display())]
    Failed {
        /// Which file.
        path: PathBuf,
        /// What SQLite said.
        source: sqlx::Error,
    },
}

impl OpenError {
    pub(crate) fn of(path: &std::path::Path, source: sqlx::Error) -> Self {
        let path = path.to_owned();
        if is_damage(&source) {
            Self::Damaged { path, source }
        } else {
            Self::Failed { path, source }
        }
    }
}

/// Whether SQLite says that the file is none of its own: `SQLITE_CORRUPT` or `SQLITE_NOTADB`, the low byte of
/// the extended codes (sqlite.org/rescode.html).
fn is_damage(error: &sqlx::Error) -> bool {
    let code = error.as_database_error().and_then(|error| error.code());
    let code: Option<i32> = code.and_then(|code| code.parse().ok());
    code.is_some_and(|code| matches!(code & 0xff, 11 | 26))
}

/// A file that could not be read or written.
#[derive(Debug, thiserror::Error)]
#[error("the database cannot be used")]
pub struct Failed(#[from] sqlx::Error);
