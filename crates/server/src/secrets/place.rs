//! Where the store is.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use orchestra_secrets::backend::{Backend, PostgresBackend, SqliteBackend};
use orchestra_secrets::{Reference, Store, StoreError, StoreParts, Variables};
use sha2::{Digest, Sha256};
use url::Url;
use zeroize::Zeroizing;

use super::{SecretsConfig, SecretsError};

/// The store's file where nothing else is said.
pub const STORE_NAME: &str = "orchestra-secrets.db";

/// What `anchor` says where none is wanted.
const OFF: &str = "off";

/// The longest path of a Unix socket on the systems that we know (unix(7): 108 bytes with the zero at the end).
const LONGEST_SOCKET_PATH: usize = 103;

/// Where the store is, its anchor, and the socket of a running server.
#[derive(Clone, Debug)]
pub struct StorePlace {
    database: Database,
    anchor: Option<PathBuf>,
    control: PathBuf,
}

#[derive(Clone)]
enum Database {
    File(PathBuf),
    Postgres {
        url: Zeroizing<String>,
        /// Host and database, without user and password.
        shown: String,
    },
}

impl fmt::Debug for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown())
    }
}

impl Database {
    fn shown(&self) -> String {
        match self {
            Self::File(path) => path.display().to_string(),
            Self::Postgres { shown, .. } => format!("PostgreSQL {shown}"),
        }
    }

    /// A file name that no other store's has: its own, and some of the hash of where it is.
    fn label(&self) -> String {
        let (name, place) = match self {
            Self::File(path) => {
                let name = path.file_stem().unwrap_or_default();
                (
                    name.to_string_lossy().into_owned(),
                    path.as_os_str().as_encoded_bytes(),
                )
            }
            Self::Postgres { shown, .. } => ("orchestra-secrets".to_owned(), shown.as_bytes()),
        };
        let hash = Sha256::digest(place);
        let hash: String = hash[..6].iter().map(|byte| format!("{byte:02x}")).collect();
        format!("{name}-{hash}")
    }
}

impl SecretsConfig {
    /// Where the store is. Relative paths are taken from `folder`.
    ///
    /// # Errors
    /// [`SecretsError`] if the configuration names two places, or a database whose address cannot be had.
    pub fn place(&self, folder: &Path, variables: &Variables) -> Result<StorePlace, SecretsError> {
        let database = self.database(folder, variables)?;
        let anchor = match &self.anchor {
            Some(path) if path.as_os_str() == OFF => None,
            Some(path) => Some(folder.join(path)),
            None => state_folder(variables)
                .map(|state| state.join(format!("{}.anchor", database.label()))),
        };
        let control = match &self.control {
            Some(path) => short_enough(folder.join(path))?,
            // One that is too long is told by whoever needs it: most who have no store need none.
            None => usual_control(&database, folder, variables),
        };
        Ok(StorePlace {
            database,
            anchor,
            control,
        })
    }

    fn database(&self, folder: &Path, variables: &Variables) -> Result<Database, SecretsError> {
        match (&self.path, &self.database) {
            (Some(_), Some(_)) => Err(SecretsError::TwoPlaces),
            (path, None) => {
                let path = path.as_deref().unwrap_or_else(|| Path::new(STORE_NAME));
                Ok(Database::File(real(&folder.join(path))))
            }
            (None, Some(reference)) => postgres(reference, variables),
        }
    }
}

fn short_enough(path: PathBuf) -> Result<PathBuf, SecretsError> {
    let limit = LONGEST_SOCKET_PATH;
    if path.as_os_str().len() > limit {
        return Err(SecretsError::LongSocketPath { path, limit });
    }
    Ok(path)
}

/// The path without links on the way to its folder: one store has one path.
fn real(path: &Path) -> PathBuf {
    let folder = path.parent().and_then(|folder| folder.canonicalize().ok());
    match (folder, path.file_name()) {
        (Some(folder), Some(name)) => folder.join(name),
        _ => path.to_owned(),
    }
}

