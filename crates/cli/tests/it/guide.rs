//! What the operator's guide shows works as it is written, and what it claims has a test.

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::place::{ORCHESTRA, Place};

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn guide() -> String {
    fs::read_to_string(repository().join("docs/secrets.md")).unwrap()
}

/// The blocks that are marked with this, in order.
fn blocks<'g>(guide: &'g str, mark: &str) -> Vec<&'g str> {
    let fence = format!("```{mark}\n");
    let parts = guide.split(fence.as_str()).skip(1);
    parts
        .map(|part| part.split("```").next().unwrap())
        .collect()
}

#[test]
fn its_commands_do_what_it_says() {
    let guide = guide();
    // Of one shell, as its reader's: what one block exports the next one has.
    let script = blocks(&guide, "sh check").join("\n");
    let place = Place::new();
    let path = format!(
        "{}:{}",
        Path::new(ORCHESTRA).parent().unwrap().display(),
        std::env::var("PATH").unwrap()
    );
    let output = Command::new("setsid")
        .args(["bash", "-e", "-c", &script])
        .current_dir(place.file(""))
        .env_clear()
        .envs(place.environment())
        .env("PATH", path)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let ran = place.checked(output).succeeds();
    let expected = blocks(&guide, "text check").join("\n");
    assert!(!expected.is_empty());
    for line in expected.lines().filter(|line| !line.is_empty()) {
        assert!(ran.stdout.contains(line), "no `{line}` in {}", ran.stdout);
    }
}

#[test]
fn what_it_claims_has_a_test() {
    let guide = guide();
    let claims = guide.split("### What is protected").nth(1).unwrap();
    let claims = claims.split("### What is not").next().unwrap();
    let rows = claims.lines().filter(|line| line.starts_with("| "));
    let tests = tests();
    let mut named = 0;
    for row in rows.skip(1) {
        let last = row.trim_end_matches(" |").rsplit("| ").next().unwrap();
        let names: Vec<&str> = last.split('`').skip(1).step_by(2).collect();
        assert!(!names.is_empty(), "no test: {row}");
        for name in names {
            assert!(tests.contains(name), "there is no test `{name}`");
            named += 1;
        }
    }
    assert!(named > 10);
}

/// The names of all functions in the crates' sources and tests.
fn tests() -> HashSet<String> {
    let mut names = HashSet::new();
    let mut folders = vec![repository().join("crates")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|ending| ending == "rs") {
                let text = fs::read_to_string(&path).unwrap();
                let functions = text.split("fn ").skip(1);
                names.extend(functions.filter_map(|rest| Some(rest.split('(').next()?.to_owned())));
            }
        }
    }
    names
}
