//! The value itself.

use orchestra_arena::Locked;
use zeroize::Zeroizing;

/// A secret text in locked memory, wiped when dropped.
///
/// It has no `Debug`, `Display`, `Clone`, `PartialEq` or `Serialize`, so that it reaches
/// no log, error or file by accident. [`Secret::expose`] is the one door; search for
/// it to find every line that handles the plain text.
///
/// ```compile_fail
/// let secret = orchestra_secrets::Secret::new("hidden".to_owned());
/// println!("{secret:?}");
/// ```
///
/// ```compile_fail
/// let secret = orchestra_secrets::Secret::new("hidden".to_owned());
/// let copy = secret.clone();
/// ```
#[expect(
    missing_debug_implementations,
    reason = "a secret must not be printable"
)]
pub struct Secret(Locked);

impl Secret {
    /// Takes the text over, and wipes what it was given; the caller keeps no copy.
    #[must_use]
    pub fn new(text: String) -> Self {
        Self::copy_of(&Zeroizing::new(text))
    }

    /// The same text as this, which is the caller's to wipe.
    #[must_use]
    pub fn copy_of(text: &str) -> Self {
        Self(Locked::copy_from(text.as_bytes()))
    }

    /// The plain text, for the one line that needs it.
    #[must_use]
    pub fn expose(&self) -> &str {
        std::str::from_utf8(self.0.expose()).expect("it was copied from a text")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_the_text_that_it_was_made_of() {
        for text in ["", "k", "a key of two words", "clé", &"k".repeat(100_000)] {
            assert_eq!(Secret::new(text.to_owned()).expose(), text);
            assert_eq!(Secret::copy_of(text).expose(), text);
        }
    }
}
