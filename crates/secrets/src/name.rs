//! What a secret is called.

use std::fmt;
use std::str::FromStr;

/// A secret's name, within a tenant.
///
/// Written `NAME`, or `TENANT/NAME` for another tenant than the usual one. Both are 1 to 128 letters, digits, `_`, `-`
/// and `.`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Name {
    tenant: String,
    name: String,
}

/// A text that is no name. It is not repeated: somebody may have typed the secret itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a secret's name is NAME or TENANT/NAME, each 1 to 128 letters, digits, `_`, `-` and `.`")]
pub struct InvalidName;

impl Name {
    /// The tenant of whoever has no tenants.
    pub const USUAL_TENANT: &str = "default";

    /// A name within a tenant.
    ///
    /// # Errors
    /// [`InvalidName`] if either has other characters than names have.
    pub fn within(tenant: &str, name: &str) -> Result<Self, InvalidName> {
        if !is_word(tenant) || !is_word(name) {
            return Err(InvalidName);
        }
        Ok(Self {
            tenant: tenant.to_owned(),
            name: name.to_owned(),
        })
    }

    /// Whose it is.
    #[must_use]
    pub fn tenant(&self) -> &str {
        &self.tenant
    }

    /// The name within the tenant.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }
}

fn is_word(text: &str) -> bool {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.');
    (1..=128).contains(&text.len()) && text.bytes().all(allowed)
}

impl FromStr for Name {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<Self, InvalidName> {
        let (tenant, name) = text.split_once('/').unwrap_or((Self::USUAL_TENANT, text));
        Self::within(tenant, name)
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.tenant != Self::USUAL_TENANT {
            write!(f, "{}/", self.tenant)?;
        }
        f.write_str(&self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_read_back_as_they_were_written() {
        for text in ["OPENAI_API_KEY", "acme/openai", "a.b-c"] {
            assert_eq!(text.parse::<Name>().unwrap().to_string(), text);
        }
        for text in ["", "/", "a/", "/a", "a/b/c", "a b", "ä", &"x".repeat(129)] {
            assert!(text.parse::<Name>().is_err(), "{text}");
        }
    }
}
