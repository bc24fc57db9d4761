//! `[secrets]` of `orchestra.toml`.

use std::path::PathBuf;
use std::str::FromStr;

use orchestra_secrets::Reference;
use serde::Deserialize;

/// `[secrets]`
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SecretsConfig {
    /// The store's SQLite file, `orchestra-secrets.db` in the working directory by default.
    pub path: Option<PathBuf>,
    /// The store's PostgreSQL database instead, as a reference, since its address holds a password.
    #[serde(deserialize_with = "crate::config::optional_reference")]
    pub database: Option<Reference>,
    /// What unseals the store when the server starts, tried in this order. Empty for the usual ones.
    pub unlock: Vec<UnlockSource>,
    /// The file outside of the database that remembers its latest state; `off` for none.
    pub anchor: Option<PathBuf>,
    /// The Unix socket by which a running server is told to seal, unseal and change secrets.
    pub control: Option<PathBuf>,
}

/// Where a server finds what unseals its store.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub enum UnlockSource {
    /// `credential:NAME`: a key file that the service manager put into `$CREDENTIALS_DIRECTORY`.
    Credential(String),
    /// `file:PATH`: a key file that only its owner can read.
    KeyFile(PathBuf),
    /// `prompt`: a passphrase, typed at the terminal. Passed over where there is none.
    Prompt,
    /// `insecure-env:NAME`: a passphrase in an environment variable, where whoever may look at the process can read it.
    InsecureVariable(String),
}

/// A text that is no [`UnlockSource`]. It is not repeated: somebody may have written the passphrase itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "what unseals the store is written credential:NAME, file:PATH, prompt or insecure-env:NAME"
)]
pub struct InvalidUnlock;

impl FromStr for UnlockSource {
    type Err = InvalidUnlock;

    fn from_str(text: &str) -> Result<Self, InvalidUnlock> {
        match text.split_once(':') {
            None if text == "prompt" => Ok(Self::Prompt),
            Some(("credential", name)) if is_file_name(name) => {
                Ok(Self::Credential(name.to_owned()))
            }
            Some(("file", path)) if !path.is_empty() => Ok(Self::KeyFile(path.into())),
            Some(("insecure-env", name)) if is_variable_name(name) => {
                Ok(Self::InsecureVariable(name.to_owned()))
            }
            _ => Err(InvalidUnlock),
        }
    }
}

impl TryFrom<String> for UnlockSource {
    type Error = InvalidUnlock;

    fn try_from(text: String) -> Result<Self, InvalidUnlock> {
        text.parse()
    }
}

/// As systemd.exec(5) names credentials: a file name, and nothing that leads out of the directory.
fn is_file_name(name: &str) -> bool {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.');
    (1..=255).contains(&name.len()) && name.bytes().all(allowed) && !matches!(name, "." | "..")
}

fn is_variable_name(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sources_are_read_and_nothing_else_is() {
        for (text, source) in [
            ("prompt", UnlockSource::Prompt),
            ("credential:a.b", UnlockSource::Credential("a.b".into())),
            ("file:/run/key", UnlockSource::KeyFile("/run/key".into())),
            (
                "insecure-env:PW",
                UnlockSource::InsecureVariable("PW".into()),
            ),
        ] {
            assert_eq!(text.parse(), Ok(source));
        }
        for text in [
            "",
            "prompt:",
            "credential:",
            "credential:..",
            "credential:a/b",
            "file:",
            "env:PW",
            "insecure-env:P W",
            "a passphrase that somebody wrote",
        ] {
            assert_eq!(text.parse::<UnlockSource>(), Err(InvalidUnlock), "{text}");
        }
    }
}
