//! A disk that fails when it is told to.
//!
//! SQLite is linked into the program, and the C library it calls is not: so a library that is loaded before that
//! one stands between, in a process of its own. It counts what is written to, synchronised or cut in files whose
//! path has a given piece in it, and lets calls fail as a plan says. The plan is a file that the process
//! rewrites while it runs ([`Plan`]).
//!
//! [`process`] makes the command: a role ([`crate::processes`]) with the library loaded.

use std::path::{Path, PathBuf};
use std::process::Command as Program;

use crate::databases::Database;
use crate::processes::play;

/// Reads the plan at every call that might fail. The plan is `ID SKIP FAIL ERRNO`: under a new ID counting starts
/// anew, SKIP calls pass, and the next FAIL ones get ERRNO. How many there were is told in another file.
const LIBRARY: &str = r#"
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static long seen_id = -1, passed;
static int busy;

static int is_meant(int fd) {
    const char *piece = getenv("ORCHESTRA_TEST_DISK_FILE");
    char link[64], path[4096];
    if (!piece) return 0;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (length < 0) return 0;
    path[length] = 0;
    return strstr(path, piece) != NULL;
}

static void tell(void) {
    const char *count = getenv("ORCHESTRA_TEST_DISK_COUNT");
    FILE *file = count ? fopen(count, "w") : NULL;
    if (file) fprintf(file, "%ld", passed);
    if (file) fclose(file);
}

static int fails(int fd) {
    const char *plan = getenv("ORCHESTRA_TEST_DISK_PLAN");
    long id, skip, fail;
    int error;
    if (!plan || __sync_lock_test_and_set(&busy, 1)) return 0;
    FILE *file = is_meant(fd) ? fopen(plan, "r") : NULL;
    int failing = 0;
    if (file && fscanf(file, "%ld %ld %ld %d", &id, &skip, &fail, &error) == 4) {
        if (id != seen_id) { seen_id = id; passed = 0; }
        failing = passed >= skip && passed < skip + fail;
        passed++;
    }
    if (file) fclose(file);
    if (file) tell();
    __sync_lock_release(&busy);
    if (failing) errno = error;
    return failing;
}

#define BETWEEN(result, name, parameters, arguments) \
    result name parameters { \
        static result (*next) parameters; \
        if (!next) next = (result (*) parameters) dlsym(RTLD_NEXT, #name); \
        return fails(fd) ? (result) -1 : next arguments; \
    }

BETWEEN(ssize_t, write, (int fd, const void *data, size_t size), (fd, data, size))
BETWEEN(ssize_t, pwrite, (int fd, const void *data, size_t size, off_t at), (fd, data, size, at))
BETWEEN(ssize_t, pwrite64, (int fd, const void *data, size_t size, off64_t at), (fd, data, size, at))
BETWEEN(int, fsync, (int fd), (fd))
BETWEEN(int, fdatasync, (int fd), (fd))
BETWEEN(int, ftruncate, (int fd, off_t size), (fd, size))
BETWEEN(int, ftruncate64, (int fd, off64_t size), (fd, size))
BETWEEN(int, fallocate, (int fd, int mode, off_t at, off_t size), (fd, mode, at, size))
BETWEEN(int, posix_fallocate, (int fd, off_t at, off_t size), (fd, at, size))
"#;

const PLAN: &str = "ORCHESTRA_TEST_DISK_PLAN";
const COUNT: &str = "ORCHESTRA_TEST_DISK_COUNT";
const FILE: &str = "ORCHESTRA_TEST_DISK_FILE";

/// No room is left on the device.
pub(crate) const ENOSPC: i32 = 28;
/// The device does not do it.
pub(crate) const EIO: i32 = 5;

/// The command that plays a role in a process whose disk can fail: below files whose path has this piece in it.
/// The library is built in this folder.
pub(crate) fn process(
    folder: &Path,
    piece: &str,
    role: &str,
    database: &Database,
    words: &[&str],
) -> tokio::process::Command {
    let plan = folder.join("disk-plan");
    std::fs::write(&plan, "").unwrap();
    let mut command = play(role, database, words);
    command
        .env("LD_PRELOAD", build(folder))
        .env(PLAN, plan)
        .env(COUNT, folder.join("disk-count"))
        .env(FILE, piece);
    command
}

fn build(folder: &Path) -> PathBuf {
    let source = folder.join("disk.c");
    let library = folder.join("disk.so");
    std::fs::write(&source, LIBRARY).unwrap();
    let mut compiler = Program::new("cc");
    compiler.args(["-shared", "-fPIC", "-O1", "-o"]);
    compiler.arg(&library).arg(&source).arg("-ldl");
    let compiled = compiler.status().expect("there is a C compiler, `cc`");
    assert!(compiled.success(), "the library is compiled");
    library
}

/// What the disk below this process does, in a process that [`process`] made.
#[derive(Debug)]
pub(crate) struct Plan {
    file: PathBuf,
    id: u32,
}

impl Plan {
    /// The plan of this process. Nothing fails yet.
    pub(crate) fn of_this_process() -> Self {
        let file = std::env::var_os(PLAN).expect("the process has a disk that can fail");
        Self {
            file: file.into(),
            id: 0,
        }
    }

    /// From now on, lets this many calls pass, and then this many fail.
    pub(crate) fn fail(&mut self, skip: u32, calls: u32, errno: i32) {
        self.id += 1;
        let plan = format!("{} {skip} {calls} {errno}", self.id);
        // A name is exchanged at once; a file that is written to could be read half-way.
        let new = self.file.with_extension("new");
        std::fs::write(&new, plan).unwrap();
        std::fs::rename(&new, &self.file).unwrap();
    }

    /// How many calls there were since the plan was changed, those that failed among them.
    pub(crate) fn calls(&self) -> u32 {
        let file = std::env::var_os(COUNT).expect("the process has a disk that can fail");
        let told = std::fs::read_to_string(file).unwrap();
        told.parse().unwrap()
    }

    /// From now on, nothing fails.
    pub(crate) fn mend(&mut self) {
        self.fail(0, 0, 0);
    }
}
