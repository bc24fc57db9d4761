//! Whose processes the server's are. PostgreSQL refuses to run as root, so root lends it another account.

use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, bail};

use crate::command;

/// The accounts that root looks for, the better one first.
const LENT: [&str; 2] = ["postgres", "nobody"];

/// Whom the server runs as.
#[derive(Clone, Copy, Debug)]
pub(super) enum Account {
    Ours,
    Lent { user: u32, group: u32 },
}

impl Account {
    /// # Errors
    /// If we are root and there is no other account.
    pub(super) fn choose() -> anyhow::Result<Self> {
        if id(&["-u"]) != Some(0) {
            return Ok(Self::Ours);
        }
        let lent = LENT.iter().find_map(|name| {
            let (user, group) = (id(&["-u", name])?, id(&["-g", name])?);
            Some(Self::Lent { user, group })
        });
        lent.context("PostgreSQL does not run as root, and there is no user `postgres` or `nobody` to run it as")
    }

    /// A command that runs as this account, its messages in English and free of settings meant for other servers.
    pub(super) fn command(self, program: impl AsRef<Path>) -> Command {
        let mut command = Command::new(program.as_ref());
        if let Self::Lent { user, group } = self {
            command.uid(user).gid(group);
        }
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("PG") {
                command.env_remove(&name);
            }
        }
        command.env("LC_ALL", "C");
        command
    }

    /// Whether it may make and remove files in this folder.
    pub(super) fn can_write_in(self, folder: &Path) -> bool {
        self.answers("cd \"$1\" && test -w .", folder)
    }

    /// Whether it may start this program: the folders above it may be closed to others.
    pub(super) fn can_run(self, program: &Path) -> bool {
        self.answers("test -x \"$1\"", program)
    }

    fn answers(self, question: &str, path: &Path) -> bool {
        let mut command = self.command("sh");
        command.args(["-c", question, "sh"]).arg(path);
        // Ours may be a folder that it may not be in.
        command.current_dir("/").stderr(Stdio::null());
        command.status().is_ok_and(|status| status.success())
    }

    /// Gives it a folder that we have made.
    ///
    /// # Errors
    /// If the system refuses.
    pub(super) fn own(self, folder: &Path) -> anyhow::Result<()> {
        let Self::Lent { user, group } = self else {
            return Ok(());
        };
        chown(folder, Some(user), Some(group))
            .with_context(|| format!("cannot give {} to user {user}", folder.display()))
    }

    /// Copies a folder with all that is in it to where it may read it.
    ///
    /// # Errors
    /// If it cannot be copied.
    pub(super) fn copy(self, from: &Path, to: &Path) -> anyhow::Result<()> {
        done(Command::new("cp").arg("-R").arg(from).arg(to))?;
        if let Self::Lent { user, group } = self {
            let mut chown = Command::new("chown");
            done(chown.arg("-R").arg(format!("{user}:{group}")).arg(to))?;
        }
        Ok(())
    }
}

fn done(command: &mut Command) -> anyhow::Result<()> {
    if command::output_if_installed(command)?.is_none() {
        bail!("`{}` is not installed", command::shown(command));
    }
    Ok(())
}

/// What `id` prints; `None` if there is no such user.
fn id(arguments: &[&str]) -> Option<u32> {
    let printed = command::output_if_installed(Command::new("id").args(arguments)).ok()??;
    printed.parse().ok()
}