fn postgres(reference: &Reference, variables: &Variables) -> Result<Database, SecretsError> {
    if matches!(reference, Reference::Stored(_)) {
        return Err(SecretsError::AddressInStore);
    }
    let address = variables.read(reference).map_err(SecretsError::Address)?;
    let url: Url = address
        .expose()
        .parse()
        .map_err(|_| SecretsError::InvalidAddress)?;
    if !matches!(url.scheme(), "postgres" | "postgresql") {
        return Err(SecretsError::InvalidAddress);
    }
    // A Unix socket's folder is written as a parameter.
    let host = url.query_pairs().find(|(name, _)| name == "host");
    let host = host.map(|(_, host)| host.into_owned());
    let host = host.or_else(|| url.host_str().map(str::to_owned));
    let port = url
        .port()
        .map_or_else(String::new, |port| format!(":{port}"));
    let shown = format!("{}{port}{}", host.unwrap_or_default(), url.path());
    Ok(Database::Postgres {
        url: Zeroizing::new(address.expose().to_owned()),
        shown,
    })
}

/// Where programs keep what must outlive them: systemd.exec(5), and the XDG Base Directory Specification.
fn state_folder(variables: &Variables) -> Option<PathBuf> {
    let absolute = |name| {
        let first = variables.value(name)?.split(':').next()?;
        let path = PathBuf::from(first);
        path.is_absolute().then_some(path)
    };
    absolute("STATE_DIRECTORY")
        .or_else(|| Some(absolute("XDG_STATE_HOME")?.join("orchestra")))
        .or_else(|| Some(absolute("HOME")?.join(".local/state/orchestra")))
}

/// Beside the file. A database has no place on this machine, so there it is where sockets are.
fn usual_control(database: &Database, folder: &Path, variables: &Variables) -> PathBuf {
    if let Database::File(path) = database {
        return path.with_extension("sock");
    }
    let runtime = variables
        .value("RUNTIME_DIRECTORY")
        .and_then(|folders| folders.split(':').next())
        .or_else(|| variables.value("XDG_RUNTIME_DIR"));
    let folder = runtime.map_or_else(|| folder.to_owned(), PathBuf::from);
    folder.join(format!("{}.sock", database.label()))
}

impl StorePlace {
    /// For messages: the path, or host and database, never a password.
    #[must_use]
    pub fn describe(&self) -> String {
        self.database.shown()
    }

    /// The Unix socket of a running server.
    #[must_use]
    pub fn control(&self) -> &Path {
        &self.control
    }

    /// The file that remembers the latest state; `None` if there is none to be.
    #[must_use]
    pub fn anchor(&self) -> Option<&Path> {
        self.anchor.as_deref()
    }

    /// Whether there may be a store: the file exists, or a database is configured. Asks no database.
    #[must_use]
    pub fn exists_here(&self) -> bool {
        match &self.database {
            // One that cannot be looked at may be there: opening it tells why not.
            Database::File(path) => path.try_exists().unwrap_or(true),
            Database::Postgres { .. } => true,
        }
    }

    /// Opens the database, or makes its file.
    ///
    /// # Errors
    /// [`SecretsError::Backend`] if it cannot be opened.
    pub async fn parts(&self, actor: &str) -> Result<StoreParts, SecretsError> {
        let backend: Result<Arc<dyn Backend>, _> = match &self.database {
            Database::File(path) => SqliteBackend::open(path).await.map(|b| Arc::new(b) as _),
            Database::Postgres { url, .. } => {
                PostgresBackend::connect(&orchestra_secrets::Secret::new(url.to_string()))
                    .await
                    .map(|b| Arc::new(b) as _)
            }
        };
        let backend = backend.map_err(|source| SecretsError::Backend {
            place: self.describe(),
            source,
        })?;
        let mut parts = StoreParts::new(backend, actor);
        parts.anchor.clone_from(&self.anchor);
        Ok(parts)
    }

