//! `cargo xtask postgres` from outside: what it starts is there for the command, and gone after every kind of end.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::io::{BufRead, BufReader, Lines, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

/// Far more than any end takes.
const PATIENCE: Duration = Duration::from_secs(30);

/// Says where the server is, then reads its input to the end.
const WAITING: &str = r#"
    echo "url $ORCHESTRA_TEST_POSTGRES_URL"
    echo "data $("$ORCHESTRA_TEST_POSTGRES_BIN/psql" "$ORCHESTRA_TEST_POSTGRES_URL" -Atc "show data_directory")"
    echo "command $$"
    cat
"#;

/// The toolbox with a server and a command that reads the input we hold.
struct Toolbox {
    child: Child,
    input: Option<ChildStdin>,
    output: Lines<BufReader<ChildStdout>>,
    server: SocketAddr,
    data: PathBuf,
    command: String,
}

fn postgres(script: &str) -> Command {
    assert!(
        std::env::var_os("ORCHESTRA_TEST_POSTGRES_BIN").is_some(),
        "this test needs PostgreSQL: cargo xtask postgres -- cargo test -p xtask"
    );
    let mut command = Command::new(env!("CARGO_BIN_EXE_xtask"));
    command.args(["postgres", "--", "sh", "-c", script]);
    command
}

impl Toolbox {
    fn start() -> Self {
        Self::started(&mut postgres(WAITING))
    }

    fn started(command: &mut Command) -> Self {
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut output = BufReader::new(child.stdout.take().unwrap()).lines();
        let url = value(&mut output, "url ");
        let (_, place) = url.split_once('@').unwrap();
        Self {
            input: child.stdin.take(),
            server: place.strip_suffix("/postgres").unwrap().parse().unwrap(),
            data: value(&mut output, "data ").into(),
            command: value(&mut output, "command "),
            child,
            output,
        }
    }

    fn signal(&self, signal: &str) {
        let id = self.child.id().to_string();
        assert!(shell(&format!("kill -s {signal} \"$1\""), &id));
    }

    fn assert_all_there(&self) {
        assert!(TcpStream::connect(self.server).is_ok());
        assert!(self.data.is_dir());
        assert!(runs(&self.command));
    }

    /// At once, for whoever waits for the toolbox relies on that.
    fn assert_server_is_gone(&self) {
        assert!(TcpStream::connect(self.server).is_err());
        assert!(!self.data.parent().unwrap().exists());
    }
}

fn value(output: &mut Lines<BufReader<ChildStdout>>, name: &str) -> String {
    let mut values = output.filter_map(|line| Some(line.unwrap().strip_prefix(name)?.to_owned()));
    values.next().unwrap()
}

fn shell(script: &str, argument: &str) -> bool {
    let mut shell = Command::new("sh");
    shell.args(["-c", script, "sh", argument]);
    shell.stderr(Stdio::null()).status().unwrap().success()
}

fn runs(process: &str) -> bool {
    shell("kill -s 0 \"$1\"", process)
}

#[expect(
    clippy::disallowed_methods,
    reason = "there is no async runtime that could be blocked"
)]
fn wait_until(what: &str, mut holds: impl FnMut() -> bool) {
    let start = Instant::now();
    while !holds() {
        assert!(start.elapsed() < PATIENCE, "{what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn the_server_ends_with_the_command() {
    let mut toolbox = Toolbox::start();
    toolbox.assert_all_there();
    toolbox.input = None;
    assert!(toolbox.child.wait().unwrap().success());
    toolbox.assert_server_is_gone();
}

#[test]
fn a_command_that_fails_leaves_nothing_either() {
    let script = format!("{WAITING} exit 3");
    let output = postgres(&script).stdin(Stdio::null()).output().unwrap();
    assert!(!output.status.success());
    assert!(String::from_utf8_lossy(&output.stderr).contains("exit status: 3"));
    let stdout = String::from_utf8(output.stdout).unwrap();
    let data = stdout.lines().find_map(|line| line.strip_prefix("data "));
    assert!(!PathBuf::from(data.unwrap()).parent().unwrap().exists());
}

#[test]
fn a_signal_ends_the_command_and_the_server() {
    let mut toolbox = Toolbox::start();
    toolbox.signal("TERM");
    assert!(!toolbox.child.wait().unwrap().success());
    toolbox.assert_server_is_gone();
    assert!(!runs(&toolbox.command));
}

#[test]
fn a_signal_that_the_caller_ignores_is_ignored() {
    let inner = postgres(WAITING);
    let mut command = Command::new("sh");
    command.args(["-c", "trap '' HUP; exec \"$0\" \"$@\""]);
    command.arg(inner.get_program()).args(inner.get_args());
    let mut toolbox = Toolbox::started(&mut command);
    toolbox.signal("HUP");
    writeln!(toolbox.input.as_mut().unwrap(), "still here").unwrap();
    assert_eq!(value(&mut toolbox.output, "still "), "here");
    toolbox.input = None;
    assert!(toolbox.child.wait().unwrap().success());
    toolbox.assert_server_is_gone();
}

#[test]
fn a_toolbox_that_is_killed_leaves_no_server() {
    let mut toolbox = Toolbox::start();
    toolbox.child.kill().unwrap();
    toolbox.child.wait().unwrap();
    wait_until("the data are still there", || {
        !toolbox.data.parent().unwrap().exists()
    });
    toolbox.assert_server_is_gone();
    // The command outlives it, as with any program that is killed, up to the end of its input.
    toolbox.input = None;
    assert_eq!(toolbox.output.count(), 0);
}

#[test]
fn a_folder_without_a_server_is_refused_by_name() {
    let mut command = postgres("exit 0");
    command.env("ORCHESTRA_TEST_POSTGRES_BIN", "/nowhere");
    let output = command.output().unwrap();
    assert!(!output.status.success());
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(complaint.contains("ORCHESTRA_TEST_POSTGRES_BIN names no PostgreSQL"));
    assert!(complaint.contains("no `initdb` in /nowhere"));
}
