//! Text for people, JSON for programs.

use std::io::{self, Write};

use serde_json::{Value, json};

/// Where a command's results go.
#[derive(Debug)]
pub(crate) struct Output {
    json: bool,
}

impl Output {
    pub(crate) const fn new(json: bool) -> Self {
        Self { json }
    }

    pub(crate) const fn is_json(&self) -> bool {
        self.json
    }

    /// Prints a result: the value for programs, the text for people.
    pub(crate) fn result(&self, value: &Value, text: impl FnOnce() -> String) -> io::Result<()> {
        let text = if self.json { value.to_string() } else { text() };
        let mut out = io::stdout().lock();
        out.write_all(text.as_bytes())?;
        if !text.ends_with('\n') {
            out.write_all(b"\n")?;
        }
        out.flush()
    }

    /// Prints a piece of a running answer, at once.
    pub(crate) fn piece(&self, text: &str) -> io::Result<()> {
        let mut out = io::stdout().lock();
        out.write_all(text.as_bytes())?;
        out.flush()
    }

    /// Tells people something beside the result; programs do not hear it.
    pub(crate) fn aside(&self, text: &str) {
        if !self.json {
            // Nobody is left to tell if standard error is closed.
            let _ = writeln!(io::stderr(), "{text}");
        }
    }

    /// Reports why the command failed, and what to do about it: on standard error, as JSON where JSON was asked for.
    pub(crate) fn fail(&self, error: &anyhow::Error, advice: Option<&str>) {
        let broken_pipe = error
            .downcast_ref::<io::Error>()
            .is_some_and(|e| e.kind() == io::ErrorKind::BrokenPipe);
        if broken_pipe {
            return;
        }
        let shown = match (self.json, advice) {
            (true, None) => json!({ "error": format!("{error:#}") }).to_string(),
            (true, _) => json!({ "error": format!("{error:#}"), "advice": advice }).to_string(),
            (false, None) => format!("error: {error:#}"),
            (false, Some(advice)) => format!("error: {error:#}\n{advice}"),
        };
        let _ = writeln!(io::stderr(), "{shown}");
    }
}

/// Adds the fields of one object to another.
pub(crate) fn merge(object: &mut Value, more: Value) {
    if let (Value::Object(object), Value::Object(more)) = (object, more) {
        object.extend(more);
    }
}

/// Columns, each as wide as its widest cell.
pub(crate) fn table(head: &[&str], rows: &[Vec<String>]) -> String {
    let mut widths: Vec<usize> = head.iter().map(|cell| cell.len()).collect();
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let line = |cells: &mut dyn Iterator<Item = &str>| {
        let padded: Vec<String> = cells
            .zip(&widths)
            .map(|(cell, width)| format!("{cell:<width$}"))
            .collect();
        format!("{}\n", padded.join("  ").trim_end())
    };
    let mut text = line(&mut head.iter().copied());
    for row in rows {
        text.push_str(&line(&mut row.iter().map(String::as_str)));
    }
    text
}
