//! Where keys, salts and nonces come from.

use std::fmt;
use std::sync::Mutex;

use sha2::{Digest, Sha256};

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

/// Checks what another source gives, so that a generator that hangs or goes round in circles is noticed.
///
/// Three things are never chance where a draw has 128 bits or more: that all its bytes are alike, that it begins like
/// the one before (the "continuous test" of FIPS 140-2, section 4.9.2), and that it begins like an earlier one that is
/// kept, a later one each time the number of draws has doubled. The last finds any circle in the end, and one that is
/// there from the start within three rounds (Brent, "An improved Monte Carlo factorization algorithm", 1980). Draws
/// are remembered by their hashes: they become keys.
pub(crate) struct Checked<E> {
    source: E,
    seen: Mutex<Seen>,
}

impl<E> Checked<E> {
    pub(crate) const fn new(source: E) -> Self {
        Self {
            source,
            seen: Mutex::new(Seen {
                draws: 0,
                last: None,
                kept: None,
            }),
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
        let mut seen = self.seen.lock().unwrap_or_else(|held| held.into_inner());
        if seen.is_new(begin) {
            return Ok(());
        }
        buffer.fill(0);
        Err(EntropyError::Repeats)
    }
}

/// How many bytes of each draw are compared.
const COMPARED: usize = 16;

/// What is remembered of earlier draws.
struct Seen {
    draws: u64,
    last: Option<[u8; 32]>,
    kept: Option<[u8; 32]>,
}

impl Seen {
    /// Whether this draw is unlike those before. Remembers it.
    fn is_new(&mut self, begin: &[u8; COMPARED]) -> bool {
        let hash: [u8; 32] = Sha256::digest(begin).into();
        let alike = begin.iter().all(|byte| *byte == begin[0]);
        let repeats = [self.last, self.kept].contains(&Some(hash));
        self.draws = self.draws.saturating_add(1);
        self.last = Some(hash);
        if self.draws.is_power_of_two() {
            self.kept = Some(hash);
        }
        !alike && !repeats
    }
}

impl<E: Entropy + ?Sized> Entropy for std::sync::Arc<E> {
    fn fill(&self, buffer: &mut [u8]) -> Result<(), EntropyError> {
        (**self).fill(buffer)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::*;

    /// Draws of which the n-th is what the function says.
    struct Draws(AtomicU64, fn(u64) -> [u8; 32]);

    impl fmt::Debug for Draws {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("Draws")
        }
    }

    impl Entropy for Draws {
        fn fill(&self, buffer: &mut [u8]) -> Result<(), EntropyError> {
            let bytes = (self.1)(self.0.fetch_add(1, Ordering::Relaxed));
            buffer.copy_from_slice(&bytes[..buffer.len()]);
            Ok(())
        }
    }

    /// How many draws pass before one is refused.
    fn passed(draw: fn(u64) -> [u8; 32], at_most: usize) -> usize {
        let source = Checked::new(Draws(AtomicU64::new(0), draw));
        let mut buffer = [0; 32];
        for passed in 0..at_most {
            match source.fill(&mut buffer) {
                Ok(()) => {}
                Err(error) => {
                    assert_eq!(error, EntropyError::Repeats);
                    assert_eq!(buffer, [0; 32], "a refused draw is left behind");
                    return passed;
                }
            }
        }
        at_most
    }

    fn hash(number: u64) -> [u8; 32] {
        Sha256::digest(number.to_be_bytes()).into()
    }

    #[test]
    fn a_constant_source_is_found_out() {
        assert_eq!(passed(|_| [0; 32], 10), 0);
        assert_eq!(passed(|_| [0xff; 32], 10), 0);
        assert_eq!(passed(|_| hash(1), 10), 1);
        assert_eq!(passed(|n| hash(n.min(700)), 2000), 701, "it stopped late");
    }

    #[test]
    fn a_source_that_goes_round_in_circles_is_found_out() {
        assert_eq!(passed(|n| hash(n % 2), 10), 3);
        for (passed, round) in [
            (passed(|n| hash(n % 3), 10_000), 3),
            (passed(|n| hash(n % 100), 10_000), 100),
            (passed(|n| hash(n % 1021), 10_000), 1021),
        ] {
            assert!((round..=3 * round).contains(&passed), "{passed} of {round}");
        }
    }

    #[test]
    fn the_systems_source_passes() {
        let source = Checked::new(OsEntropy);
        let mut buffer = [0; 32];
        for _ in 0..1000 {
            source.fill(&mut buffer).unwrap();
        }
    }

    #[test]
    fn no_key_is_remembered() {
        let source = Checked::new(OsEntropy);
        let mut key = [0; 32];
        source.fill(&mut key).unwrap();
        let seen = source.seen.lock().unwrap();
        for hash in [seen.last.unwrap(), seen.kept.unwrap()] {
            for part in key.windows(8) {
                assert!(!hash.windows(8).any(|window| window == part));
            }
        }
    }
}
