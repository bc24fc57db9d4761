//! What a provider's key is called.

use std::fmt;
use std::sync::Arc;

/// The public label of a provider's key, such as `store:openai-a` or `env:OPENAI_API_KEY`; never its value.
///
/// It stands in records, logs and reports. 1 to 256 bytes without control characters.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct KeyName(Arc<str>);

/// A text that cannot be a [`KeyName`].
///
/// The text is not part of the message: somebody may have taken the key itself for its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a key's name has 1 to 256 bytes and no control characters")]
pub struct InvalidKeyName;

impl KeyName {
    /// Longer labels would be no labels.
    const MAX_BYTES: usize = 256;

    /// Checks and keeps a label.
    ///
    /// # Errors
    /// [`InvalidKeyName`] if it is empty, too long, or would disturb a line of a log.
    pub fn new(label: &str) -> Result<Self, InvalidKeyName> {
        let fits = (1..=Self::MAX_BYTES).contains(&label.len());
        if fits && !label.chars().any(char::is_control) {
            Ok(Self(label.into()))
        } else {
            Err(InvalidKeyName)
        }
    }

    /// The text itself.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for KeyName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&*self.0, f)
    }
}

impl fmt::Display for KeyName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_label_fits_a_line() {
        for good in [
            "store:openai-a",
            "env:OPENAI_API_KEY",
            "é",
            &"a".repeat(256),
        ] {
            assert_eq!(KeyName::new(good).unwrap().as_str(), good);
        }
        for bad in ["", "a\nb", "a\u{7f}", "a\u{85}", &"a".repeat(257)] {
            assert_eq!(KeyName::new(bad), Err(InvalidKeyName), "{bad:?}");
        }
    }
}
