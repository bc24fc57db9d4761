//! A test that needs a process of its own runs itself again, in a role.

use std::env;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use tempfile::TempDir;

use crate::system;

const ROLE: &str = "ORCHESTRA_ARENA_TEST_ROLE";
/// The user called nobody, on most systems; any but root will do.
const NOBODY: u32 = 65534;

/// The role this process was started in; none is the test itself.
pub(crate) fn role() -> Option<String> {
    env::var(ROLE).ok()
}

/// The same test in a role. What it says on standard error is its own; the test harness uses standard output.
pub(crate) fn again(test: &str, role: &str) -> Command {
    configure(Command::new(this_program()), test, role)
}

/// The same, after a shell has run `limits`.
pub(crate) fn limited(program: &Path, limits: &str, test: &str, role: &str) -> Command {
    let mut shell = Command::new("sh");
    let script = format!("{limits}; exec \"$0\" \"$@\"");
    shell.arg("-c").arg(script).arg(program);
    configure(shell, test, role)
}

fn configure(mut command: Command, test: &str, role: &str) -> Command {
    command.args([test, "--exact", "--nocapture"]);
    command.env(ROLE, role);
    command
}

pub(crate) fn this_program() -> PathBuf {
    env::current_exe().unwrap()
}

/// What a child said on standard error; it must have ended well.
pub(crate) fn told(command: &mut Command) -> String {
    let Output { status, stderr, .. } = command.output().unwrap();
    let told = String::from_utf8(stderr).unwrap();
    assert!(status.success(), "{status}: {told}");
    told
}

/// A folder with a copy of this program in it that everybody may run.
pub(crate) struct Public {
    folder: TempDir,
}

impl Public {
    pub(crate) fn new() -> Self {
        let folder = TempDir::new().unwrap();
        fs::set_permissions(folder.path(), Permissions::from_mode(0o755)).unwrap();
        let public = Self { folder };
        // By another process: a file that this one writes is busy for as long as a child that another
        // test forked meanwhile has it open, too.
        let mut copy = Command::new("cp");
        let copied = copy.arg(this_program()).arg(public.program()).status();
        assert!(copied.unwrap().success());
        fs::set_permissions(public.program(), Permissions::from_mode(0o755)).unwrap();
        public
    }

    pub(crate) fn program(&self) -> PathBuf {
        self.folder.path().join("program")
    }
}

/// Root passes every check there is, so a child of root becomes somebody else.
pub(crate) fn without_privilege(command: &mut Command) -> &mut Command {
    if system::is_root() {
        command.uid(NOBODY).gid(NOBODY);
    }
    command.current_dir("/")
}
