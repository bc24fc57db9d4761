//! `safety`: takes the lines away that keep secrets safe, one at a time, in a copy of the workspace. Each must turn a
//! test red; one that does not is guarded by nothing.
//!
//! The copy is built once, with a switch at every line; an environment variable says which line is gone.

mod lines;
mod suite;

use std::fs;
use std::path::Path;

use anyhow::{Context, bail};

use crate::arguments::Arguments;
use crate::check;
use lines::{ALL, LINES, Line, Suite};
use suite::Build;

/// Says which line is gone, by its number.
const SWITCH: &str = "ORCHESTRA_SAFETY_LINE";

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
    let begin_anew = || copy_sources(workspace.workspace_root.as_std_path(), &copy);
    begin_anew()?;
    let chosen =
        |(_, line): &(usize, &Line)| only.as_ref().is_none_or(|only| line.name.contains(only));
    let lines: Vec<(usize, &Line)> = LINES.iter().enumerate().filter(chosen).collect();
    let mut unguarded = Vec::new();

    let (switched, fixed): (Vec<_>, Vec<_>) = lines
        .into_iter()
        .partition(|(_, line)| line.instead.contains("GONE"));
    for (number, line) in &switched {
        replace(
            &copy,
            line,
            &line
                .instead
                .replace("GONE", &format!("crate::is_gone({number})")),
        )?;
    }
    add_switch(&copy)?;
    let build = Build::of(&copy, &target, &[Suite::Unit, Suite::Integration])?;
    for tests in ALL {
        if switched.iter().any(|(_, line)| line.tests == tests) {
            build.check(tests)?;
        }
    }
    for (number, line) in &switched {
        unguarded.extend(judge(&build, line, Some(*number))?);
    }
    for (_, line) in fixed {
        begin_anew()?;
        replace(&copy, line, line.instead)?;
        unguarded.extend(judge(
            &Build::of(&copy, &target, &[line.tests.of])?,
            line,
            None,
        )?);
    }
    if unguarded.is_empty() {
        return Ok(());
    }
    bail!("guarded by no test: {}", unguarded.join("; "))
}

/// The line's name if no test misses it.
fn judge(
    build: &Build,
    line: &Line,
    number: Option<usize>,
) -> anyhow::Result<Option<&'static str>> {
    println!("\n== without: {}", line.name);
    if build.miss(line.tests, number)? {
        println!("a test is red, as it should be");
        return Ok(None);
    }
    println!("NO TEST IS RED");
    Ok(Some(line.name))
}

fn replace(copy: &Path, line: &Line, instead: &str) -> anyhow::Result<()> {
    let path = copy.join("crates/secrets/src").join(line.file);
    let whole = fs::read_to_string(&path).with_context(|| format!("no {}", path.display()))?;
    if whole.matches(line.text).count() != 1 {
        bail!("{} does not stand once in {}", line.text, line.file);
    }
    fs::write(&path, whole.replace(line.text, instead))?;
    Ok(())
}

/// Adds the function that the changed lines ask whether it is their turn.
fn add_switch(copy: &Path) -> anyhow::Result<()> {
    let path = copy.join("crates/secrets/src/lib.rs");
    let mut whole = fs::read_to_string(&path)?;
    whole.push_str(&format!(
        "
pub(crate) fn is_gone(line: usize) -> bool {{
    static GONE: std::sync::LazyLock<Option<usize>> = std::sync::LazyLock::new(|| std::env::var({SWITCH:?}).ok()?.parse().ok());
    *GONE == Some(line)
}}
"
    ));
    fs::write(&path, whole)?;
    Ok(())
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

fn copy_file(from: &Path, to: &Path) -> anyhow::Result<()> {
    let wanted = fs::read(from)?;
    if fs::read(to).ok().as_ref() != Some(&wanted) {
        fs::write(to, wanted)?;
    }
    Ok(())
}
