//! Names with an optional open end: `gpt-5`, `gpt-*`.

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

#[cfg(test)]
mod tests {
    use super::*;

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
