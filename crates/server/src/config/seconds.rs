//! A time in a configuration file.

use std::time::Duration;

use serde::de::{Deserialize, Deserializer, Error, Visitor};

/// A number of seconds, whole or not: greater than zero, at most so many; a day unless said otherwise.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Seconds<const MAX: u64 = 86_400>(Duration);

impl<const MAX: u64> Seconds<MAX> {
    pub(super) const fn of(seconds: u64) -> Self {
        Self(Duration::from_secs(seconds))
    }

    /// The time itself.
    #[must_use]
    pub const fn duration(self) -> Duration {
        self.0
    }
}

impl<'de, const MAX: u64> Deserialize<'de> for Seconds<MAX> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Number<const MAX: u64>;
        impl<const MAX: u64> Visitor<'_> for Number<MAX> {
            type Value = Seconds<MAX>;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a number of seconds")
            }

            fn visit_i64<E: Error>(self, seconds: i64) -> Result<Self::Value, E> {
                #[expect(
                    clippy::cast_precision_loss,
                    reason = "far beyond the range that is allowed"
                )]
                self.visit_f64(seconds as f64)
            }

            fn visit_f64<E: Error>(self, seconds: f64) -> Result<Self::Value, E> {
                let time = Duration::try_from_secs_f64(seconds).unwrap_or_default();
                if time > Duration::ZERO && time <= Duration::from_secs(MAX) {
                    Ok(Seconds(time))
                } else {
                    Err(E::custom(format!(
                        "seconds must be greater than zero and at most {MAX}"
                    )))
                }
            }
        }
        from.deserialize_any(Number::<MAX>)
    }
}