    /// Opens the store, sealed; `None` if there is none. Never makes a file.
    ///
    /// # Errors
    /// [`SecretsError`] if the database cannot be opened, or what is in it is no sound store.
    pub async fn open(&self, actor: &str) -> Result<Option<Store>, SecretsError> {
        if !self.exists_here() {
            return Ok(None);
        }
        match Store::open(self.parts(actor).await?).await {
            Ok(store) => Ok(Some(store)),
            Err(StoreError::NoStore) => Ok(None),
            Err(source) => Err(SecretsError::Store {
                place: self.describe(),
                source,
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(config: &SecretsConfig, pairs: &[(&str, &str)]) -> Result<StorePlace, SecretsError> {
        let variables = Variables::from_pairs(pairs.iter().copied());
        config.place(Path::new("/no/such/folder"), &variables)
    }

    #[test]
    fn without_configuration_the_store_is_a_file_here_and_its_anchor_is_elsewhere() {
        let place = place(&SecretsConfig::default(), &[("HOME", "/home/me")]).unwrap();
        assert_eq!(place.describe(), "/no/such/folder/orchestra-secrets.db");
        assert_eq!(
            place.control(),
            Path::new("/no/such/folder/orchestra-secrets.sock")
        );
        let anchor = place.anchor().unwrap();
        assert!(
            anchor.starts_with("/home/me/.local/state/orchestra"),
            "{anchor:?}"
        );
        assert!(!place.exists_here());
    }

    #[test]
    fn anchors_of_two_stores_are_two_files() {
        let anchor = |path: &str, pairs: &[(&str, &str)]| {
            let config = SecretsConfig {
                path: Some(path.into()),
                ..SecretsConfig::default()
            };
            place(&config, pairs).unwrap().anchor().map(Path::to_owned)
        };
        let state = [
            ("STATE_DIRECTORY", "/var/lib/orchestra:/var/lib/other"),
            ("HOME", "/root"),
        ];
        let first = anchor("/a/store.db", &state).unwrap();
        assert!(first.starts_with("/var/lib/orchestra/"), "{first:?}");
        assert_ne!(Some(first), anchor("/b/store.db", &state));
        assert_eq!(
            anchor("/a/store.db", &[("XDG_STATE_HOME", "relative")]),
            None
        );
        let off = SecretsConfig {
            anchor: Some("off".into()),
            ..SecretsConfig::default()
        };
        assert_eq!(place(&off, &state).unwrap().anchor(), None);
    }

    #[test]
    fn a_database_is_told_by_host_and_name_without_its_password() {
        let config = SecretsConfig {
            database: Some("env:DB".parse().unwrap()),
            ..SecretsConfig::default()
        };
        for (url, shown) in [
            (
                "postgres://me:hidden@db.example:5433/keys",
                "PostgreSQL db.example:5433/keys",
            ),
            (
                "postgresql://me:hidden@db/keys?sslmode=require",
                "PostgreSQL db/keys",
            ),
            (
                "postgres://me:hidden@localhost/keys?host=/run/pg",
                "PostgreSQL /run/pg/keys",
            ),
        ] {
            let place = place(&config, &[("DB", url), ("RUNTIME_DIRECTORY", "/run/o")]).unwrap();
            assert_eq!(place.describe(), shown);
            assert!(place.control().starts_with("/run/o"), "{place:?}");
            assert!(!format!("{place:?}").contains("hidden"), "{place:?}");
        }
        for url in [
            "mysql://me:hidden@db/keys",
            "hidden",
            "postgres://me:hidden@db:x/keys",
        ] {
            let refused = place(&config, &[("DB", url)]).unwrap_err();
            let words = format!("{refused:?} {refused}");
            assert!(!words.contains("hidden"), "{words}");
        }
        let circular = SecretsConfig {
            database: Some("store:db".parse().unwrap()),
            ..SecretsConfig::default()
        };
        let refused = place(&circular, &[]).unwrap_err();
        assert!(matches!(refused, SecretsError::AddressInStore));
        let both = SecretsConfig {
            path: Some("x.db".into()),
            ..config
        };
        let refused = place(&both, &[("DB", "postgres://db/keys")]).unwrap_err();
        assert!(matches!(refused, SecretsError::TwoPlaces));
    }

    #[test]
    fn a_socket_whose_path_is_too_long_is_refused_with_the_remedy() {
        let config = SecretsConfig {
            control: Some("x".repeat(104).into()),
            ..SecretsConfig::default()
        };
        let refused = place(&config, &[]).unwrap_err().to_string();
        assert!(refused.contains("`control`"), "{refused}");
    }

    #[tokio::test]
    async fn looking_for_a_store_makes_none() {
        let folder = tempfile::tempdir().unwrap();
        let variables = Variables::from_pairs([("A", "b")]);
        let place = SecretsConfig::default()
            .place(folder.path(), &variables)
            .unwrap();
        assert!(place.open("test").await.unwrap().is_none());
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}
