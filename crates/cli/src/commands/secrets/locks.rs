//! What a store, or one more slot of it, is to be locked with.

use std::path::Path;

use anyhow::{Context, bail};
use orchestra_secrets::{Credential, OsEntropy, new_key_file};
use orchestra_server::secrets::read_key_file;
use zeroize::Zeroizing;

use super::desk::Desk;
use super::passphrase;
use super::private_file::{PrivateFile, folder};

/// A key file that locks something, or will.
pub(super) struct KeyFile {
    pub(super) content: Zeroizing<Vec<u8>>,
    /// It was made for this, and is removed again unless that is done.
    made: Option<PrivateFile>,
}

impl KeyFile {
    /// Reads the file, or makes it.
    pub(super) fn of(path: &Path, new: bool) -> anyhow::Result<Self> {
        if new {
            return Self::make(path);
        }
        if !path.exists() {
            bail!(
                "there is no file {}: make one with --new-key-file",
                path.display()
            );
        }
        Ok(Self {
            content: read_key_file(path)?,
            made: None,
        })
    }

    fn make(path: &Path) -> anyhow::Result<Self> {
        let text = new_key_file(&OsEntropy).context("no key can be made")?;
        let mut file = PrivateFile::make(path)?;
        file.fill(text.as_bytes())?;
        Ok(Self {
            content: Zeroizing::new(text.as_bytes().to_vec()),
            made: Some(file),
        })
    }

    /// What it was made for is done: from now on it stays.
    pub(super) fn keep(self) {
        if let Some(made) = self.made {
            made.keep();
        }
    }
}

/// A warning for a key that lies beside what it locks: whoever copies the folder has both.
pub(super) fn beside_the_store(path: &Path, desk: &Desk<'_>) -> Option<String> {
    let place = desk.place.describe();
    let here = |path: &Path| folder(path).canonicalize().ok();
    let (key, store) = (here(path)?, here(Path::new(&place))?);
    (Path::new(&place).exists() && key == store).then(|| {
        format!(
            "the key file lies in the same folder as the store: whoever copies the folder can open it. Move it to \
             where only the server reads it, such as /etc/orchestra/{}",
            path.file_name().unwrap_or_default().display()
        )
    })
}

/// What a slot may be locked with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lock {
    Passphrase,
    KeyFile,
    Both,
}

/// The credential for a lock. A passphrase is asked for.
pub(super) fn credential(
    lock: Lock,
    file: Option<&KeyFile>,
    desk: &Desk<'_>,
) -> anyhow::Result<Credential> {
    let content = || {
        let file = file.context("name the key file")?;
        anyhow::Ok(&file.content)
    };
    let credential = match lock {
        Lock::Passphrase => Credential::passphrase(&passphrase::new(desk)?),
        Lock::KeyFile => Credential::key_file(content()?),
        Lock::Both => Credential::passphrase_and_key_file(&passphrase::new(desk)?, content()?),
    };
    credential.check().context("nothing was changed")?;
    Ok(credential)
}
