//! Names with an optional open end, `gpt-5` and `gpt-*`, and names with any number of gaps.

/// A model name, or the beginning of many when it was written with a trailing `*`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Pattern {
    text: String,
    open: bool,
}

impl Pattern {
    /// Reads `gpt-5`, `gpt-*` or `*`. None if it is empty or has a `*` anywhere but at its end.
    pub(crate) fn parse(written: &str) -> Option<Self> {
        let (text, open) = match written.strip_suffix('*') {
            Some(beginning) => (beginning, true),
            None => (written, false),
        };
        let fits = !written.is_empty() && !text.contains(['*', ' ']);
        fits.then(|| Self {
            text: text.to_owned(),
            open,
        })
    }

    /// Whether `name` is one of those meant.
    pub(crate) fn matches(&self, name: &str) -> bool {
        if self.open {
            name.starts_with(&self.text)
        } else {
            name == self.text
        }
    }

    /// Orders patterns by how much they fix: the longest beginning, and a closed one over an open one.
    pub(crate) const fn precision(&self) -> (usize, bool) {
        (self.text.len(), !self.open)
    }
}

/// A name in which every `*` stands for any characters: `claude-*-4-5*`. Taken apart once, since every call asks for the
/// price of its model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Glob {
    /// What stands before the first star; the whole name if there is none.
    first: String,
    gaps: Option<Gaps>,
}

/// What stands behind the first star.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Gaps {
    middle: Vec<String>,
    last: String,
}

impl Glob {
    /// None if it is empty or holds a blank.
    pub(crate) fn parse(written: &str) -> Option<Self> {
        let fits = !written.is_empty() && !written.contains(' ');
        let (first, rest) = match written.split_once('*') {
            Some((first, rest)) => (first, Some(rest)),
            None => (written, None),
        };
        let gaps = |rest: &str| {
            let (middle, last) = rest.rsplit_once('*').unwrap_or(("", rest));
            let pieces = middle.split('*').filter(|piece| !piece.is_empty());
            Gaps {
                middle: pieces.map(str::to_owned).collect(),
                last: last.to_owned(),
            }
        };
        fits.then(|| Self {
            first: first.to_owned(),
            gaps: rest.map(gaps),
        })
    }

    /// Whether `name` is one of those meant.
    ///
    /// Each piece between two stars is taken where it comes first, which leaves the most for those behind it.
    pub(crate) fn matches(&self, name: &str) -> bool {
        let Some(gaps) = &self.gaps else {
            return self.first == name;
        };
        let within = name
            .strip_prefix(self.first.as_str())
            .and_then(|name| name.strip_suffix(gaps.last.as_str()));
        let mut pieces = gaps.middle.iter();
        within
            .and_then(|name| {
                pieces.try_fold(name, |name, piece| Some(name.split_once(piece.as_str())?.1))
            })
            .is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn globs_match_with_gaps_anywhere() {
        for (glob, name, expected) in [
            ("claude-*-4-5*", "claude-opus-4-5-20251101", true),
            ("claude-*-4-5*", "claude-sonnet-4-5", true),
            ("claude-*-4-5*", "claude-sonnet-4-6", false),
            ("claude-*-4-5*", "claude-3-5-sonnet", false),
            ("claude-3*", "claude-3-opus", true),
            ("*", "anything/at:all", true),
            ("**", "", true),
            ("*-mini", "gpt-5-mini", true),
            ("*-mini", "gpt-5-mini-2", false),
            ("a*b*c", "a-b-b-c", true),
            ("a*b*c", "a-c-b", false),
            ("a*a", "a", false),
            ("gpt-5", "gpt-5", true),
            ("gpt-5", "gpt-5-mini", false),
        ] {
            let read = Glob::parse(glob).unwrap();
            assert_eq!(read.matches(name), expected, "{glob} on {name}");
        }
        assert_eq!(Glob::parse(""), None);
        assert_eq!(Glob::parse("gpt 5"), None);
    }

    #[test]
    fn patterns_match_whole_names_or_beginnings() {
        for (pattern, name, expected) in [
            ("gpt-*", "gpt-5", true),
            ("gpt-*", "gpt-", true),
            ("gpt-*", "gpt", false),
            ("gpt-*", "GPT-5", false),
            ("gpt-5", "gpt-5", true),
            ("gpt-5", "gpt-5-mini", false),
            ("*", "anything/at:all", true),
        ] {
            let read = Pattern::parse(pattern).unwrap();
            assert_eq!(read.matches(name), expected, "{pattern} on {name}");
        }
    }

    #[test]
    fn only_one_open_end_is_allowed() {
        for bad in ["", "*-5", "gpt-*-mini", "**", "gpt 5"] {
            assert_eq!(Pattern::parse(bad), None, "{bad:?} was accepted");
        }
    }

    #[test]
    fn the_more_exact_pattern_has_the_higher_precision() {
        let precision = |text| Pattern::parse(text).unwrap().precision();
        assert!(precision("gpt-oss-*") > precision("gpt-*"));
        assert!(precision("gpt-5") > precision("gpt-5*"));
        assert!(precision("g*") > precision("*"));
    }
}
