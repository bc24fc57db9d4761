//! Asking a second target while the first one is slow.

use std::fmt;
use std::time::Duration;

/// When a second target is asked, and for how many calls at most. `None` is whatever holds otherwise.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Hedge {
    /// When.
    pub after: Option<HedgeAfter>,
    /// How many calls more than there are.
    pub most_extra: Option<Share>,
    /// Who says so.
    pub author: Author,
}

/// Who wrote something.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Author {
    /// Whoever runs the gateway, and pays.
    #[default]
    Operator,
    /// Whoever makes the call.
    Caller,
}

/// When a second target is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HedgeAfter {
    /// Not at all.
    Never,
    /// When the first one takes longer than so many of a hundred of its answers took of late.
    Percentile(u8),
    /// After this time.
    Time(Duration),
}

impl HedgeAfter {
    /// Less would be no exception, more would need more answers than are remembered.
    const PERCENTILES: std::ops::RangeInclusive<u8> = 50..=99;

    /// Reads `p50` to `p99`, or `never`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        if text == "never" {
            return Some(Self::Never);
        }
        let number = text.strip_prefix('p')?.parse().ok()?;
        let canonical = text.len() == 3 && Self::PERCENTILES.contains(&number);
        canonical.then_some(Self::Percentile(number))
    }
}

impl fmt::Display for HedgeAfter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Never => f.write_str("never"),
            Self::Percentile(percent) => write!(f, "p{percent}"),
            Self::Time(time) => write!(f, "{} ms", time.as_millis()),
        }
    }
}

/// A part of a whole, in millionths: shares are added up, and the sum must be exact. Above zero, up to the whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Share(u32);

impl Share {
    /// The whole, in millionths.
    pub const WHOLE: u32 = 1_000_000;

    /// A fiftieth.
    pub const TWO_PERCENT: Self = Self(20_000);

    /// So many millionths.
    #[must_use]
    pub fn millionths(number: u32) -> Option<Self> {
        (1..=Self::WHOLE).contains(&number).then_some(Self(number))
    }

    /// The nearest to this part of 1; `None` if that is nothing, or more than the whole.
    #[must_use]
    pub fn of(part: f64) -> Option<Self> {
        let whole = f64::from(Self::WHOLE);
        let millionths = (part * whole).round();
        if !(1.0..=whole).contains(&millionths) {
            return None;
        }
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "it is whole, and within bounds"
        )]
        let number = millionths as u32;
        Self::millionths(number)
    }

    /// In millionths.
    #[must_use]
    pub const fn as_millionths(self) -> u32 {
        self.0
    }

    /// As a part of 1.
    #[must_use]
    pub fn part(self) -> f64 {
        f64::from(self.0) / f64::from(Self::WHOLE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_for_times() {
        for (text, after) in [
            ("p50", Some(HedgeAfter::Percentile(50))),
            ("p99", Some(HedgeAfter::Percentile(99))),
            ("never", Some(HedgeAfter::Never)),
            ("p49", None),
            ("p100", None),
            ("p+9", None),
            ("p095", None),
            ("95", None),
            ("", None),
            ("p\u{e9}", None),
        ] {
            assert_eq!(HedgeAfter::parse(text), after, "{text}");
        }
    }

    #[test]
    fn a_share_is_more_than_nothing_and_at_most_the_whole() {
        assert_eq!(Share::of(0.02).unwrap().as_millionths(), 20_000);
        assert_eq!(Share::of(1.0).unwrap().part(), 1.0);
        for wrong in [0.0, -0.02, 1e-9, 1.000_001, f64::NAN, f64::INFINITY] {
            assert_eq!(Share::of(wrong), None, "{wrong}");
        }
    }
}
