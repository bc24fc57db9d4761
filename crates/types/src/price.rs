//! What a model's tokens cost.

use std::fmt;
use std::str::FromStr;

use crate::{InvalidMoney, Money, Usage};

/// Pico-dollars for a token in a dollar for a million tokens.
const PER_MILLION: i128 = 1_000_000;

/// The price of a million tokens of one kind. Never negative, at most [`Rate::MOST`] dollars, so that no count of tokens
/// makes a cost that is out of range.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Rate(u64);

/// A text that is no price.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum InvalidRate {
    /// It is no amount at all.
    Amount(InvalidMoney),
    /// Nobody pays for being served.
    Negative,
    /// Beyond six decimal places a token's price is no whole number of pico-dollars.
    TooFine,
    /// More than [`Rate::MOST`].
    Absurd,
}

impl fmt::Display for InvalidRate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Amount(problem) => problem.fmt(f),
            Self::Negative => f.write_str("a price below zero"),
            Self::TooFine => f.write_str("finer than 6 decimal places"),
            Self::Absurd => write!(
                f,
                "more than {} dollars: prices are those of a million tokens",
                Rate::MOST
            ),
        }
    }
}

impl std::error::Error for InvalidRate {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Amount(problem) => Some(problem),
            Self::Negative | Self::TooFine | Self::Absurd => None,
        }
    }
}

impl Rate {
    /// The highest price of a million tokens, in dollars. The dearest known is 600 (o1-pro's output).
    pub const MOST: u32 = 100_000;

    /// What so many tokens cost.
    #[must_use]
    pub fn of(self, tokens: u64) -> Money {
        // 10¹¹ · 2⁶⁴ is below 2¹⁰¹.
        Money::from_pico(i128::from(self.0) * i128::from(tokens))
    }
}

impl FromStr for Rate {
    type Err = InvalidRate;

    /// Reads dollars for a million tokens, such as `0.25`.
    fn from_str(text: &str) -> Result<Self, InvalidRate> {
        let pico = text.parse::<Money>().map_err(InvalidRate::Amount)?.pico();
        if pico < 0 {
            return Err(InvalidRate::Negative);
        }
        if pico % PER_MILLION != 0 {
            return Err(InvalidRate::TooFine);
        }
        let most = u64::from(Self::MOST) * 1_000_000;
        u64::try_from(pico / PER_MILLION)
            .ok()
            .filter(|each| *each <= most)
            .map(Self)
            .ok_or(InvalidRate::Absurd)
    }
}

impl fmt::Display for Rate {
    /// Dollars for a million tokens.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.of(1_000_000).fmt(f)
    }
}

/// Prices of each kind of tokens; `None` where a price is not known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rates {
    /// Input that came from no cache.
    pub input: Option<Rate>,
    /// Input that was read from the provider's cache.
    pub cache_read: Option<Rate>,
    /// Input that was written to a cache for five minutes, or for the provider's usual time.
    pub cache_write_5m: Option<Rate>,
    /// Input that was written to a cache for an hour.
    pub cache_write_1h: Option<Rate>,
    /// Sound that went in.
    pub audio_input: Option<Rate>,
    /// Output, thoughts included: every vendor known charges them alike.
    pub output: Option<Rate>,
    /// Sound that came out.
    pub audio_output: Option<Rate>,
}

impl Rates {
    fn cost(&self, usage: &Usage) -> Option<Money> {
        let parts = [
            (usage.input, self.input),
            (usage.cache_read, self.cache_read),
            (usage.cache_write_5m, self.cache_write_5m),
            (usage.cache_write_1h, self.cache_write_1h),
            (usage.audio_input, self.audio_input),
            (usage.output, self.output),
            (usage.reasoning, self.output),
            (usage.audio_output, self.audio_output),
        ];
        parts
            .into_iter()
            .filter(|(tokens, _)| *tokens > 0)
            .try_fold(Money::ZERO, |sum, (tokens, rate)| {
                sum.checked_add(rate?.of(tokens))
            })
    }
}

/// What a model's tokens cost.
///
/// ```
/// use orchestra_types::{Price, Rates, Usage};
///
/// let rates = Rates { input: "2".parse().ok(), output: "10".parse().ok(), ..Rates::default() };
/// let price = Price { usual: rates, long: None };
/// let usage = Usage { input: 1_000, output: 200, ..Usage::default() };
/// assert_eq!(price.cost(&usage).expect("both are known").to_string(), "0.004");
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Price {
    /// The usual prices.
    pub usual: Rates,
    /// The prices of a whole call whose input is longer than so many tokens, cached ones included.
    pub long: Option<(u64, Rates)>,
}

