//! What is remembered of the store outside of its database.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::format::{FormatError, Purpose, Reader, Writer, derive};
use crate::key::Key;

/// The latest state that was seen. A database that shows an earlier one was put back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Mark {
    pub(crate) epoch: u64,
    /// The manifest's hash in that epoch.
    pub(crate) manifest: [u8; 32],
    /// The last entry of the audit log, which stays where it is in every later state.
    pub(crate) audit_seq: u64,
    pub(crate) audit_hash: [u8; 32],
}

/// A file that holds a [`Mark`]. It belongs where the database's backups do not reach.
#[derive(Clone, Debug)]
pub(crate) struct Anchor {
    path: PathBuf,
}

/// What becomes of what was remembered before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Before {
    /// It must be this store's.
    Counts,
    /// If it cannot be read, it is given up with the state that it stood for.
    GivenUp,
}

/// Why the anchor cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AnchorError {
    /// The file cannot be read or written.
    #[error("the anchor {path} cannot be read or written")]
    File {
        /// Which file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// It was changed, or is another store's.
    #[error("the anchor {path} is not this store's, or was changed")]
    Damaged {
        /// Which file.
        path: PathBuf,
        /// What is wrong.
        source: FormatError,
    },
}

impl Mark {
    const MAGIC: [u8; 4] = *b"ORAN";
    const FORMAT: u8 = 1;

    fn encode(self, store: &[u8; 16], key: &Key) -> Vec<u8> {
        let mut bytes = Writer::default()
            .raw(&Self::MAGIC)
            .u8(Self::FORMAT)
            .raw(store)
            .u64(self.epoch)
            .raw(&self.manifest)
            .u64(self.audit_seq)
            .raw(&self.audit_hash)
            .finish();
        let mac = mac(key, &bytes).finalize().into_bytes();
        bytes.extend_from_slice(&mac);
        bytes
    }

    fn open(bytes: &[u8], store: &[u8; 16], key: &Key) -> Result<Self, FormatError> {
        let (body, tag) = bytes
            .split_last_chunk::<32>()
            .ok_or(FormatError::Truncated)?;
        let mut reader = Reader::new(body);
        reader.magic(Self::MAGIC, Self::FORMAT)?;
        let found: [u8; 16] = reader.array()?;
        let mark = Self {
            epoch: reader.u64()?,
            manifest: reader.array()?,
            audit_seq: reader.u64()?,
            audit_hash: reader.array()?,
        };
        reader.end()?;
        let genuine = mac(key, body).verify_slice(tag).is_ok();
        (genuine && found == *store)
            .then_some(mark)
            .ok_or(FormatError::Refused)
    }
}

fn mac(key: &Key, body: &[u8]) -> Hmac<Sha256> {
    let derived = derive(key, Purpose::Anchor);
    let mut mac = Hmac::<Sha256>::new_from_slice(derived.expose()).expect("any length will do");
    mac.update(body);
    mac
}

impl Anchor {
    pub(crate) const fn new(path: PathBuf) -> Self {
        Self { path }
    }

    /// What was remembered; `None` if there is no file yet.
    pub(crate) fn read(&self, store: &[u8; 16], key: &Key) -> Result<Option<Mark>, AnchorError> {
        let bytes = match fs::read(&self.path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(source) => return Err(self.file(source)),
        };
        let mark = Mark::open(&bytes, store, key).map_err(|source| AnchorError::Damaged {
            path: self.path.clone(),
            source,
        })?;
        Ok(Some(mark))
    }

    /// Remembers, unless something later is remembered already. A crash leaves the old file or the new one.
    pub(crate) fn advance(
        &self,
        mark: Mark,
        store: &[u8; 16],
        key: &Key,
        before: Before,
    ) -> Result<(), AnchorError> {
        let _alone = self.lock().map_err(|source| self.file(source))?;
        match self.read(store, key) {
            Ok(Some(latest)) if latest.epoch >= mark.epoch => Ok(()),
            Err(AnchorError::Damaged { .. }) if before == Before::GivenUp => {
                self.put(mark, store, key)
            }
            Ok(_) => self.put(mark, store, key),
            Err(error) => Err(error),
        }
    }

    fn put(&self, mark: Mark, store: &[u8; 16], key: &Key) -> Result<(), AnchorError> {
        replace(&self.path, &mark.encode(store, key)).map_err(|source| self.file(source))
    }

    /// Several processes of this machine may share an anchor.
    fn lock(&self) -> io::Result<fs::File> {
        fs::create_dir_all(folder(&self.path))?;
        let lock = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(beside(&self.path, ".lock"))?;
        lock.lock()?;
        Ok(lock)
    }

    fn file(&self, source: io::Error) -> AnchorError {
        AnchorError::File {
            path: self.path.clone(),
            source,
        }
    }
}

fn folder(path: &Path) -> &Path {
    path.parent()
        .filter(|folder| !folder.as_os_str().is_empty())
        .unwrap_or_else(|| Path::new("."))
}

fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(ending);
    path.with_file_name(name)
}

/// Puts a whole new file in the place of an old one, on disk before it is seen.
fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let fresh = beside(path, ".new");
    let mut file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&fresh)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&fresh, path)?;
    fs::File::open(folder(path))?.sync_all()
}
