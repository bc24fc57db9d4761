//! Who is at the other end of the socket.

use std::fmt;

use tokio::net::UnixStream;

/// Somebody who may control this server, as the kernel knows them (`SO_PEERCRED`, unix(7)).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Peer {
    uid: u32,
    /// The name that the machine's list of users has for them.
    name: Option<String>,
}

/// Who may not.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Stranger {
    #[error("user {0}")]
    Uid(u32),
    #[error("somebody whom the kernel does not name")]
    Unknown,
}

/// Who may control a server.
#[derive(Clone, Copy, Debug)]
pub(super) struct Trusted {
    own: u32,
    root: u32,
}

impl Trusted {
    /// The user of this process, and root.
    pub(super) fn own() -> Self {
        Self {
            own: rustix::process::geteuid().as_raw(),
            root: 0,
        }
    }

    /// Nobody who could run a test.
    #[cfg(test)]
    pub(super) const fn nobody() -> Self {
        Self {
            own: u32::MAX - 1,
            root: u32::MAX - 1,
        }
    }

    const fn has(self, uid: u32) -> bool {
        uid == self.own || uid == self.root
    }
}

impl Peer {
    pub(super) fn of(stream: &UnixStream, trusted: Trusted) -> Result<Self, Stranger> {
        let uid = stream.peer_cred().map_err(|_| Stranger::Unknown)?.uid();
        if !trusted.has(uid) {
            return Err(Stranger::Uid(uid));
        }
        let users = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
        Ok(Self {
            uid,
            name: name_of(uid, &users),
        })
    }

    /// For the audit log.
    pub(super) fn actor(&self) -> String {
        self.to_string()
    }
}

/// The user's name in `/etc/passwd` (passwd(5)). Users who are known elsewhere stay numbers.
fn name_of(uid: u32, users: &str) -> Option<String> {
    users.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        let number: u32 = fields.nth(1)?.parse().ok()?;
        (number == uid && !name.is_empty()).then(|| name.to_owned())
    })
}

impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.name {
            Some(name) => write!(f, "{name} (uid {})", self.uid),
            None => write!(f, "uid {}", self.uid),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn users_have_the_names_of_the_machines_list() {
        let users = "root:x:0:0:root:/root:/bin/sh\nbroken\n:x:7:7::/:\nalice:x:1000:1000:A:/home/alice:/bin/sh\n";
        assert_eq!(name_of(1000, users).as_deref(), Some("alice"));
        assert_eq!(name_of(0, users).as_deref(), Some("root"));
        assert_eq!(name_of(7, users), None);
        assert_eq!(name_of(1, users), None);
    }

    #[test]
    fn only_the_own_user_and_root_are_trusted() {
        let trusted = Trusted { own: 1000, root: 0 };
        assert!(trusted.has(1000) && trusted.has(0));
        assert!(!trusted.has(1001) && !trusted.has(65534));
    }
}
