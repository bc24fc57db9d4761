//! `safety`: takes the lines away that keep secrets safe, one at a time, in a copy of the workspace. Each must turn a
//! test red; one that does not is guarded by nothing.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use anyhow::{Context, bail};

use crate::arguments::Arguments;
use crate::check;
use crate::command::{self, cargo};

/// A line that must be missed when it is gone.
struct Line {
    /// What it does.
    name: &'static str,
    /// Below `crates/secrets/src`.
    file: &'static str,
    /// What stands there, once.
    text: &'static str,
    /// What stands there instead.
    instead: &'static str,
    /// The tests that must see it: the arguments of `cargo test -p orchestra-secrets`.
    tests: &'static [&'static str],
}

const FORMATS: &[&str] = &["--lib", "format::"];
/// Without those that take minutes, and find what they find by their number.
const STORE: &[&str] = &[
    "--test",
    "it",
    "attacks::",
    "--",
    "--skip",
    "crowds",
    "--skip",
    "histories",
    "--skip",
    "kills",
    "--skip",
    "leaks",
    "--skip",
    "servers",
];

/// Without the line a rotation may never end; this test gives up.
const OVERTAKEN: &[&str] = &["--test", "it", "a_rotation_that_was_overtaken"];

const AUDIT: &[&str] = &["--test", "it", "audit::"];
const BACKUP: &[&str] = &["--test", "it", "backup::"];

const LINES: &[Line] = &[
    Line {
        name: "a ciphertext opens under one key only",
        file: "format/sealed.rs",
        text: "if !bool::from(commitment.ct_eq(&self.commitment)) {",
        instead: "if false && !bool::from(commitment.ct_eq(&self.commitment)) {",
        tests: FORMATS,
    },
    Line {
        name: "a value is bound to its row",
        file: "format/record.rs",
        text: "let aad = Self::aad(bound_to, self.key_version);",
        instead: "drop(bound_to); let aad = Vec::new();",
        tests: FORMATS,
    },
    Line {
        name: "the costs of a passphrase are bounded",
        file: "format/kdf.rs",
        text: "if memory && time &&",
        instead: "if (memory || time || true) &&",
        tests: FORMATS,
    },
    Line {
        name: "nothing may follow the end",
        file: "format/bytes.rs",
        text: "if self.0.is_empty() {",
        instead: "if self.0.is_empty() || true {",
        tests: FORMATS,
    },
    Line {
        name: "a row is the one that the manifest lists",
        file: "store/rows.rs",
        text: "let listed = manifest.rows.get(&self.entry.id.0) == Some(&found);",
        instead: "let listed = manifest.rows.get(&self.entry.id.0) == Some(&found) || true;",
        tests: STORE,
    },
    Line {
        name: "an older state of the whole store is refused",
        file: "store/descent.rs",
        text: "if mark.epoch > latest.epoch || mark == latest {",
        instead: "if mark.epoch > latest.epoch || mark == latest || true {",
        tests: STORE,
    },
    Line {
        name: "the state that was seen is in the past of a later one",
        file: "store/descent.rs",
        text: "match hash.is_some_and(|hash| hash == latest.audit_hash) {",
        instead: "match hash.is_some_and(|hash| hash == latest.audit_hash) || true {",
        tests: STORE,
    },
    Line {
        name: "a writer that was overtaken is refused",
        file: "store/head.rs",
        text: " WHERE id = 1 AND epoch = $7",
        instead: " WHERE id = 1 AND (epoch = $7 OR TRUE)",
        tests: STORE,
    },
    Line {
        name: "a rotation that was overtaken is fenced off",
        file: "store/rotate.rs",
        text: "if write.head.fence != fence {",
        instead: "if false && write.head.fence != fence {",
        tests: OVERTAKEN,
    },
    Line {
        name: "sealing leaves no key in memory",
        file: "store/keys.rs",
        text: "keys.unsealed.take()\n",
        instead: "std::mem::forget(keys.unsealed.clone()); keys.unsealed.take()\n",
        tests: STORE,
    },
    Line {
        name: "random bytes that repeat themselves are refused",
        file: "entropy.rs",
        text: "if seen.is_new(begin) {",
        instead: "if seen.is_new(begin) || true {",
        tests: STORE,
    },
    Line {
        name: "copies of a machine use no nonce twice",
        file: "format/sealed.rs",
        text: "&[FRESH, purpose.info(), &Sha256::digest(aad), plain],",
        instead: "&[FRESH, purpose.info(), &Sha256::digest(aad)],",
        tests: STORE,
    },
    Line {
        name: "a slot is one that the manifest lists",
        file: "store/unseal.rs",
        text: "if manifest.slots.contains(slot) {",
        instead: "if manifest.slots.contains(slot) || true {",
        tests: STORE,
    },
    Line {
        name: "an entry of the log is bound to the one before",
        file: "audit/chain.rs",
        text: "if row.hash != Chained::link(",
        instead: "if false && row.hash != Chained::link(",
        tests: AUDIT,
    },
    Line {
        name: "an entry of the log was written by an unsealed store",
        file: "audit/chain.rs",
        text: "if key.is_some_and(|key| row.is_genuine(key)) {",
        instead: "if key.is_some_and(|key| row.is_genuine(key)) || true {",
        tests: AUDIT,
    },
    Line {
        name: "an entry of the log stands in its place",
        file: "audit/chain.rs",
        text: "if entry.seq != expected {",
        instead: "if false && entry.seq != expected {",
        tests: AUDIT,
    },
    Line {
        name: "the log ends where the manifest says",
        file: "audit/chain.rs",
        text: "if end > self.seq {",
        instead: "if false && end > self.seq {",
        tests: AUDIT,
    },
    Line {
        name: "a checkpoint that was kept contradicts a log that was written anew",
        file: "audit/chain.rs",
        text: "kept.seq == seq && kept.hash != *hash",
        instead: "false && kept.seq == seq && kept.hash != *hash",
        tests: AUDIT,
    },
    Line {
        name: "a checkpoint in the database is this store's",
        file: "audit/chain.rs",
        text: "if self.notary.sign(self.seq, self.hash).text != note {",
        instead: "if false && self.notary.sign(self.seq, self.hash).text != note {",
        tests: AUDIT,
    },
    Line {
        name: "a checkpoint's signature fits",
        file: "audit/note.rs",
        text: "self.check(text, &signature)?;",
        instead: "let _ = &signature;",
        tests: AUDIT,
    },
    Line {
        name: "what cannot be logged is not done",
        file: "store/write.rs",
        text: "insert_audit_row(values, self.transaction.as_mut()).await?;",
        instead: "drop(insert_audit_row(values, self.transaction.as_mut()).await);",
        tests: AUDIT,
    },
    Line {
        name: "a backup's boxes belong to its header",
        file: "backup/file.rs",
        text: ".bytes(&self.header)",
        instead: "",
        tests: BACKUP,
    },
    Line {
        name: "a backup's boxes are those of one backup",
        file: "backup/file.rs",
        text: ".bytes(&self.previous)",
        instead: "",
        tests: BACKUP,
    },
    Line {
        name: "a backup's last box is its last",
        file: "backup/file.rs",
        text: ".number(u8::from(last))",
        instead: "",
        tests: BACKUP,
    },
    Line {
        name: "nothing is restored over anything",
        file: "backup/restore.rs",
        text: "check_empty(transaction.as_mut()).await?;",
        instead: "",
        tests: BACKUP,
    },
    Line {
        name: "a key file does not go back in time",
        file: "backup/restore.rs",
        text: "kind == SlotKind::KeyFile",
        instead: "kind == SlotKind::KeyFile && false",
        tests: BACKUP,
    },
    Line {
        name: "what is restored is the latest state",
        file: "backup/restore.rs",
        text: "write.go_on_after(past);",
        instead: "let _ = past;",
        tests: BACKUP,
    },
];

