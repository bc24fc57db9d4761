//! What the README shows works as it is written.
//!
//! Code blocks whose info string holds `check`, such as "sh check", run in order in one
//! folder, against `orchestra demo`. A "text check" block right behind one of them holds
//! lines that its output must contain.

use std::path::Path;
use std::process::Stdio;

use tokio::process::Command;

use crate::harness::{Server, python, repository, soon};

/// What the README calls the gateway's address.
const WRITTEN: [&str; 2] = ["127.0.0.1:8000", "localhost:8000"];

#[tokio::test]
async fn the_readme_works_as_written() {
    let path = repository().join("README.md");
    let readme = std::fs::read_to_string(&path)
        .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let steps = steps(&readme).unwrap_or_else(|problem| panic!("README.md: {problem}"));
    assert!(
        !steps.is_empty(),
        "README.md has no block that is marked `check`"
    );
    let demo = Server::demo().await;
    let folder = tempfile::tempdir().expect("a folder can be made");
    for step in &steps {
        step.check(&demo, folder.path()).await;
    }
}

/// A block to run, and lines that its output must contain.
#[derive(Debug, PartialEq)]
struct Step<'a> {
    language: Language,
    /// Where it begins, counted from 1.
    line: usize,
    code: String,
    expected: Vec<&'a str>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Language {
    Shell,
    Python,
}

impl Step<'_> {
    async fn check(&self, demo: &Server, folder: &Path) {
        let address = demo.address().to_string();
        let code = WRITTEN.iter().fold(self.code.clone(), |code, written| {
            code.replace(written, &address)
        });
        let mut command = match self.language {
            Language::Shell => Command::new("bash"),
            Language::Python => python(),
        };
        if self.language == Language::Shell {
            // Proxies and keys of the machine are none of the README's business.
            command
                .env_clear()
                .envs(std::env::var_os("PATH").map(|path| ("PATH", path)));
            command.arg("-e");
        }
        command
            .arg("-c")
            .arg(&code)
            .current_dir(folder)
            .stdin(Stdio::null())
            .kill_on_drop(true);
        let output = soon("a block of the README", command.output())
            .await
            .expect("it can be started");
        let said = String::from_utf8_lossy(&output.stdout);
        let complaints = String::from_utf8_lossy(&output.stderr);
        let line = self.line;
        assert!(
            output.status.success(),
            "README.md:{line} failed: {said}\n{complaints}\n{}",
            demo.log()
        );
        for expected in &self.expected {
            assert!(
                said.contains(expected),
                "README.md:{line} does not print {expected:?} but {said}"
            );
        }
    }
}

/// Reads the marked blocks, or tells what is wrong with them.
fn steps(readme: &str) -> Result<Vec<Step<'_>>, String> {
    let mut steps: Vec<Step<'_>> = Vec::new();
    let mut lines = readme.lines().enumerate();
    while let Some((at, fence)) = lines.next() {
        let Some(info) = fence.strip_prefix("```") else {
            continue;
        };
        let body: Vec<&str> = lines
            .by_ref()
            .map(|(_, line)| line)
            .take_while(|line| *line != "```")
            .collect();
        let mut words = info.split([' ', ',']);
        let language = words.next().unwrap_or_default();
        if !words.any(|word| word == "check") {
            continue;
        }
        let language = match language {
            "sh" | "bash" => Language::Shell,
            "python" => Language::Python,
            "text" => {
                let step = steps
                    .last_mut()
                    .ok_or_else(|| format!("line {}: the output of nothing", at + 1))?;
                step.expected
                    .extend(body.into_iter().filter(|line| !line.trim().is_empty()));
                continue;
            }
            other => return Err(format!("line {}: {other:?} cannot be checked", at + 1)),
        };
        steps.push(Step {
            language,
            line: at + 1,
            code: body.join("\n"),
            expected: Vec::new(),
        });
    }
    Ok(steps)
}

#[test]
fn only_marked_blocks_are_steps() {
    let readme = "# T\n```sh\nnot this\n```\n```sh check\necho a\necho b\n```\ntext\n```text check\na\n\nb\n```\n```python,check\nprint(1)\n```\n";
    let expected = [
        Step {
            language: Language::Shell,
            line: 5,
            code: "echo a\necho b".to_owned(),
            expected: vec!["a", "b"],
        },
        Step {
            language: Language::Python,
            line: 15,
            code: "print(1)".to_owned(),
            expected: vec![],
        },
    ];
    assert_eq!(steps(readme).as_deref(), Ok(&expected[..]));
    assert!(steps("```text check\na\n```\n").is_err());
    assert!(steps("```ruby check\na\n```\n").is_err());
}
