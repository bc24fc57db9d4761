//! A server with data of its own, which is gone without a trace when it is dropped, or when we are.

use std::fmt::Write as _;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write as _};
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};

use anyhow::{Context, anyhow, bail};
use tempfile::TempDir;

use crate::tools::Tools;

use super::account::Account;
use super::programs::Programs;

/// The shell stays behind whatever ends us, SIGKILL too, and runs under accounts that cannot read our executable.
const KEEPER: &str = include_str!("keeper.sh");

/// How often another port is tried: between our look for a free one and the server's start it may be taken.
const PORTS: u32 = 3;
/// What the server writes if that happened.
const TAKEN: &str = "could not create listen socket";

/// Of the words about a failure, the last ones tell.
const TOLD_LINES: usize = 12;

/// A running server. Dropping it stops it and removes its data.
pub(crate) struct Server {
    keeper: Child,
    url: String,
    programs: PathBuf,
}

impl Server {
    /// Starts a server with an empty database `postgres`.
    ///
    /// # Errors
    /// If it does not start, with its own words.
    pub(super) fn start(programs: &Programs) -> anyhow::Result<Self> {
        let account = Account::choose()?;
        let mut tries = 1;
        loop {
            match Self::start_once(programs, account) {
                Err(error) if tries < PORTS && error.to_string().contains(TAKEN) => tries += 1,
                result => return result,
            }
        }
    }

    fn start_once(programs: &Programs, account: Account) -> anyhow::Result<Self> {
        let home = home(account)?;
        let folder = reachable(programs, account, home.path())?;
        let port = free_port()?;
        let password = password()?;
        let script = home.path().join("keeper.sh");
        fs::write(&script, KEEPER).with_context(|| format!("cannot write {}", script.display()))?;
        let mut keeper = account
            .command("sh")
            .args([&script, home.path(), &folder])
            .arg(port.to_string())
            .current_dir(home.path())
            // A key pressed in the terminal must not reach the server before the tests have ended.
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .context("cannot start a shell")?;
        // From here on the folder is the keeper's to remove.
        let _ = home.keep();
        if let Err(error) = ready(&mut keeper, &password) {
            keeper.wait().ok();
            return Err(error);
        }
        Ok(Self {
            keeper,
            url: format!("postgres://postgres:{password}@127.0.0.1:{port}/postgres"),
            programs: folder,
        })
    }

    /// What the tests need to know.
    pub(crate) fn tools(&self) -> Tools {
        Tools {
            environment: vec![
                (super::URL, self.url.clone().into()),
                (super::BIN, self.programs.clone().into()),
            ],
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // This closes the keeper's input, which tells it to end, and fails only if it has ended already.
        self.keeper.wait().ok();
    }
}

/// A folder in which the account may do all. Where the target folder is, it may not even be let in.
fn home(account: Account) -> anyhow::Result<TempDir> {
    let places = [
        std::env::temp_dir(),
        PathBuf::from("/tmp"),
        PathBuf::from("/var/tmp"),
    ];
    let place = places
        .iter()
        .find(|place| account.can_write_in(place))
        .context("there is no folder for temporary files in which the server may write")?;
    let home = tempfile::Builder::new()
        .prefix("orchestra-postgres-")
        .tempdir_in(place)
        .with_context(|| format!("cannot make a folder in {}", place.display()))?;
    account.own(home.path())?;
    Ok(home)
}

/// Where the account can start the programs, which may be a copy of them.
fn reachable(programs: &Programs, account: Account, home: &Path) -> anyhow::Result<PathBuf> {
    if account.can_run(&programs.folder.join("postgres")) {
        return Ok(programs.folder.clone());
    }
    let inside = programs
        .movable
        .as_ref()
        .and_then(|root| Some((root, programs.folder.strip_prefix(root).ok()?)));
    let Some((root, inside)) = inside else {
        bail!(
            "the user that the server is to run as cannot start {}",
            programs.folder.join("postgres").display()
        );
    };
    let copy = home.join("programs");
    account.copy(root, &copy)?;
    Ok(copy.join(inside))
}

fn free_port() -> anyhow::Result<u16> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("no port is free")?;
    Ok(listener.local_addr()?.port())
}

/// 128 bits in hexadecimal. Other users of the machine can reach the port, too.
fn password() -> anyhow::Result<String> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(|error| anyhow!("no random numbers: {error}"))?;
    let mut text = String::new();
    for byte in bytes {
        write!(text, "{byte:02x}").context("cannot write a password")?;
    }
    Ok(text)
}

/// Waits until the keeper says that clients can come.
fn ready(keeper: &mut Child, password: &str) -> anyhow::Result<()> {
    let input = keeper.stdin.as_mut().context("the keeper has no input")?;
    let output = keeper.stdout.take().context("the keeper has no output")?;
    // If it has ended already, its output says why.
    writeln!(input, "{password}").ok();
    let mut output = BufReader::new(output);
    let mut said = String::new();
    output.read_line(&mut said)?;
    if said == "ready\n" {
        return Ok(());
    }
    output.read_to_string(&mut said)?;
    bail!("the server does not start:\n{}", last_lines(&said));
}

fn last_lines(text: &str) -> String {
    let lines: Vec<&str> = text.trim().lines().collect();
    lines[lines.len().saturating_sub(TOLD_LINES)..].join("\n")
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    /// Programs of which the first one called notes the call, says something, and fails.
    fn failing(folder: &Path, saying: &str) -> Programs {
        let script = format!(
            "#!/bin/sh\necho called >>'{}/calls'\necho \"data in $2\"\n{saying}\nexit 1\n",
            folder.display()
        );
        fs::write(folder.join("calls"), "").unwrap();
        fs::set_permissions(folder.join("calls"), fs::Permissions::from_mode(0o666)).unwrap();
        for name in ["initdb", "postgres"] {
            fs::write(folder.join(name), &script).unwrap();
            fs::set_permissions(folder.join(name), fs::Permissions::from_mode(0o755)).unwrap();
        }
        fs::set_permissions(folder, fs::Permissions::from_mode(0o755)).unwrap();
        Programs {
            folder: folder.to_owned(),
            version: String::new(),
            movable: None,
        }
    }

    fn calls(folder: &Path) -> usize {
        let calls = fs::read_to_string(folder.join("calls")).unwrap();
        calls.lines().count()
    }

    #[test]
    fn a_failure_is_told_in_the_words_of_the_server_and_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let programs = failing(folder.path(), "echo 'the disk is full' >&2");
        let Err(error) = Server::start(&programs) else {
            panic!("there is no server");
        };
        let told = error.to_string();
        assert!(told.contains("the disk is full"), "{told}");
        let data = told.lines().find_map(|line| line.strip_prefix("data in "));
        assert!(!Path::new(data.unwrap()).parent().unwrap().exists());
        assert_eq!(calls(folder.path()), 1);
    }

    #[test]
    fn a_port_that_was_taken_in_between_is_not_the_end() {
        let folder = tempfile::tempdir().unwrap();
        let programs = failing(folder.path(), &format!("echo '{TAKEN}'"));
        assert!(Server::start(&programs).is_err());
        assert_eq!(calls(folder.path()), 3);
    }

    #[test]
    fn only_the_last_lines_are_told() {
        let text: String = (1..=40).map(|line| format!("{line}\n")).collect();
        assert!(last_lines(&text).starts_with("29\n"));
        assert!(last_lines(&text).ends_with("\n40"));
        assert_eq!(last_lines("one\n"), "one");
    }
}
