//! Which requests a rule is for.

use serde::Deserialize;

use crate::request::Request;

/// Which requests a rule is for: those that meet all of its conditions.
///
/// Start from one condition and join others with [`and`](Self::and); then, if only some of the
/// matching requests are meant, say which: [`nth`](Self::nth), [`first`](Self::first),
/// [`every`](Self::every) or [`fraction`](Self::fraction).
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct When {
    path: Option<String>,
    model: Option<String>,
    header: Option<(String, String)>,
    body: Option<String>,
    only: Only,
}

/// Which of the requests that meet the conditions.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Only {
    #[default]
    All,
    Nth(u64),
    First(u64),
    Every(u64),
    Fraction(f64),
}

impl When {
    /// Every request.
    #[must_use]
    pub fn any() -> Self {
        Self::default()
    }

    /// Requests whose path ends so, such as `/messages`.
    #[must_use]
    pub fn path(suffix: impl Into<String>) -> Self {
        Self {
            path: Some(suffix.into()),
            ..Self::default()
        }
    }

    /// Requests for a model whose name fits; `*` stands for any characters.
    #[must_use]
    pub fn model(glob: impl Into<String>) -> Self {
        Self {
            model: Some(glob.into()),
            ..Self::default()
        }
    }

    /// Requests with this header; the value may contain `*` for any characters.
    #[must_use]
    pub fn header(name: impl Into<String>, value: impl Into<String>) -> Self {
        Self {
            header: Some((name.into(), value.into())),
            ..Self::default()
        }
    }

    /// Requests whose body contains these bytes.
    #[must_use]
    pub fn body(contains: impl Into<String>) -> Self {
        Self {
            body: Some(contains.into()),
            ..Self::default()
        }
    }

    /// Adds the conditions of another. Where both have the same kind of condition, the other's
    /// takes its place; which of the matching requests are meant stays as it is.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self {
            path: other.path.or(self.path),
            model: other.model.or(self.model),
            header: other.header.or(self.header),
            body: other.body.or(self.body),
            only: self.only,
        }
    }

    /// Only the `n`th matching request, counted from 1.
    #[must_use]
    pub fn nth(self, n: u64) -> Self {
        self.only(Only::Nth(n))
    }

    /// Only the first `n` matching requests.
    #[must_use]
    pub fn first(self, n: u64) -> Self {
        self.only(Only::First(n))
    }

    /// Only every `k`th matching request: the `k`th, the 2`k`th, and so on.
    #[must_use]
    pub fn every(self, k: u64) -> Self {
        self.only(Only::Every(k))
    }

    /// Only this share of the matching requests (0.0 to 1.0), drawn with the script's seed.
    #[must_use]
    pub fn fraction(self, share: f64) -> Self {
        self.only(Only::Fraction(share))
    }

    fn only(mut self, only: Only) -> Self {
        self.only = only;
        self
    }

    /// Whether a request meets the conditions, its place among others aside.
    pub(crate) fn describes(&self, request: &Request) -> bool {
        self.path
            .as_deref()
            .is_none_or(|suffix| request.head.path.ends_with(suffix))
            && self.model.as_deref().is_none_or(|glob| {
                request
                    .model()
                    .is_some_and(|model| glob_matches(glob.as_bytes(), model.as_bytes()))
            })
            && self.header.as_ref().is_none_or(|(name, glob)| {
                request
                    .head
                    .header(name)
                    .is_some_and(|value| glob_matches(glob.as_bytes(), value))
            })
            && self
                .body
                .as_deref()
                .is_none_or(|part| memchr::memmem::find(&request.body, part.as_bytes()).is_some())
    }

    /// Whether the `count`th request (from 1) that meets the conditions is one of those meant.
    pub(crate) fn covers(&self, count: u64, seed: u64) -> bool {
        match self.only {
            Only::All => true,
            Only::Nth(n) => count == n,
            Only::First(n) => count <= n,
            Only::Every(k) => every(k, count),
            Only::Fraction(share) => draw(seed, count) < share,
        }
    }
}

/// Whether `count`, from 1, is a multiple of `k`; every number is one of 0.
pub(crate) fn every(k: u64, count: u64) -> bool {
    count.is_multiple_of(k.max(1))
}

/// A number in [0, 1) that depends on seed and count only: one step of `SplitMix64`
/// (Steele, Lea and Flood, 2014).
fn draw(seed: u64, count: u64) -> f64 {
    let mut z = seed.wrapping_add(count.wrapping_mul(0x9e37_79b9_7f4a_7c15));
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^= z >> 31;
    // 53 bits are what a double holds exactly.
    (z >> 11) as f64 / (1_u64 << 53) as f64
}

/// Whether a text fits a pattern in which `*` stands for any characters.
///
/// Goes back to the latest star only, so the time is bounded by the product of the lengths.
fn glob_matches(pattern: &[u8], text: &[u8]) -> bool {
    let (mut p, mut t) = (0, 0);
    let mut star = None;
    while t < text.len() {
        if pattern.get(p) == Some(&b'*') {
            star = Some((p, t));
            p += 1;
        } else if pattern.get(p) == Some(&text[t]) {
            p += 1;
            t += 1;
        } else if let Some((star_at, taken)) = star {
            star = Some((star_at, taken + 1));
            p = star_at + 1;
            t = taken + 1;
        } else {
            return false;
        }
    }
    pattern[p..].iter().all(|byte| *byte == b'*')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_any_characters() {
        let check = |pattern: &str, text: &str, expected| {
            let found = glob_matches(pattern.as_bytes(), text.as_bytes());
            assert_eq!(found, expected, "{pattern} against {text}");
        };
        check("slow*", "slow-1", true);
        check("slow*", "slow", true);
        check("slow*", "a-slow", false);
        check("*-mini", "gpt-5-mini", true);
        check("a*b*c", "a-b-b-c", true);
        check("a*b*c", "a-c-b", false);
        check("", "", true);
        check("", "x", false);
        check("*", "", true);
        check("gpt", "gpt-5", false);
    }

    #[test]
    fn a_share_is_drawn_alike_for_the_same_seed() {
        let drawn = |seed| {
            let when = When::any().fraction(0.25);
            (1..=4_000)
                .filter(|count| when.covers(*count, seed))
                .count()
        };
        assert_eq!(drawn(7), drawn(7));
        assert!((900..1_100).contains(&drawn(7)), "{} of 4000", drawn(7));
        assert_eq!(
            (1..=100)
                .filter(|n| When::any().fraction(0.0).covers(*n, 1))
                .count(),
            0
        );
        assert_eq!(
            (1..=100)
                .filter(|n| When::any().fraction(1.0).covers(*n, 1))
                .count(),
            100
        );
    }

    #[test]
    fn counting_starts_at_one() {
        let covered = |when: When| (1..=7).filter(|n| when.covers(*n, 0)).collect::<Vec<_>>();
        assert_eq!(covered(When::any().nth(2)), [2]);
        assert_eq!(covered(When::any().first(2)), [1, 2]);
        assert_eq!(covered(When::any().every(3)), [3, 6]);
        assert_eq!(covered(When::any().every(0)), [1, 2, 3, 4, 5, 6, 7]);
    }
}
