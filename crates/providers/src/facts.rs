//! What is known of single models besides their names: how much they take in, and what they cost.

use std::fmt;

use orchestra_types::{Price, Rate, Rates};
use serde::Deserialize;
use serde::de::{self, Deserializer, Visitor};

use crate::RowError;
use crate::pattern::Glob;

/// More tokens than any model takes.
const LARGEST_CONTEXT: u64 = 100_000_000;

/// What is known of some of a provider's models. Of several entries that fit a model the later ones count, for each fact
/// by itself.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelFactsRow {
    /// Their names, as the provider knows them; `*` stands for any characters, anywhere.
    pub models: Vec<String>,
    /// The context window in tokens: what goes in and what comes out together.
    pub context: Option<u64>,
    /// What they cost.
    pub price: Option<PriceRow>,
}

/// Prices in US dollars for a million tokens: numbers, or the same as text. What is left out is not known.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PriceRow {
    /// Input that came from no cache.
    pub input: Option<Dollars>,
    /// Input that was read from the provider's cache.
    pub cache_read: Option<Dollars>,
    /// Input that was written to its cache, for five minutes or for as long as it usually keeps it.
    pub cache_write: Option<Dollars>,
    /// Input that was written to its cache for an hour.
    pub cache_write_1h: Option<Dollars>,
    /// Sound that goes in.
    pub audio_input: Option<Dollars>,
    /// Output, thoughts included.
    pub output: Option<Dollars>,
    /// Sound that comes out.
    pub audio_output: Option<Dollars>,
    /// What a call costs that is longer than usual.
    pub long: Option<LongPriceRow>,
}

/// Prices of whole calls with a long input. What is left out is not known for these.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LongPriceRow {
    /// An input of more tokens than this is long; cached ones count.
    pub above: u64,
    /// As in [`PriceRow::input`].
    pub input: Option<Dollars>,
    /// As in [`PriceRow::cache_read`].
    pub cache_read: Option<Dollars>,
    /// As in [`PriceRow::cache_write`].
    pub cache_write: Option<Dollars>,
    /// As in [`PriceRow::cache_write_1h`].
    pub cache_write_1h: Option<Dollars>,
    /// As in [`PriceRow::audio_input`].
    pub audio_input: Option<Dollars>,
    /// As in [`PriceRow::output`].
    pub output: Option<Dollars>,
    /// As in [`PriceRow::audio_output`].
    pub audio_output: Option<Dollars>,
}

/// One price as it is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Dollars(pub Rate);

impl<'de> Deserialize<'de> for Dollars {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Reader;
        impl Reader {
            fn read<E: de::Error>(text: &str) -> Result<Dollars, E> {
                let rate = text.parse();
                rate.map(Dollars)
                    .map_err(|problem| E::custom(format!("{text:?} is {problem}")))
            }
        }
        impl Visitor<'_> for Reader {
            type Value = Dollars;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("dollars for a million tokens, such as 0.25")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Dollars, E> {
                Self::read(text)
            }

            fn visit_i64<E: de::Error>(self, number: i64) -> Result<Dollars, E> {
                Self::read(&number.to_string())
            }

            fn visit_u64<E: de::Error>(self, number: u64) -> Result<Dollars, E> {
                Self::read(&number.to_string())
            }

            /// The shortest decimal number that means the same float, which is the one that was written.
            fn visit_f64<E: de::Error>(self, number: f64) -> Result<Dollars, E> {
                Self::read(&number.to_string())
            }
        }
        from.deserialize_any(Reader)
    }
}

/// The members that usual and long prices share.
macro_rules! rates {
    ($row:expr) => {
        Rates {
            input: $row.input.map(|dollars| dollars.0),
            cache_read: $row.cache_read.map(|dollars| dollars.0),
            cache_write_5m: $row.cache_write.map(|dollars| dollars.0),
            cache_write_1h: $row.cache_write_1h.map(|dollars| dollars.0),
            audio_input: $row.audio_input.map(|dollars| dollars.0),
            output: $row.output.map(|dollars| dollars.0),
            audio_output: $row.audio_output.map(|dollars| dollars.0),
        }
    };
}

impl PriceRow {
    /// What it means.
    #[must_use]
    pub fn price(&self) -> Price {
        let long = self.long.as_ref();
        Price {
            usual: rates!(self),
            long: long.map(|long| (long.above, rates!(long))),
        }
    }
}

/// What is known of a provider's models, ready to be asked for one's.
#[derive(Clone, Debug, Default)]
pub(crate) struct Facts(Vec<Entry>);

