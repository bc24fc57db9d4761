//! Token counts, normalised.

use std::ops::AddAssign;

/// Tokens of one call in disjoint counters: no token is counted twice.
///
/// Vendors disagree on what their totals include. OpenAI's `prompt_tokens` contains
/// the cached ones and `completion_tokens` the reasoning ones; Anthropic's
/// `input_tokens` excludes cache reads and writes. The codec of each dialect
/// subtracts once, so that every later sum is a plain sum.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Usage {
    /// Input tokens that came from no cache, text and images.
    pub input: u64,
    /// Input tokens read from the provider's prompt cache.
    pub cache_read: u64,
    /// Input tokens written to a cache that lives five minutes, or for as long as the
    /// provider decides when it names no time.
    pub cache_write_5m: u64,
    /// Input tokens written to a cache that lives one hour.
    pub cache_write_1h: u64,
    /// Audio input tokens.
    pub audio_input: u64,
    /// Output tokens that the client sees as text or tool calls.
    pub output: u64,
    /// Output tokens spent on reasoning.
    pub reasoning: u64,
    /// Audio output tokens.
    pub audio_output: u64,
}

impl Usage {
    /// All tokens that went in, cached or not.
    #[must_use]
    pub const fn total_input(&self) -> u64 {
        self.input
            .saturating_add(self.cache_read)
            .saturating_add(self.cache_write_5m)
            .saturating_add(self.cache_write_1h)
            .saturating_add(self.audio_input)
    }

    /// What came to `earlier`, counter by counter.
    #[must_use]
    pub const fn since(&self, earlier: &Self) -> Self {
        Self {
            input: self.input.saturating_sub(earlier.input),
            cache_read: self.cache_read.saturating_sub(earlier.cache_read),
            cache_write_5m: self.cache_write_5m.saturating_sub(earlier.cache_write_5m),
            cache_write_1h: self.cache_write_1h.saturating_sub(earlier.cache_write_1h),
            audio_input: self.audio_input.saturating_sub(earlier.audio_input),
            output: self.output.saturating_sub(earlier.output),
            reasoning: self.reasoning.saturating_sub(earlier.reasoning),
            audio_output: self.audio_output.saturating_sub(earlier.audio_output),
        }
    }

    /// All tokens that came out, seen or not.
    #[must_use]
    pub const fn total_output(&self) -> u64 {
        self.output
            .saturating_add(self.reasoning)
            .saturating_add(self.audio_output)
    }
}

impl AddAssign for Usage {
    /// Adds counter by counter and stays at [`u64::MAX`] instead of wrapping:
    /// the numbers come from outside.
    fn add_assign(&mut self, other: Self) {
        for (mine, theirs) in [
            (&mut self.input, other.input),
            (&mut self.cache_read, other.cache_read),
            (&mut self.cache_write_5m, other.cache_write_5m),
            (&mut self.cache_write_1h, other.cache_write_1h),
            (&mut self.audio_input, other.audio_input),
            (&mut self.output, other.output),
            (&mut self.reasoning, other.reasoning),
            (&mut self.audio_output, other.audio_output),
        ] {
            *mine = mine.saturating_add(theirs);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_stay_at_the_top_instead_of_wrapping() {
        let mut usage = Usage {
            input: u64::MAX,
            output: 1,
            ..Usage::default()
        };
        usage += Usage {
            input: 5,
            output: 2,
            reasoning: 4,
            ..Usage::default()
        };
        assert_eq!(usage.input, u64::MAX);
        assert_eq!(usage.total_input(), u64::MAX);
        assert_eq!(usage.total_output(), 7);
    }
}
