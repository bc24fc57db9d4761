//! Reading a key file, if nobody else can.

use std::fs::{File, Metadata};
use std::io::{self, Read};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;

use orchestra_secrets::Credential;
use zeroize::Zeroizing;

use super::SecretsError;

/// Permissions of the group and of others.
const OTHERS: u32 = 0o077;
/// The same but for reading by the group: where the service manager hands a file over by an access control list, that
/// bit shows the list's mask (acl(5)), though the group may not read.
const OTHERS_THAN_LISTED: u32 = 0o037;

/// The content of a key file.
///
/// # Errors
/// [`SecretsError`] if the group or others can read or write it, if it belongs to somebody who is neither this process's
/// user nor root, or if it is no file or a large one.
pub fn read_key_file(path: &Path) -> Result<Zeroizing<Vec<u8>>, SecretsError> {
    read(path, OTHERS)
}

/// The content of a file that the service manager made.
pub(super) fn read_credential(path: &Path) -> Result<Zeroizing<Vec<u8>>, SecretsError> {
    read(path, OTHERS_THAN_LISTED)
}

fn read(path: &Path, forbidden: u32) -> Result<Zeroizing<Vec<u8>>, SecretsError> {
    let unreadable = |source| SecretsError::KeyFile {
        path: path.to_owned(),
        source,
    };
    let file = open(path).map_err(unreadable)?;
    // Of the file that is open: a path may lead to another one by now.
    check(path, &file.metadata().map_err(unreadable)?, forbidden)?;
    let limit = Credential::LONGEST_FILE;
    // With room for all of it, so that the buffer never moves and leaves a copy behind.
    let mut content = Zeroizing::new(Vec::with_capacity(limit + 1));
    let most = u64::try_from(limit + 1).unwrap_or(u64::MAX);
    file.take(most)
        .read_to_end(&mut content)
        .map_err(unreadable)?;
    if content.len() > limit {
        return Err(SecretsError::LargeKeyFile {
            path: path.to_owned(),
            limit,
        });
    }
    Ok(content)
}

/// Without waiting: opening a pipe that nobody writes to would never end.
fn open(path: &Path) -> io::Result<File> {
    use rustix::fs::{Mode, OFlags};
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC | OFlags::NOCTTY;
    Ok(File::from(rustix::fs::open(path, flags, Mode::empty())?))
}

fn check(path: &Path, file: &Metadata, forbidden: u32) -> Result<(), SecretsError> {
    let path = path.to_owned();
    let mode = file.permissions().mode() & 0o777;
    let owner = file.uid();
    if !file.is_file() {
        Err(SecretsError::NoKeyFile { path })
    } else if mode & forbidden != 0 {
        Err(SecretsError::OpenKeyFile { path, mode })
    } else if owner != 0 && owner != rustix::process::geteuid().as_raw() {
        Err(SecretsError::ForeignKeyFile { path, owner })
    } else {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::fs::{self, Permissions};
    use std::path::PathBuf;

    use super::*;

    fn file(folder: &Path, mode: u32, content: &[u8]) -> PathBuf {
        let path = folder.join("key");
        let _ = fs::remove_file(&path);
        fs::write(&path, content).unwrap();
        fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
        path
    }

    #[test]
    fn a_file_of_its_owner_alone_is_read_whole() {
        let folder = tempfile::tempdir().unwrap();
        for mode in [0o400, 0o600] {
            let path = file(folder.path(), mode, b"the content\n");
            assert_eq!(read_key_file(&path).unwrap().as_slice(), b"the content\n");
        }
    }

    #[test]
    fn a_file_that_others_can_read_or_write_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        for bit in 0..6 {
            let path = file(folder.path(), 0o600 | (1 << bit), b"the content");
            let refused = read_key_file(&path).unwrap_err();
            assert!(matches!(refused, SecretsError::OpenKeyFile { .. }));
            // The service manager's own files are told apart by an access control list, not by the group.
            assert_eq!(read_credential(&path).is_ok(), 1 << bit == 0o040);
        }
    }

    #[test]
    fn what_is_no_file_or_too_large_is_refused_without_waiting() {
        let folder = tempfile::tempdir().unwrap();
        let refused = |path: &Path| read_key_file(path).unwrap_err();
        let large = file(
            folder.path(),
            0o600,
            &vec![b'x'; Credential::LONGEST_FILE + 1],
        );
        assert!(matches!(refused(&large), SecretsError::LargeKeyFile { .. }));
        assert!(matches!(
            refused(folder.path()),
            SecretsError::NoKeyFile { .. }
        ));
        let pipe = folder.path().join("pipe");
        let mode = rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR;
        rustix::fs::mkfifoat(rustix::fs::CWD, &pipe, mode).unwrap();
        assert!(matches!(refused(&pipe), SecretsError::NoKeyFile { .. }));
        let missing = folder.path().join("missing");
        assert!(matches!(refused(&missing), SecretsError::KeyFile { .. }));
    }
}
