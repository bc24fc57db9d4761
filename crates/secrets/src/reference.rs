//! How configuration names a secret without containing it.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use crate::Name;

/// Where a secret is to be found.
///
/// What stands before the colon is its scheme. A further kind of place (a Vault, a cloud's key service) is a further
/// variant with a scheme of its own, a [`Source`](crate::Source) that understands it, and a line where a program puts
/// its [`Sources`](crate::Sources) together.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Reference {
    /// `env:NAME`, an environment variable or a line of a `.env` file.
    Variable(String),
    /// `file:PATH`, the whole content of a file without the line end that editors add.
    File(PathBuf),
    /// `store:NAME` or `store:TENANT/NAME`, the current version of a secret of the encrypted store.
    Stored(Name),
}

impl Reference {
    /// What stands before the colon.
    #[must_use]
    pub const fn scheme(&self) -> &'static str {
        match self {
            Self::Variable(_) => "env",
            Self::File(_) => "file",
            Self::Stored(_) => "store",
        }
    }
}

/// A text that is no reference to a secret.
///
/// The text is not part of the message: somebody may have written the secret itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a secret is referred to as store:NAME, env:NAME or file:PATH, never written out")]
pub struct InvalidReference;

impl FromStr for Reference {
    type Err = InvalidReference;

    fn from_str(text: &str) -> Result<Self, InvalidReference> {
        match text.split_once(':') {
            Some(("env", name)) if is_variable_name(name) => Ok(Self::Variable(name.to_owned())),
            Some(("file", path)) if !path.is_empty() => Ok(Self::File(PathBuf::from(path))),
            Some(("store", name)) => name.parse().map(Self::Stored).map_err(|_| InvalidReference),
            _ => Err(InvalidReference),
        }
    }
}

fn is_variable_name(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:", self.scheme())?;
        match self {
            Self::Variable(name) => f.write_str(name),
            Self::File(path) => path.display().fmt(f),
            Self::Stored(name) => name.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_read_back_as_they_were_written() {
        for text in [
            "env:OPENAI_API_KEY",
            "file:/run/keys/openai",
            "file:keys/a:b",
            "store:openai",
            "store:acme/openai-a",
        ] {
            assert_eq!(text.parse::<Reference>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn anything_else_is_refused_without_being_repeated() {
        let pasted = "a-key-somebody-pasted";
        for text in [
            "",
            "OPENAI_API_KEY",
            "env:",
            "env:A B",
            "file:",
            "vault:x",
            "store:",
            "store:a b",
            "store:a/b/c",
            pasted,
        ] {
            let refusal = text.parse::<Reference>().unwrap_err().to_string();
            assert!(!refusal.contains(pasted), "{refusal}");
        }
    }
}
