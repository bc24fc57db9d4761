//! `fuzz`: libFuzzer on the targets of `fuzz/`, with the fixtures to begin with.
//!
//! `cargo fuzz run TARGET` works there as well, on a nightly toolchain and with the address sanitizer.
//! This does without both: coverage comes from a pass of LLVM that the stable compiler has, too, once
//! it is told to take unstable options. The build needs a C++ compiler.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, bail};

use crate::arguments::Arguments;
use crate::check;
use crate::command::{self, cargo};

/// What `cargo fuzz` passes, but for the sanitizer, and with arithmetic checked.
const RUSTFLAGS: &str = "--cfg fuzzing -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
    -Cllvm-args=-sanitizer-coverage-trace-compares -Ccodegen-units=1 -Cdebug-assertions -Coverflow-checks";

/// How long each target is run if nothing else is asked for.
const SECONDS: u32 = 60;
/// Longer inputs find nothing that shorter ones do not, only later.
const MAX_INPUT_BYTES: u32 = 16 * 1024;
/// An input that takes this long is a finding too.
const SLOWEST_SECONDS: u32 = 10;

/// Where things are.
struct Folders {
    /// `fuzz/` itself.
    fuzz: PathBuf,
    /// Where it is built. What is found lies below it.
    target: PathBuf,
    fixtures: PathBuf,
}

/// Runs the task.
///
/// # Errors
/// If the targets cannot be built, or one of them finds something.
pub(crate) fn run(arguments: &mut Arguments) -> anyhow::Result<()> {
    let seconds = arguments.value("--seconds")?.unwrap_or(SECONDS);
    let only: Option<String> = arguments.value("--only")?;
    arguments.finish()?;
    let workspace = check::workspace()?;
    let root = workspace.workspace_root.as_std_path();
    let folders = Folders {
        fuzz: root.join("fuzz"),
        target: workspace.target_directory.as_std_path().join("fuzz"),
        fixtures: root.join("crates/dialects/fixtures"),
    };
    let targets = targets(&folders.fuzz, only.as_deref())?;
    let host = host()?;
    build(&folders, &host)?;
    for target in &targets {
        fuzz(&folders, &host, target, seconds)?;
    }
    Ok(())
}

/// The targets whose names contain one of the comma-separated words, or all.
fn targets(fuzz: &Path, only: Option<&str>) -> anyhow::Result<Vec<String>> {
    let folder = fuzz.join("fuzz_targets");
    let entries =
        fs::read_dir(&folder).with_context(|| format!("cannot read {}", folder.display()))?;
    let stem = |path: PathBuf| Some(path.file_stem()?.to_str()?.to_owned());
    let mut names: Vec<String> = entries
        .flatten()
        .filter_map(|entry| stem(entry.path()))
        .collect();
    names.retain(|name| only.is_none_or(|only| only.split(',').any(|word| name.contains(word))));
    names.sort();
    if names.is_empty() {
        bail!("there is no such target in {}", folder.display());
    }
    Ok(names)
}

/// With a `--target` of its own cargo keeps the flags away from build scripts.
fn host() -> anyhow::Result<String> {
    let told = command::output_if_installed(Command::new("rustc").arg("-vV"))?.unwrap_or_default();
    let host = told.lines().find_map(|line| line.strip_prefix("host: "));
    host.map(str::to_owned)
        .context("rustc does not tell its host")
}

fn build(folders: &Folders, host: &str) -> anyhow::Result<()> {
    let mut command = cargo(["build", "--release", "--bins", "--target", host]);
    command
        .current_dir(&folders.fuzz)
        .env("CARGO_TARGET_DIR", &folders.target)
        .env("RUSTC_BOOTSTRAP", "1")
        .env("RUSTFLAGS", RUSTFLAGS);
    command::run(&mut command)
}

/// New inputs are kept below `target/fuzz`; `fuzz/corpus` and the fixtures are read only.
fn fuzz(folders: &Folders, host: &str, target: &str, seconds: u32) -> anyhow::Result<()> {
    println!("\n== {target}");
    let found = folders.target.join("corpus").join(target);
    let artifacts = folders.target.join("artifacts").join(target);
    fs::create_dir_all(&found)?;
    fs::create_dir_all(&artifacts)?;
    let mut command = Command::new(folders.target.join(host).join("release").join(target));
    command.arg(found);
    command.args(seeds(folders, target));
    command.args([
        format!("-max_total_time={seconds}"),
        format!("-max_len={MAX_INPUT_BYTES}"),
        format!("-timeout={SLOWEST_SECONDS}"),
        format!("-artifact_prefix={}/", artifacts.display()),
        "-print_final_stats=1".to_owned(),
        "-verbosity=0".to_owned(),
    ]);
    command::run(&mut command)
}

/// The folders to begin with: the kept corpus, and the fixtures of the target's dialect or of all. What is
/// encrypted begins with its corpus alone.
fn seeds(folders: &Folders, target: &str) -> Vec<PathBuf> {
    let kept = folders.fuzz.join("corpus").join(target);
    if target.starts_with("secret_") {
        return vec![kept];
    }
    let dialect = target
        .rsplit_once('_')
        .map(|(dialect, _)| folders.fixtures.join(dialect));
    let fixtures = dialect
        .filter(|folder| folder.is_dir())
        .unwrap_or_else(|| folders.fixtures.clone());
    [kept, fixtures]
        .into_iter()
        .filter(|folder| folder.is_dir())
        .collect()
}
