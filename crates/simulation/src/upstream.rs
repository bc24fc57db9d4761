//! An upstream as it is on a good day.

use std::time::Duration;

use crate::dice::Dice;

/// What an upstream does with a request for which it has no room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Overload {
    /// 429, to be asked again after this time.
    RateLimited(Duration),
    /// 503 without a word of when to come back.
    Unavailable,
}

/// An upstream on a good day.
#[derive(Clone, Debug, PartialEq)]
pub struct Upstream {
    /// Its name: what its provider is called.
    pub name: String,
    /// The median of the time until its answer begins. Log-normal, as measured times of model APIs are.
    pub first_token: Duration,
    /// The spread of that time: the standard deviation of its logarithm.
    pub spread: f64,
    /// From one token to the next.
    pub token_gap: Duration,
    /// The fewest and the most tokens of an answer.
    pub tokens: (u32, u32),
    /// Answers that it works on at one time.
    pub capacity: u32,
    /// What happens beyond that.
    pub overload: Overload,
    /// The share of requests that fail with status 500 on a good day, 0 to 1.
    pub stumbles: f64,
}

impl Upstream {
    /// Half a second to the first token, three to eight tokens, plenty of room.
    #[must_use]
    pub fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            first_token: Duration::from_millis(500),
            spread: 0.5,
            token_gap: Duration::from_millis(50),
            tokens: (3, 8),
            capacity: 1_000,
            overload: Overload::Unavailable,
            stumbles: 0.0,
        }
    }

    pub(crate) fn draw_wait(&self, dice: &Dice) -> Duration {
        dice.latency(self.first_token, self.spread)
    }

    pub(crate) fn draw_tokens(&self, dice: &Dice) -> u32 {
        dice.between(self.tokens.0.max(1), self.tokens.1)
    }
}
