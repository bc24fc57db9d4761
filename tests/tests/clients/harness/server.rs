//! The server under test.

use std::fs::Permissions;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};

use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};
use tokio::process::{Child, Command};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::{CLIENT_KEY, PROVIDER_KEY, binary, soon};

/// A running server, in an empty folder and an environment that holds only its keys. It is
/// killed when this is dropped.
#[derive(Debug)]
pub(crate) struct Server {
    process: Child,
    address: SocketAddr,
    log: Log,
    _folder: TempDir,
}

/// A server that is no more.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) status: ExitStatus,
    pub(crate) log: String,
}

impl Server {
    /// Starts `orchestra-server` with this configuration on a free port.
    pub(crate) async fn start(config: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder can be made");
        Self::start_in(folder, config).await
    }

    /// The same in this folder.
    async fn start_in(folder: TempDir, config: &str) -> Self {
        let command = server_command(folder.path(), config, "127.0.0.1:0");
        Self::listening(command, folder).await
    }

    /// The same with a secret store, which it can open, and nothing in it.
    pub(crate) async fn with_store(config: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder can be made");
        let keys = folder.path().join("keys");
        std::fs::create_dir(&keys).expect("there is room");
        let private = Permissions::from_mode(0o700);
        std::fs::set_permissions(&keys, private).expect("it is ours");
        let mut init = bare("orchestra", folder.path());
        init.args(["secrets", "init", "--key-file", "keys/store.key"])
            .args(["--new-key-file", "--recovery-out", "keys/recovery.txt"]);
        let made = init.output().await.expect("it can be started");
        assert!(made.status.success(), "{made:?}");
        let key = keys.join("store.key");
        let secrets = format!("[secrets]\nunlock = [\"file:{}\"]\n", key.display());
        Self::start_in(folder, &format!("{config}\n{secrets}")).await
    }

    /// Starts `orchestra demo` on a free port.
    pub(crate) async fn demo() -> Self {
        let folder = tempfile::tempdir().expect("a folder can be made");
        let mut command = bare("orchestra", folder.path());
        command.args(["demo", "--listen", "127.0.0.1:0"]);
        Self::listening(command, folder).await
    }

    /// Starts a server that is expected to refuse.
    pub(crate) async fn refused(config: &str, listen: &str) -> Ended {
        let folder = tempfile::tempdir().expect("a folder can be made");
        let mut process = spawn(server_command(folder.path(), config, listen));
        let log = Log::of(&mut process);
        log.end(process).await
    }

    async fn listening(command: Command, folder: TempDir) -> Self {
        let mut process = spawn(command);
        let mut log = Log::of(&mut process);
        match soon("the server's start", &mut log.address).await {
            Ok(address) => Self {
                process,
                address,
                log,
                _folder: folder,
            },
            Err(_) => panic!("the server did not start: {:?}", log.end(process).await),
        }
    }

    /// Where it listens.
    pub(crate) const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Such as `http://127.0.0.1:49152`.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Tells it to stop, as a service manager would.
    pub(crate) async fn terminate(&self) {
        let id = self.process.id().expect("it has not been waited for");
        // A shell's own `kill` is there wherever a shell is.
        let mut kill = Command::new("sh");
        kill.args(["-c", &format!("kill -TERM {id}")]);
        let status = kill.status().await.expect("a shell can be started");
        assert!(status.success(), "no signal could be sent");
    }

    /// Waits until it has ended.
    pub(crate) async fn ended(self) -> Ended {
        self.log.end(self.process).await
    }

    /// What it has logged so far.
    pub(crate) fn log(&self) -> String {
        self.log.text()
    }
}

fn server_command(folder: &Path, config: &str, listen: &str) -> Command {
    let file = folder.join("orchestra.toml");
    std::fs::write(&file, config).expect("a file can be written");
    let mut command = bare("orchestra-server", folder);
    command.arg("--config").arg(file).args(["--listen", listen]);
    command
}

pub(crate) fn bare(name: &str, folder: &Path) -> Command {
    let mut command = Command::new(binary(name));
    command
        .current_dir(folder)
        .env_clear()
        .env("OPENAI_API_KEY", PROVIDER_KEY)
        .env("ANTHROPIC_API_KEY", PROVIDER_KEY)
        .env("CLIENT_KEY_OF_THE_TESTS", CLIENT_KEY);
    command
}

fn spawn(mut command: Command) -> Child {
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap_or_else(|error| panic!("{command:?} cannot be started: {error}"))
}

/// The log of a server, gathered by a task.
#[derive(Debug)]
struct Log {
    text: Arc<Mutex<String>>,
    address: oneshot::Receiver<SocketAddr>,
    gathering: JoinHandle<()>,
}

impl Log {
    fn of(process: &mut Child) -> Self {
        let text = Arc::<Mutex<String>>::default();
        let (found, address) = oneshot::channel();
        let source = process.stderr.take().expect("piped when it was started");
        let gathering = tokio::spawn(gather(source, Arc::clone(&text), found));
        Self {
            text,
            address,
            gathering,
        }
    }

    fn text(&self) -> String {
        copied(&self.text)
    }

    async fn end(self, mut process: Child) -> Ended {
        let status = soon("the server's end", process.wait()).await;
        soon("the end of its log", self.gathering)
            .await
            .expect("gathering never panics");
        Ended {
            status: status.expect("it was started"),
            log: copied(&self.text),
        }
    }
}

fn copied(text: &Mutex<String>) -> String {
    text.lock().unwrap_or_else(PoisonError::into_inner).clone()
}

async fn gather(
    source: impl AsyncRead + Unpin,
    text: Arc<Mutex<String>>,
    found: oneshot::Sender<SocketAddr>,
) {
    let mut found = Some(found);
    let mut lines = BufReader::new(source).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        if let Some((_, rest)) = line.split_once("listening on http://")
            && let Ok(address) = rest.trim().parse()
            && let Some(found) = found.take()
        {
            // A test that no longer waits for the address has failed already.
            let _ = found.send(address);
        }
        let mut text = text.lock().unwrap_or_else(PoisonError::into_inner);
        text.push_str(&line);
        text.push('\n');
    }
}
