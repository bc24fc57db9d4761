//! Environment variables, `.env` files, and files with a secret in each.

use std::collections::HashMap;
use std::future::ready;
use std::path::Path;
use std::{fmt, fs, io};

use zeroize::Zeroizing;

use crate::backend::BoxFuture;
use crate::source::key;
use crate::{FetchError, Obtained, Origin, Reference, Secret, Source};

/// A `.env` file that could not be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DotenvError {
    /// The file exists but cannot be opened.
    #[error("{path} cannot be read")]
    Unreadable {
        /// Which file.
        path: String,
        /// What the system said.
        source: io::Error,
    },
    /// A line that is no `NAME=value`. The line is not shown: it may hold a key.
    #[error("entry {entry} of {path} is not of the form NAME=value")]
    Malformed {
        /// Which file.
        path: String,
        /// The entry's number, counted from 1 without comments and blank lines.
        entry: usize,
    },
}

/// Environment variables as they were when the program started, and files.
pub struct Variables {
    values: HashMap<String, Zeroizing<String>>,
}

impl fmt::Debug for Variables {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Variables")
            .field("count", &self.values.len())
            .finish()
    }
}

impl Variables {
    /// Takes the given pairs and nothing else.
    pub fn from_pairs<N: Into<String>, V: Into<String>>(
        pairs: impl IntoIterator<Item = (N, V)>,
    ) -> Self {
        let keep = |(name, value): (N, V)| (name.into(), Zeroizing::new(value.into()));
        Self {
            values: pairs.into_iter().map(keep).collect(),
        }
    }

    /// Copies the environment of this process. Names and values that are not UTF-8 are left out.
    #[must_use]
    pub fn from_process() -> Self {
        Self::from_pairs(std::env::vars_os().filter_map(|(name, value)| {
            Some((name.into_string().ok()?, value.into_string().ok()?))
        }))
    }

    /// Adds what a `.env` file says. A variable that is set already wins over the file,
    /// and a missing file adds nothing.
    ///
    /// # Errors
    /// [`DotenvError`] if the file exists but cannot be read or understood.
    pub fn with_dotenv(mut self, path: &Path) -> Result<Self, DotenvError> {
        let shown = || path.display().to_string();
        let text = match fs::read_to_string(path) {
            Ok(text) => Zeroizing::new(text),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(self),
            Err(source) => {
                return Err(DotenvError::Unreadable {
                    path: shown(),
                    source,
                });
            }
        };
        for (index, entry) in dotenvy::from_read_iter(text.as_bytes()).enumerate() {
            let (name, value) = entry.map_err(|_| DotenvError::Malformed {
                path: shown(),
                entry: index + 1,
            })?;
            self.values
                .entry(name)
                .or_insert_with(|| Zeroizing::new(value));
        }
        Ok(self)
    }

    /// The value of a variable that is no secret, such as a path; `None` when unset or empty.
    #[must_use]
    pub fn value(&self, name: &str) -> Option<&str> {
        self.values
            .get(name)
            .map(|value| value.as_str())
            .filter(|value| !value.is_empty())
    }

    /// Reads a variable or a file.
    ///
    /// # Errors
    /// [`FetchError`] when there is none, or none that could be a key.
    pub fn read(&self, reference: &Reference) -> Result<Secret, FetchError> {
        let content;
        let text = match reference {
            Reference::Variable(name) => {
                let value = self.values.get(name);
                value.ok_or_else(|| FetchError::Missing(reference.clone()))?
            }
            Reference::File(path) => {
                content = read_file(reference, path)?;
                &content
            }
            Reference::Stored(_) => return Err(FetchError::NoSource(reference.clone())),
        };
        key(reference, text)
    }
}

/// Files are read at once; they are small.
impl Source for Variables {
    fn fetch<'a>(
        &'a self,
        reference: &'a Reference,
        _: Option<&'a Origin>,
    ) -> BoxFuture<'a, Result<Obtained, FetchError>> {
        Box::pin(ready(self.read(reference).map(Obtained::plain)))
    }
}

fn read_file(reference: &Reference, path: &Path) -> Result<Zeroizing<String>, FetchError> {
    match fs::read(path).map(Zeroizing::new) {
        Ok(bytes) => match std::str::from_utf8(&bytes) {
            Ok(text) => Ok(Zeroizing::new(text.to_owned())),
            Err(_) => Err(FetchError::NotAKey(reference.clone())),
        },
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            Err(FetchError::Missing(reference.clone()))
        }
        Err(source) => Err(FetchError::Unreadable {
            reference: reference.clone(),
            source,
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fetch(variables: &Variables, reference: &str) -> Result<String, FetchError> {
        variables
            .read(&reference.parse().unwrap())
            .map(|secret| secret.expose().to_owned())
    }

    #[test]
    fn a_variable_wins_over_the_dotenv_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(".env");
        fs::write(&path, "# keys\nA=from-file\nexport B='two words'\n\nC=\n").unwrap();
        let variables = Variables::from_pairs([("A", "from-process")])
            .with_dotenv(&path)
            .unwrap();
        assert_eq!(fetch(&variables, "env:A").unwrap(), "from-process");
        assert_eq!(fetch(&variables, "env:B").unwrap(), "two words");
        assert!(matches!(
            fetch(&variables, "env:C"),
            Err(FetchError::Empty(_))
        ));
        assert!(matches!(
            fetch(&variables, "env:D"),
            Err(FetchError::Missing(_))
        ));
    }

    #[test]
    fn a_missing_dotenv_file_is_fine_and_a_broken_one_is_not_shown() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(".env");
        assert!(
            Variables::from_pairs([("A", "x")])
                .with_dotenv(&path)
                .is_ok()
        );
        fs::write(&path, "A=1\nthis line is a pasted key\n").unwrap();
        let error = Variables::from_pairs([("B", "x")])
            .with_dotenv(&path)
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("entry 2") && !error.contains("pasted"),
            "{error}"
        );
    }

    #[test]
    fn a_file_loses_its_line_end_and_must_be_one_line() {
        let folder = tempfile::tempdir().unwrap();
        let check = |content: &[u8]| {
            let path = folder.path().join("key");
            fs::write(&path, content).unwrap();
            fetch(
                &Variables::from_pairs([("A", "x")]),
                &format!("file:{}", path.display()),
            )
        };
        assert_eq!(check(b"the key\r\n").unwrap(), "the key");
        assert!(matches!(check(b"two\nlines"), Err(FetchError::NotAKey(_))));
        assert!(matches!(check(b"\xff\xfe"), Err(FetchError::NotAKey(_))));
        assert!(matches!(check(b" \n"), Err(FetchError::Empty(_))));
    }

    #[test]
    fn printing_the_source_shows_no_value() {
        let shown = format!("{:?}", Variables::from_pairs([("A", "hidden")]));
        assert!(!shown.contains("hidden"), "{shown}");
    }
}
