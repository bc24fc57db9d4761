//! How long a target's answers are.

use std::sync::atomic::{AtomicU64, Ordering};

/// The mean of the output tokens of answers, the last ones before all. One word of memory and no lock, since every answer counts:
/// how many there were in the upper bits, up to [`Self::WINDOW`], and below them the mean.
#[derive(Debug, Default)]
pub(crate) struct Length(AtomicU64);

impl Length {
    /// As many answers decide the mean; of older ones less and less is left.
    const WINDOW: u64 = 256;
    /// Fewer answers say nothing.
    const ENOUGH: u64 = 20;
    /// Bits of the mean, [`Self::FRACTION`] of them for parts of a token.
    const MEAN: u32 = 48;
    const FRACTION: u32 = 12;
    /// No answer known is longer.
    const LONGEST: u64 = 1 << 24;

    pub(crate) fn record(&self, tokens: u64) {
        let tokens = tokens.min(Self::LONGEST) << Self::FRACTION;
        let add = |word: u64| {
            let (count, mean) = Self::parts(word);
            let count = (count + 1).min(Self::WINDOW);
            let mean = if tokens >= mean {
                mean + (tokens - mean) / count
            } else {
                mean - (mean - tokens) / count
            };
            Some(count << Self::MEAN | mean)
        };
        // It always finds a new value.
        let _ = self
            .0
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, add);
    }

    /// The mean in tokens; `None` while too few answers are known.
    pub(crate) fn mean(&self) -> Option<u64> {
        let (count, mean) = Self::parts(self.0.load(Ordering::Relaxed));
        (count >= Self::ENOUGH).then_some(mean >> Self::FRACTION)
    }

    const fn parts(word: u64) -> (u64, u64) {
        (word >> Self::MEAN, word & ((1 << Self::MEAN) - 1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(answers: impl IntoIterator<Item = u64>) -> Option<u64> {
        let length = Length::default();
        answers.into_iter().for_each(|tokens| length.record(tokens));
        length.mean()
    }

    #[test]
    fn a_few_answers_say_nothing() {
        assert_eq!(after([]), None);
        assert_eq!(after([500; 19]), None);
        assert_eq!(after([500; 20]), Some(500));
        assert_eq!(after([0; 20]), Some(0));
    }

    #[test]
    fn all_of_them_count_alike_at_first() {
        let mean = after((1..=100).map(|number| number * 10)).unwrap();
        assert!((504..=505).contains(&mean), "{mean}");
    }

    #[test]
    fn what_changes_is_followed() {
        let changed = |later: usize| {
            after(
                [100; 1_000]
                    .into_iter()
                    .chain(std::iter::repeat_n(900, later)),
            )
            .unwrap()
        };
        assert!(changed(26) < 200, "{}", changed(26));
        assert!(changed(2_000) > 890, "{}", changed(2_000));
    }

    #[test]
    fn nothing_overflows() {
        let mean = after([u64::MAX; 10_000]);
        assert_eq!(mean, Some(Length::LONGEST));
    }
}
