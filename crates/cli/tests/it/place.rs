//! A folder of its own for each test, and the real command in it.

use std::ffi::OsStr;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::Mutex;

use tempfile::TempDir;

use crate::canary;

/// The command that is tested.
pub(crate) const ORCHESTRA: &str = env!("CARGO_BIN_EXE_orchestra");

/// Where a test's store, its keys and its home are.
pub(crate) struct Place {
    folder: TempDir,
    /// What must not be printed, beside the canaries.
    watched: Mutex<Vec<String>>,
}

/// What a command printed, and its exit code.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Place {
    pub(crate) fn new() -> Self {
        let place = Self {
            folder: tempfile::tempdir().unwrap(),
            watched: Mutex::default(),
        };
        for folder in ["work", "home", "keys"] {
            fs::create_dir(place.folder.path().join(folder)).unwrap();
        }
        place
    }

    /// With a store that the file `keys/key` opens, its recovery key in `keys/recovery`.
    pub(crate) fn with_store() -> Self {
        let place = Self::new();
        place.init();
        place
    }

    pub(crate) fn init(&self) {
        let [key, recovery] = ["key", "recovery"].map(|name| self.key(name));
        let made = self.run([
            "secrets",
            "init",
            "--key-file",
            text(&key),
            "--new-key-file",
            "--recovery-out",
            text(&recovery),
        ]);
        made.succeeds();
        self.watch(fs::read_to_string(&recovery).unwrap().trim());
        self.watch(fs::read_to_string(&key).unwrap().trim());
    }

    /// From now on this must not be printed either.
    pub(crate) fn watch(&self, secret: &str) {
        self.watched.lock().unwrap().push(secret.to_owned());
    }

    pub(crate) fn watched(&self) -> Vec<String> {
        self.watched.lock().unwrap().clone()
    }

    /// The folder of all.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// A file in the working directory.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join("work").join(name)
    }

    /// A file where the working directory's backups do not reach.
    pub(crate) fn key(&self, name: &str) -> PathBuf {
        self.folder.path().join("keys").join(name)
    }

    /// Writes a file in the working directory.
    pub(crate) fn write(&self, name: &str, content: &str) -> PathBuf {
        let path = self.file(name);
        fs::write(&path, content).unwrap();
        path
    }

    /// The environment that every command gets: as talkative as it can be, and nothing of the tester's own.
    pub(crate) fn environment(&self) -> Vec<(&'static str, String)> {
        let mut variables = vec![
            ("HOME", text(&self.folder.path().join("home")).to_owned()),
            ("PATH", std::env::var("PATH").unwrap_or_default()),
            ("USER", "operator".to_owned()),
            ("RUST_BACKTRACE", "full".to_owned()),
            ("RUST_LOG", "trace".to_owned()),
            ("ORCHESTRA_LOG", "trace".to_owned()),
        ];
        if self.key("key").exists() {
            variables.push((
                "ORCHESTRA_SECRETS_KEY_FILE",
                text(&self.key("key")).to_owned(),
            ));
        }
        variables
    }

    /// The command, without a terminal whoever runs the tests.
    pub(crate) fn command<A: AsRef<OsStr>>(
        &self,
        arguments: impl IntoIterator<Item = A>,
    ) -> Command {
        let mut command = Command::new("setsid");
        command
            .arg(ORCHESTRA)
            .args(arguments)
            .current_dir(self.folder.path().join("work"))
            .env_clear()
            .envs(self.environment())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    pub(crate) fn run<A: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = A>) -> Ran {
        let output = self.command(arguments).output().unwrap();
        self.checked(output)
    }

    /// With something on standard input.
    pub(crate) fn pipe<A: AsRef<OsStr>>(
        &self,
        input: &[u8],
        arguments: impl IntoIterator<Item = A>,
    ) -> Ran {
        let mut child = self
            .command(arguments)
            .stdin(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stdin = child.stdin.take().unwrap();
        // A command that refuses before it reads closes the pipe.
        let _ = stdin.write_all(input);
        drop(stdin);
        self.checked(child.wait_with_output().unwrap())
    }

    /// Keeps a value, which is what most tests begin with.
    pub(crate) fn set(&self, name: &str, value: &str) {
        self.pipe(value.as_bytes(), ["secrets", "set", name])
            .succeeds();
    }

    /// Changes the database behind the store's back.
    pub(crate) fn sql(&self, statement: &'static str) {
        let options =
            sqlx::sqlite::SqliteConnectOptions::new().filename(self.file("orchestra-secrets.db"));
        let run = async {
            let mut connection = sqlx::ConnectOptions::connect(&options).await.unwrap();
            let query = sqlx::query(statement).execute(&mut connection).await;
            assert!(query.unwrap().rows_affected() > 0, "{statement}");
            sqlx::Connection::close(connection).await.unwrap();
        };
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build();
        runtime.unwrap().block_on(run);
    }

    /// What was printed, if there is no secret in it.
    pub(crate) fn checked(&self, output: Output) -> Ran {
        for printed in [&output.stdout, &output.stderr] {
            if let Some(secret) = canary::find(printed, &self.watched()) {
                let printed = String::from_utf8_lossy(printed);
                panic!("`{secret}` was printed:\n{printed}");
            }
        }
        Ran {
            code: output.status.code(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

impl Ran {
    #[track_caller]
    pub(crate) fn exits(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "{self:#?}");
        self
    }

    #[track_caller]
    pub(crate) fn succeeds(self) -> Self {
        self.exits(0)
    }

    /// Refuses with these words on standard error, and nothing on standard output.
    #[track_caller]
    pub(crate) fn refuses(self, words: &str) -> Self {
        assert!(self.stderr.contains(words), "no `{words}` in {self:#?}");
        assert_eq!(self.stdout, "", "{self:#?}");
        self.exits(2)
    }

    #[track_caller]
    pub(crate) fn says(self, words: &str) -> Self {
        assert!(self.stdout.contains(words), "no `{words}` in {self:#?}");
        self
    }

    #[track_caller]
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {self:#?}"))
    }
}

/// A path as an argument.
pub(crate) fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}
