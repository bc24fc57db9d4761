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
    /// Which of the provider's models it is; `None` for all that are no upstream of their own.
    pub model: Option<String>,
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
    /// Whether it repeats the beginning of an answer from which it is to go on, as some do.
    pub repeats: bool,
}

impl Upstream {
    /// Half a second to the first token, three to eight tokens, plenty of room.
    #[must_use]
    pub fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            model: None,
            first_token: Duration::from_millis(500),
            spread: 0.5,
            token_gap: Duration::from_millis(50),
            tokens: (3, 8),
            capacity: 1_000,
            overload: Overload::Unavailable,
            stumbles: 0.0,
            repeats: false,
        }
    }

    /// What people call it.
    #[must_use]
    pub fn label(&self) -> String {
        match &self.model {
            Some(model) => format!("{}/{model}", self.name),
            None => self.name.clone(),
        }
    }

    /// How long an answer takes, as a rule.
    #[must_use]
    pub fn usual_time(&self) -> Duration {
        let tokens = f64::from(self.tokens.0 + self.tokens.1) / 2.0;
        // The mean of a log-normal time.
        let first = self.first_token.mul_f64((self.spread.powi(2) / 2.0).exp());
        first + self.token_gap.mul_f64(tokens)
    }

    /// How many answers it works on at its busiest, by chance alone, if so many calls come a second: five standard deviations
    /// above the mean of a Poisson process, and then nearly a third more.
    #[must_use]
    pub fn room_for(&self, rate: f64) -> u32 {
        let mean = self.usual_time().as_secs_f64() * rate;
        let busiest = 5.0_f64.mul_add(mean.sqrt(), mean + 4.0) * 1.3;
        let mut room = 1;
        while f64::from(room) < busiest && room < 1_000_000 {
            room += 1;
        }
        room
    }

    pub(crate) fn draw_wait(&self, dice: &Dice) -> Duration {
        dice.latency(self.first_token, self.spread)
    }

    pub(crate) fn draw_tokens(&self, dice: &Dice) -> u32 {
        dice.between(self.tokens.0.max(1), self.tokens.1)
    }
}