impl Price {
    /// What a call cost that used so many tokens. `None` if it used tokens of a kind whose price is not known: half a cost
    /// is worse than none.
    #[must_use]
    pub fn cost(&self, usage: &Usage) -> Option<Money> {
        let long = self
            .long
            .as_ref()
            .filter(|(above, _)| usage.total_input() > *above);
        long.map_or(&self.usual, |(_, rates)| rates).cost(usage)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn rate(text: &str) -> Option<Rate> {
        Some(text.parse().unwrap())
    }

    fn cost(price: &Price, usage: Usage) -> Option<String> {
        price.cost(&usage).map(|money| money.to_string())
    }

    #[test]
    fn only_prices_are_prices() {
        for (text, problem) in [
            ("-0.1", InvalidRate::Negative),
            ("0.0000001", InvalidRate::TooFine),
            ("100000.000001", InvalidRate::Absurd),
            ("99999999999999", InvalidRate::Absurd),
            ("NaN", InvalidRate::Amount(InvalidMoney::NotANumber)),
        ] {
            assert_eq!(text.parse::<Rate>(), Err(problem), "{text}");
        }
        assert_eq!("0".parse::<Rate>().unwrap().of(u64::MAX), Money::ZERO);
        assert_eq!("0.003625".parse::<Rate>().unwrap().to_string(), "0.003625");
    }

    /// The numbers of ccusage's test "should calculate cost with cache tokens for opus-4 model" (commit 7e17c87):
    /// 15 + 75 + 18.75 + 1.5.
    #[test]
    fn every_kind_of_tokens_has_its_own_price() {
        let price = Price {
            usual: Rates {
                input: rate("15"),
                cache_read: rate("1.50"),
                cache_write_5m: rate("18.75"),
                cache_write_1h: rate("30"),
                output: rate("75"),
                ..Rates::default()
            },
            long: None,
        };
        let usage = Usage {
            input: 1_000_000,
            cache_read: 1_000_000,
            cache_write_5m: 1_000_000,
            output: 600_000,
            reasoning: 400_000,
            ..Usage::default()
        };
        assert_eq!(cost(&price, usage).as_deref(), Some("110.25"));
        let hour = Usage {
            cache_write_1h: 10,
            ..Usage::default()
        };
        assert_eq!(cost(&price, hour).as_deref(), Some("0.0003"));
        let sound = Usage {
            audio_input: 1,
            ..usage
        };
        assert_eq!(cost(&price, sound), None);
    }

    /// The numbers of gemini-cost 0.1.0's tests: 100,000 in and 50,000 out are 0.625, 300,000 in are 0.75.
    #[test]
    fn a_long_call_is_charged_as_a_whole() {
        let price = Price {
            usual: Rates {
                input: rate("1.25"),
                output: rate("10"),
                ..Rates::default()
            },
            long: Some((
                200_000,
                Rates {
                    input: rate("2.50"),
                    cache_read: rate("0.25"),
                    ..Rates::default()
                },
            )),
        };
        let usage = |input, cache_read, output| Usage {
            input,
            cache_read,
            output,
            ..Usage::default()
        };
        assert_eq!(
            cost(&price, usage(100_000, 0, 50_000)).as_deref(),
            Some("0.625")
        );
        assert_eq!(cost(&price, usage(300_000, 0, 0)).as_deref(), Some("0.75"));
        assert_eq!(cost(&price, usage(200_000, 0, 0)).as_deref(), Some("0.25"));
        // What was cached counts for the length, and a price that is only known of shorter calls is not known.
        assert_eq!(
            cost(&price, usage(1, 200_000, 0)).as_deref(),
            Some("0.0500025")
        );
        assert_eq!(cost(&price, usage(300_000, 0, 1)), None);
    }

    proptest! {
        #[test]
        fn no_usage_makes_a_cost_that_is_negative_or_wraps(counts in any::<[u64; 8]>(), each in 0..=100_000_000_000_u64) {
            let rate = Some(Rate(each));
            let rates = Rates {
                input: rate, cache_read: rate, cache_write_5m: rate, cache_write_1h: rate,
                audio_input: rate, output: rate, audio_output: rate,
            };
            let [input, cache_read, cache_write_5m, cache_write_1h, audio_input, output, reasoning, audio_output] = counts;
            let usage = Usage {
                input, cache_read, cache_write_5m, cache_write_1h, audio_input, output, reasoning, audio_output,
            };
            let cost = Price { usual: rates, long: None }.cost(&usage).unwrap();
            let sum: i128 = counts.iter().map(|count| i128::from(*count) * i128::from(each)).sum();
            prop_assert_eq!(cost.pico(), sum);
        }

        #[test]
        fn rates_are_shown_as_they_are_written(millionths in 0..=100_000_000_000_u64) {
            let shown = Rate(millionths).to_string();
            prop_assert_eq!(shown.parse::<Rate>(), Ok(Rate(millionths)));
        }
    }
}
