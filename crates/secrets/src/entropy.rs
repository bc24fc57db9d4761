//! Where keys, salts and nonces come from.

use std::fmt;
use std::sync::Mutex;

/// A source of unpredictable bytes.
pub trait Entropy: fmt::Debug + Send + Sync {
    /// Fills the buffer.
    ///
    /// # Errors
    /// [`EntropyError`] if that cannot be done; nothing may then be encrypted.
    fn fill(&self, buffer: &mut [u8]) -> Result<(), EntropyError>;
}

/// Why there is nothing unpredictable to be had.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EntropyError {
    /// The operating system gave none.
    #[error("the operating system gave no random bytes")]
    Unavailable,
    /// The source repeats itself.
    #[error("the source of random bytes repeats itself, so nothing can be encrypted safely")]
    Repeats,
}

/// The operating system's generator.
#[derive(Clone, Copy, Debug, Default)]
pub struct OsEntropy;

impl Entropy for OsEntropy {
    fn fill(&self, buffer: &mut [u8]) -> Result<(), EntropyError> {
        getrandom::fill(buffer).map_err(|_| EntropyError::Unavailable)
    }
}

/// How many bytes of each draw are remembered.
const COMPARED: usize = 16;

/// Checks what another source gives: two draws that begin alike are never chance, 128 bits long as they are
/// (the "continuous test" of FIPS 140-2, section 4.9.2).
pub(crate) struct Checked<E> {
    source: E,
    last: Mutex<[u8; COMPARED]>,
}

impl<E> Checked<E> {
    pub(crate) const fn new(source: E) -> Self {
        Self {
            source,
            last: Mutex::new([0; COMPARED]),
        }
    }
}

impl<E: fmt::Debug> fmt::Debug for Checked<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Checked").field(&self.source).finish()
    }
}

impl<E: Entropy> Entropy for Checked<E> {
    fn fill(&self, buffer: &mut [u8]) -> Result<(), EntropyError> {
        self.source.fill(buffer)?;
        let Some(begin) = buffer.first_chunk::<COMPARED>() else {
            return Ok(());
        };
        // What another thread left half-way is still a draw to compare with.
        let mut last = self.last.lock().unwrap_or_else(|held| held.into_inner());
        if *last == *begin {
            buffer.fill(0);
            return Err(EntropyError::Repeats);
        }
        *last = *begin;
        Ok(())
    }
}

impl<E: Entropy + ?Sized> Entropy for std::sync::Arc<E> {
    fn fill(&self, buffer: &mut [u8]) -> Result<(), EntropyError> {
        (**self).fill(buffer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug)]
    struct Constant(u8);

    impl Entropy for Constant {
        fn fill(&self, buffer: &mut [u8]) -> Result<(), EntropyError> {
            buffer.fill(self.0);
            Ok(())
        }
    }

    #[test]
    fn a_source_that_repeats_itself_is_found_out() {
        let mut buffer = [0; 32];
        let zeros = Checked::new(Constant(0));
        assert_eq!(zeros.fill(&mut buffer), Err(EntropyError::Repeats));
        let ones = Checked::new(Constant(1));
        assert_eq!(ones.fill(&mut buffer), Ok(()));
        assert_eq!(ones.fill(&mut buffer), Err(EntropyError::Repeats));
        assert_eq!(buffer, [0; 32]);
    }

    #[test]
    fn the_systems_source_passes() {
        let source = Checked::new(OsEntropy);
        let mut buffer = [0; 32];
        for _ in 0..1000 {
            source.fill(&mut buffer).unwrap();
        }
    }
}
