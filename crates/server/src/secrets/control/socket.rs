//! The socket's file.

use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use tokio::net::{UnixListener, UnixStream};

/// A socket that listens. Its file goes with it.
pub(super) struct Socket {
    listener: UnixListener,
    path: PathBuf,
    /// Device and inode: another server may have put its own in the place.
    identity: (u64, u64),
}

/// Why there is no socket.
#[derive(Debug, thiserror::Error)]
pub(super) enum SocketError {
    #[error("another server listens at {}", .0.display())]
    Taken(PathBuf),
    #[error("{} is in the way, and is no socket", .0.display())]
    InTheWay(PathBuf),
    #[error("the control socket {} cannot be made: say in [secrets] where else, as `control`", path.display())]
    Failed { path: PathBuf, source: io::Error },
}

impl Socket {
    /// Listens at the path, for this process's user alone. A socket that a server left behind is replaced.
    pub(super) async fn bind(path: &Path) -> Result<Self, SocketError> {
        make_room(path).await?;
        let failed = |source| SocketError::Failed {
            path: path.to_owned(),
            source,
        };
        // Made under another name, so that nobody can reach it before its permissions are set.
        let fresh = path.with_extension(format!("{}", std::process::id()));
        let _ = fs::remove_file(&fresh);
        let made = UnixListener::bind(&fresh).and_then(|listener| {
            fs::set_permissions(&fresh, Permissions::from_mode(0o600))?;
            let identity = identity(&fresh)?;
            fs::rename(&fresh, path)?;
            Ok(Self {
                listener,
                path: path.to_owned(),
                identity,
            })
        });
        made.map_err(|error| {
            let _ = fs::remove_file(&fresh);
            failed(error)
        })
    }

    pub(super) async fn accept(&self) -> io::Result<UnixStream> {
        Ok(self.listener.accept().await?.0)
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        if identity(&self.path).is_ok_and(|there| there == self.identity) {
            // What stays is replaced by the next server.
            let _ = fs::remove_file(&self.path);
        }
    }
}

fn identity(path: &Path) -> io::Result<(u64, u64)> {
    let file = fs::symlink_metadata(path)?;
    Ok((file.dev(), file.ino()))
}

/// Nothing but a socket that nobody listens at is replaced.
async fn make_room(path: &Path) -> Result<(), SocketError> {
    let Ok(there) = fs::symlink_metadata(path) else {
        return Ok(());
    };
    if !there.file_type().is_socket() {
        return Err(SocketError::InTheWay(path.to_owned()));
    }
    match UnixStream::connect(path).await {
        Ok(_) => Err(SocketError::Taken(path.to_owned())),
        Err(_) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_socket_is_its_owners_alone_and_goes_when_it_is_dropped() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("control.sock");
        let socket = Socket::bind(&path).await.unwrap();
        let mode = fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let names = fs::read_dir(folder.path()).unwrap().count();
        assert_eq!(names, 1);
        drop(socket);
        assert!(!path.exists());
    }

    #[tokio::test]
    async fn what_a_server_left_behind_is_replaced_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("control.sock");
        drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
        assert!(path.exists());
        let first = Socket::bind(&path).await.unwrap();
        let second = Socket::bind(&path).await;
        assert!(matches!(second, Err(SocketError::Taken(_))));
        drop(first);
        fs::write(&path, "a file of somebody's").unwrap();
        let refused = Socket::bind(&path).await;
        assert!(matches!(refused, Err(SocketError::InTheWay(_))));
        assert!(path.exists());
    }

    #[tokio::test]
    async fn a_server_does_not_remove_the_socket_of_the_next() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("control.sock");
        let first = Socket::bind(&path).await.unwrap();
        fs::remove_file(&path).unwrap();
        let _second = Socket::bind(&path).await.unwrap();
        drop(first);
        assert!(path.exists());
    }
}
