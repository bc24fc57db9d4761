//! Files that hold what nobody else may read.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use anyhow::Context;

/// A new file that only its owner can read. Unless it is kept, it is removed again.
#[derive(Debug)]
pub(super) struct PrivateFile {
    path: PathBuf,
    file: File,
    kept: bool,
}

impl PrivateFile {
    /// Makes the file, empty.
    ///
    /// # Errors
    /// If it is there already: nothing is ever overwritten.
    pub(super) fn make(path: &Path) -> anyhow::Result<Self> {
        let file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(path);
        let file = match file {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => anyhow::bail!(
                "{} is there already, and is not overwritten: name a new file",
                path.display()
            ),
            file => file.with_context(|| format!("{} cannot be made", path.display()))?,
        };
        Ok(Self {
            path: path.to_owned(),
            file,
            kept: false,
        })
    }

    /// Writes all of it, and makes sure that it survives the loss of power.
    pub(super) fn fill(&mut self, content: &[u8]) -> anyhow::Result<()> {
        let written = self
            .file
            .write_all(content)
            .and_then(|()| self.file.sync_all())
            .and_then(|()| File::open(folder(&self.path))?.sync_all());
        written.with_context(|| format!("{} cannot be written", self.path.display()))
    }

    /// From now on it stays.
    pub(super) fn keep(mut self) {
        self.kept = true;
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for PrivateFile {
    fn drop(&mut self) {
        if !self.kept {
            // It was made a moment ago; if it is gone by now, all the better.
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// The folder that a file is in.
pub(super) fn folder(path: &Path) -> &Path {
    path.parent()
        .filter(|folder| !folder.as_os_str().is_empty())
        .unwrap_or_else(|| Path::new("."))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn it_is_new_private_and_gone_unless_it_is_kept() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("key");
        let mut file = PrivateFile::make(&path).unwrap();
        file.fill(b"content").unwrap();
        let mode = fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert!(PrivateFile::make(&path).is_err());
        drop(file);
        assert!(!path.exists());
        let mut file = PrivateFile::make(&path).unwrap();
        file.fill(b"content").unwrap();
        file.keep();
        assert_eq!(fs::read(&path).unwrap(), b"content");
    }
}