#[derive(Clone, Debug)]
struct Entry {
    globs: Vec<Glob>,
    context: Option<u64>,
    price: Option<Price>,
}

impl Facts {
    pub(crate) fn parse(rows: &[ModelFactsRow]) -> Result<Self, RowError> {
        rows.iter().map(entry).collect::<Result<_, _>>().map(Self)
    }

    /// With more that is known, which counts before what is known already.
    pub(crate) fn and(&mut self, more: Self) {
        self.0.extend(more.0);
    }

    pub(crate) fn context(&self, model: &str) -> Option<u64> {
        self.of(model).find_map(|entry| entry.context)
    }

    pub(crate) fn price(&self, model: &str) -> Option<&Price> {
        self.of(model).find_map(|entry| entry.price.as_ref())
    }

    /// The entries about a model, the one that counts first.
    fn of(&self, model: &str) -> impl Iterator<Item = &Entry> {
        let meant = move |entry: &&Entry| entry.globs.iter().any(|glob| glob.matches(model));
        self.0.iter().rev().filter(meant)
    }
}

fn entry(row: &ModelFactsRow) -> Result<Entry, RowError> {
    let glob = |text: &String| {
        Glob::parse(text).ok_or_else(|| RowError::FactsPattern { text: text.clone() })
    };
    if let Some(tokens) = row.context
        && !(1..=LARGEST_CONTEXT).contains(&tokens)
    {
        let models = row.models.join(", ");
        return Err(RowError::Context { models, tokens });
    }
    Ok(Entry {
        globs: row.models.iter().map(glob).collect::<Result<_, _>>()?,
        context: row.context,
        price: row.price.as_ref().map(PriceRow::price),
    })
}

#[cfg(test)]
mod tests {
    use orchestra_types::Usage;

    use super::*;

    #[derive(Deserialize)]
    struct File {
        facts: Vec<ModelFactsRow>,
    }

    fn facts(text: &str) -> Result<Facts, String> {
        let file: File = toml::from_str(text).map_err(|error| error.to_string())?;
        Facts::parse(&file.facts).map_err(|error| error.to_string())
    }

    #[test]
    fn later_entries_count_for_each_fact_by_itself() {
        let facts = facts(
            "facts = [{ models = ['m-*'], context = 8, price = { input = 2, output = '0.30' } }, \
             { models = ['m-large', 'n'], context = 32 }]",
        )
        .unwrap();
        assert_eq!(
            (facts.context("m-large"), facts.context("m-small")),
            (Some(32), Some(8))
        );
        assert_eq!((facts.context("n"), facts.context("o")), (Some(32), None));
        assert_eq!(facts.price("n"), None);
        let usage = Usage {
            input: 10,
            output: 10,
            ..Usage::default()
        };
        let cost = facts.price("m-large").unwrap().cost(&usage).unwrap();
        assert_eq!(cost.to_string(), "0.000023");
    }

    #[test]
    fn prices_are_read_as_they_are_written() {
        for (written, shown) in [
            ("0.1", "0.1"),
            ("'0.1'", "0.1"),
            ("3", "3"),
            ("0.000001", "0.000001"),
            ("0", "0"),
            ("1e-2", "0.01"),
        ] {
            let row: PriceRow = toml::from_str(&format!("input = {written}")).unwrap();
            assert_eq!(row.input.unwrap().0.to_string(), shown, "{written}");
        }
    }

    #[test]
    fn what_is_no_price_is_refused_with_the_reason() {
        for (price, words) in [
            ("input = -1", "below zero"),
            ("input = -0.5", "below zero"),
            ("input = nan", "no decimal number"),
            ("input = inf", "no decimal number"),
            ("input = 1e300", "too large"),
            ("input = 250000", "a million tokens"),
            ("input = '0.0000001'", "6 decimal places"),
            ("input = '$1'", "no decimal number"),
            ("input = true", "dollars for a million tokens"),
            ("inputs = 1", "unknown field `inputs`"),
            ("long = { input = 1 }", "missing field `above`"),
        ] {
            let error = facts(&format!(
                "facts = [{{ models = ['m'], price = {{ {price} }} }}]"
            ));
            let error = error.unwrap_err();
            assert!(error.contains(words), "{price}: {error}");
        }
        for (text, words) in [
            ("models = ['']", "models' names"),
            ("models = ['m'], context = 0", "context of m"),
            ("models = ['m'], context = 100000001", "context of m"),
        ] {
            let error = facts(&format!("facts = [{{ {text} }}]")).unwrap_err();
            assert!(error.contains(words), "{text}: {error}");
        }
    }
}