/// Runs the task.
///
/// # Errors
/// If a line is missed by no test, or is not where it was.
pub(crate) fn run(arguments: &mut Arguments) -> anyhow::Result<()> {
    let only: Option<String> = arguments.value("--only")?;
    arguments.finish()?;
    let workspace = check::workspace()?;
    let target = workspace.target_directory.as_std_path().join("safety");
    let copy = target.join("workspace");
    copy_sources(workspace.workspace_root.as_std_path(), &copy)?;
    let lines = || {
        let chosen = |line: &&Line| only.as_ref().is_none_or(|only| line.name.contains(only));
        LINES.iter().filter(chosen)
    };
    for tests in [FORMATS, STORE, OVERTAKEN, AUDIT, BACKUP] {
        if lines().any(|line| std::ptr::eq(line.tests, tests)) && !passes(&copy, &target, tests)? {
            bail!("the tests fail with every line in its place");
        }
    }
    let mut unguarded = Vec::new();
    for line in lines() {
        println!("\n== without: {}", line.name);
        if is_missed(line, &copy, &target)? {
            println!("a test is red, as it should be");
        } else {
            println!("NO TEST IS RED");
            unguarded.push(line.name);
        }
    }
    if unguarded.is_empty() {
        return Ok(());
    }
    bail!("guarded by no test: {}", unguarded.join("; "))
}

/// Whether a test turns red without the line, which is put back.
fn is_missed(line: &Line, copy: &Path, target: &Path) -> anyhow::Result<bool> {
    let path = copy.join("crates/secrets/src").join(line.file);
    let whole = fs::read_to_string(&path).with_context(|| format!("no {}", path.display()))?;
    if whole.matches(line.text).count() != 1 {
        bail!("{} does not stand once in {}", line.text, line.file);
    }
    fs::write(&path, whole.replace(line.text, line.instead))?;
    let passed = passes(copy, target, line.tests);
    fs::write(&path, whole)?;
    Ok(!passed?)
}

/// Whether the tests pass. What does not compile proves nothing.
fn passes(copy: &Path, target: &Path, tests: &[&str]) -> anyhow::Result<bool> {
    let build = target.join("build");
    let test = |extra: &[&str]| {
        let mut command = cargo(["test", "--quiet", "-p", "orchestra-secrets"]);
        command
            .args(extra)
            .args(tests)
            .current_dir(copy)
            .env("CARGO_TARGET_DIR", &build)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        command
    };
    command::run(&mut test(&["--no-run"])).context("it does not compile")?;
    let mut command = test(&[]);
    Ok(command
        .status()
        .context("cargo cannot be started")?
        .success())
}

/// Copies all but what is built and what git keeps. Files that are the same stay as they are, so that cargo builds little.
fn copy_sources(from: &Path, to: &Path) -> anyhow::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let (name, path) = (entry.file_name(), entry.path());
        let left_out = ["target", ".git", "node_modules"];
        if left_out.iter().any(|left_out| name == *left_out) {
            continue;
        }
        let place = to.join(&name);
        if entry.file_type()?.is_dir() {
            copy_sources(&path, &place)?;
        } else {
            copy_file(&path, &place)?;
        }
    }
    Ok(())
}

fn copy_file(from: &Path, to: &PathBuf) -> anyhow::Result<()> {
    let wanted = fs::read(from)?;
    if fs::read(to).ok().as_ref() != Some(&wanted) {
        fs::write(to, wanted)?;
    }
    Ok(())
}
