//! Amounts of money, exactly.

use std::fmt;
use std::str::FromStr;

/// Pico-dollars in a dollar.
const PICO: u128 = 1_000_000_000_000;
/// Decimal places of an amount.
const PLACES: usize = 12;

/// An amount in US dollars, counted in whole pico-dollars (10⁻¹² $), so that sums are exact whatever their order.
///
/// A token of the cheapest models costs some thousand of these. Calculations that could leave the range are checked;
/// nothing wraps and nothing becomes a float.
///
/// ```
/// use orchestra_types::Money;
///
/// let price: Money = "0.000025".parse().expect("a decimal number");
/// assert_eq!(price.pico(), 25_000_000);
/// assert_eq!(price.checked_add(price).expect("it fits").to_string(), "0.00005");
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Money(i128);

/// A text that is no amount of money.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum InvalidMoney {
    /// It is no decimal number, such as `0.25`.
    NotANumber,
    /// It has more than twelve decimal places.
    TooFine,
    /// Nobody has so much.
    TooLarge,
}

impl fmt::Display for InvalidMoney {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotANumber => "no decimal number: write one such as 0.25",
            Self::TooFine => "finer than 12 decimal places",
            Self::TooLarge => "too large an amount",
        })
    }
}

impl std::error::Error for InvalidMoney {}

impl Money {
    /// Nothing.
    pub const ZERO: Self = Self(0);

    /// So many pico-dollars.
    #[must_use]
    pub const fn from_pico(pico: i128) -> Self {
        Self(pico)
    }

    /// The amount in pico-dollars.
    #[must_use]
    pub const fn pico(self) -> i128 {
        self.0
    }

    /// The sum; `None` if it is out of range.
    #[must_use]
    pub const fn checked_add(self, other: Self) -> Option<Self> {
        match self.0.checked_add(other.0) {
            Some(sum) => Some(Self(sum)),
            None => None,
        }
    }

    /// The difference; `None` if it is out of range.
    #[must_use]
    pub const fn checked_sub(self, other: Self) -> Option<Self> {
        match self.0.checked_sub(other.0) {
            Some(difference) => Some(Self(difference)),
            None => None,
        }
    }

    /// So many times the amount; `None` if that is out of range.
    #[must_use]
    pub fn checked_mul(self, times: u64) -> Option<Self> {
        self.0.checked_mul(i128::from(times)).map(Self)
    }
}

impl FromStr for Money {
    type Err = InvalidMoney;

    /// Reads `12`, `0.25` or `-0.000001`, exactly. No exponents, no signs but `-`, nothing around the number.
    fn from_str(text: &str) -> Result<Self, InvalidMoney> {
        let (negative, number) = match text.strip_prefix('-') {
            Some(number) => (true, number),
            None => (false, text),
        };
        let (whole, places) = number.split_once('.').unwrap_or((number, "0"));
        let whole = digits(whole)?;
        if places.len() > PLACES {
            digits(&places[..places.floor_char_boundary(PLACES)])?;
            return Err(InvalidMoney::TooFine);
        }
        let missing = u32::try_from(PLACES - places.len()).unwrap_or_default();
        let places = digits(places)? * 10_u128.pow(missing);
        let pico = whole
            .checked_mul(PICO)
            .and_then(|pico| pico.checked_add(places));
        signed(pico.ok_or(InvalidMoney::TooLarge)?, negative)
            .map(Self)
            .ok_or(InvalidMoney::TooLarge)
    }
}

/// A number of digits and nothing else.
fn digits(text: &str) -> Result<u128, InvalidMoney> {
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(InvalidMoney::NotANumber);
    }
    text.parse().map_err(|_| InvalidMoney::TooLarge)
}

fn signed(pico: u128, negative: bool) -> Option<i128> {
    if negative {
        0_i128.checked_sub_unsigned(pico)
    } else {
        i128::try_from(pico).ok()
    }
}

impl fmt::Display for Money {
    /// As a decimal number of dollars without needless zeros; [`FromStr`] reads the same amount from it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (amount, sign) = (self.0.unsigned_abs(), if self.0 < 0 { "-" } else { "" });
        let (whole, places) = (amount / PICO, amount % PICO);
        if places == 0 {
            return write!(f, "{sign}{whole}");
        }
        let places = format!("{places:012}");
        write!(f, "{sign}{whole}.{}", places.trim_end_matches('0'))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(text: &str) -> Result<i128, InvalidMoney> {
        text.parse().map(Money::pico)
    }

    #[test]
    fn decimal_numbers_are_read_exactly() {
        for (text, pico) in [
            ("0", 0),
            ("-0", 0),
            ("1", 1_000_000_000_000),
            ("0.1", 100_000_000_000),
            ("0.000000000001", 1),
            ("-0.000000000001", -1),
            ("007.50", 7_500_000_000_000),
        ] {
            assert_eq!(read(text), Ok(pico), "{text}");
        }
    }

    #[test]
    fn what_is_no_number_is_refused() {
        for text in [
            "",
            "-",
            ".",
            ".5",
            "1.",
            "+1",
            "--1",
            "1e3",
            "1,5",
            " 1",
            "1 ",
            "1_000",
            "NaN",
            "inf",
            "$1",
            "0x1",
            "1.2.3",
            "1.-2",
            "\u{0661}",
            "0.1234567890123x\u{e9}",
        ] {
            assert!(read(text).is_err(), "{text} was read");
        }
        assert_eq!(read("0.0000000000001"), Err(InvalidMoney::TooFine));
        for text in [
            "1".repeat(39),
            "9".repeat(28),
            format!("-{}", "9".repeat(40)),
        ] {
            assert_eq!(read(&text), Err(InvalidMoney::TooLarge), "{text}");
        }
    }

    #[test]
    fn the_bounds_are_kept() {
        let most = Money::from_pico(i128::MAX);
        assert_eq!(most.checked_add(Money::from_pico(1)), None);
        assert_eq!(
            Money::from_pico(i128::MIN).checked_sub(Money::from_pico(1)),
            None
        );
        assert_eq!(most.checked_mul(2), None);
        assert_eq!(
            Money::from_pico(-3).checked_mul(2),
            Some(Money::from_pico(-6))
        );
        assert!(Money::from_pico(-1) < Money::ZERO && Money::ZERO < Money::from_pico(1));
    }

    proptest! {
        #[test]
        fn what_is_shown_is_what_is_read(pico in any::<i128>()) {
            let shown = Money::from_pico(pico).to_string();
            prop_assert_eq!(read(&shown), Ok(pico));
            prop_assert!(!shown.contains('.') || !shown.ends_with('0'));
        }

        #[test]
        fn sums_are_those_of_the_numbers(a in any::<i64>(), b in any::<i64>(), times in any::<u64>()) {
            let (one, other) = (Money::from_pico(a.into()), Money::from_pico(b.into()));
            let (a, b) = (i128::from(a), i128::from(b));
            prop_assert_eq!(one.checked_add(other).map(Money::pico), Some(a + b));
            prop_assert_eq!(one.checked_sub(other).map(Money::pico), Some(a - b));
            prop_assert_eq!(one.checked_mul(times).map(Money::pico), a.checked_mul(times.into()));
        }

        #[test]
        fn no_text_makes_it_panic(text in ".{0,50}") {
            let _ = read(&text);
        }

        #[test]
        fn places_beyond_what_counts_are_never_dropped(whole in 0u64.., places in "[0-9]{13,20}") {
            let text = format!("{whole}.{places}");
            prop_assert_eq!(read(&text), Err(InvalidMoney::TooFine));
        }
    }
}
