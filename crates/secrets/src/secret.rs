//! The value itself.

use zeroize::Zeroizing;

/// A secret text, wiped from memory when dropped.
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
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// Takes the text over; the caller keeps no copy.
    #[must_use]
    pub fn new(text: String) -> Self {
        Self(Zeroizing::new(text))
    }

    /// The plain text, for the one line that needs it.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}
