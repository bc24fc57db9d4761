//! A time in a configuration file.

use std::time::Duration;

use serde::de::{Deserialize, Deserializer, Error, Visitor};

/// A number of seconds, whole or not: greater than zero, at most a day.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Seconds(Duration);

impl Seconds {
    const MAX: f64 = 86_400.0;

    pub(super) const fn of(seconds: u64) -> Self {
        Self(Duration::from_secs(seconds))
    }

    /// The time itself.
    #[must_use]
    pub const fn duration(self) -> Duration {
        self.0
    }
}

impl<'de> Deserialize<'de> for Seconds {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Number;
        impl Visitor<'_> for Number {
            type Value = Seconds;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a number of seconds")
            }

            fn visit_i64<E: Error>(self, seconds: i64) -> Result<Seconds, E> {
                #[expect(
                    clippy::cast_precision_loss,
                    reason = "far beyond the range that is allowed"
                )]
                self.visit_f64(seconds as f64)
            }

            fn visit_f64<E: Error>(self, seconds: f64) -> Result<Seconds, E> {
                if seconds > 0.0 && seconds <= Seconds::MAX {
                    Ok(Seconds(Duration::from_secs_f64(seconds)))
                } else {
                    Err(E::custom(format!(
                        "seconds must be greater than zero and at most {}",
                        Seconds::MAX
                    )))
                }
            }
        }
        from.deserialize_any(Number)
    }
}
