//! A process that tells what it does in lines of JSON on its standard output.

use std::process::Stdio;

use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command};

use super::soon;

/// A running process. It is killed when this is dropped.
#[derive(Debug)]
pub(crate) struct Voice {
    process: Child,
    /// Held open: a script that waits for the test waits for the end of its input.
    input: Option<ChildStdin>,
    lines: Lines<BufReader<ChildStdout>>,
    complaints: ChildStderr,
}

impl Voice {
    /// Starts the command.
    pub(crate) fn start(mut command: Command) -> Self {
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        let mut process = command
            .spawn()
            .unwrap_or_else(|error| panic!("{command:?} cannot be started: {error}"));
        let lines = process
            .stdout
            .take()
            .map(|output| BufReader::new(output).lines());
        Self {
            input: process.stdin.take(),
            lines: lines.expect("piped above"),
            complaints: process.stderr.take().expect("piped above"),
            process,
        }
    }

    /// The next line that has this field, and the field's value.
    pub(crate) async fn hear(&mut self, field: &str) -> Value {
        while let Some(mut line) = self.next().await {
            if let Some(value) = line.get_mut(field) {
                return value.take();
            }
            assert_ne!(line["ok"], false, "{}", text(&line["error"]));
        }
        panic!(
            "it ended without telling {field:?}: {}",
            self.complaints().await
        );
    }

    /// Ends its input, hears it out, and expects a good end. Returns what else it told.
    pub(crate) async fn finish(mut self) -> Vec<Value> {
        drop(self.input.take());
        let mut told = Vec::new();
        while let Some(line) = self.next().await {
            told.push(line);
        }
        let failed: Vec<String> = told
            .iter()
            .filter(|line| line["ok"] == false)
            .map(|line| format!("{}: {}", text(&line["scenario"]), text(&line["error"])))
            .collect();
        let status = soon("its end", self.process.wait())
            .await
            .expect("it was started");
        assert!(
            status.success() && failed.is_empty(),
            "{status}\n{}\n{}",
            failed.join("\n"),
            self.complaints().await
        );
        told
    }

    async fn next(&mut self) -> Option<Value> {
        let line = soon("a line of output", self.lines.next_line()).await;
        let line = line.expect("its output is UTF-8")?;
        Some(serde_json::from_str(&line).unwrap_or_else(|_| panic!("not JSON: {line}")))
    }

    async fn complaints(&mut self) -> String {
        let mut bytes = Vec::new();
        let read = soon(
            "its standard error",
            self.complaints.read_to_end(&mut bytes),
        )
        .await;
        read.expect("a pipe can be read");
        String::from_utf8_lossy(&bytes).into_owned()
    }
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}
