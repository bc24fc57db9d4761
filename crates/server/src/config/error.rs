//! What is wrong with a configuration file, where, and what was probably meant.

use std::io;
use std::path::{Path, PathBuf};

/// A configuration that cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// No such file, or no right to read it.
    #[error("{} cannot be read", path.display())]
    Unreadable {
        /// Which file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Not TOML, a field that does not exist, or a value of the wrong kind.
    #[error("{}:{line}: {message}", path.display())]
    Invalid {
        /// Which file.
        path: PathBuf,
        /// The line, counted from 1.
        line: usize,
        /// What is wrong with it.
        message: String,
    },
}

impl ConfigError {
    pub(super) fn syntax(path: &Path, text: &str, error: &toml::de::Error) -> Self {
        let at = error.span().map_or(0, |span| span.start);
        let line = 1 + text.bytes().take(at).filter(|b| *b == b'\n').count();
        let mut message = without_value(error.message().trim());
        if let Some(meant) = meant(&message) {
            message.push_str(&format!("; did you mean `{meant}`?"));
        }
        Self::Invalid {
            path: path.to_owned(),
            line,
            message,
        }
    }
}

/// Takes the text out of "invalid type: string "…", expected": where a reference belongs,
/// somebody may have written the secret itself.
fn without_value(message: &str) -> String {
    let Some((before, rest)) = message.split_once(": string \"") else {
        return message.to_owned();
    };
    match rest.rsplit_once("\", expected") {
        Some((_, expected)) => format!("{before}: a string, expected{expected}"),
        None => format!("{before}: a string"),
    }
}

/// The nearest of the fields that serde says it expected.
fn meant(message: &str) -> Option<&str> {
    let rest = message
        .strip_prefix("unknown field ")
        .or_else(|| message.strip_prefix("unknown variant "))?;
    let mut quoted = rest.split('`').skip(1).step_by(2);
    let written = quoted.next()?;
    quoted
        .map(|field| (strsim::damerau_levenshtein(written, field), field))
        .filter(|(distance, field)| *distance <= 1 + field.len() / 3)
        .min()
        .map(|(_, field)| field)
}
