//! Chance and time that are the same again from the same seed.

use std::sync::Mutex;

use orchestra_secrets::{Clock, Entropy, EntropyError};

/// The seed that a test is to begin with, as an earlier run has printed it.
const SEED: &str = "ORCHESTRA_TEST_SEED";

/// Whether those tests run long whose confidence grows with time.
pub(crate) fn long() -> bool {
    std::env::var("ORCHESTRA_TEST_LONG").is_ok_and(|value| value == "1")
}

/// Another seed in every run, printed so that a failure can be had again.
pub(crate) fn seed() -> u64 {
    let given = std::env::var(SEED).ok();
    let seed = given.map_or_else(|| getrandom::u64().unwrap(), |given| given.parse().unwrap());
    println!("{SEED}={seed}");
    seed
}

/// Numbers that look random: `SplitMix64` (Steele, Lea and Flood, "Fast splittable pseudorandom number generators",
/// 2014).
#[derive(Clone, Debug)]
pub(crate) struct Chance(u64);

impl Chance {
    pub(crate) const fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(crate) const fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// One of the numbers below this one.
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        let bound = u64::try_from(bound).unwrap();
        usize::try_from(self.number() % bound).unwrap()
    }

    pub(crate) fn one_of<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len())]
    }
}

/// Keys and nonces from a seed. Two stores must not have the same.
#[derive(Debug)]
pub(crate) struct Repeatable(Mutex<Chance>);

impl Repeatable {
    pub(crate) const fn new(seed: u64) -> Self {
        Self(Mutex::new(Chance::new(seed)))
    }
}

impl Entropy for Repeatable {
    fn fill(&self, buffer: &mut [u8]) -> Result<(), EntropyError> {
        let mut chance = self.0.lock().unwrap();
        for piece in buffer.chunks_mut(8) {
            let number = chance.number().to_le_bytes();
            piece.copy_from_slice(&number[..piece.len()]);
        }
        Ok(())
    }
}

/// It is always the same time.
#[derive(Debug)]
pub(crate) struct Still;

impl Clock for Still {
    fn unix_ms(&self) -> i64 {
        1_700_000_000_000
    }
}
