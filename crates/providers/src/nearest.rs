//! Names that somebody may have meant.

use strsim::normalized_damerau_levenshtein;

/// How alike two names must be, from 0 to 1. At 0.65 `cluade-opus` finds `claude-opus-5-5`, and
/// `llama` does not find `o3`.
const LIKENESS: f64 = 0.65;

/// More would be a list, not a hint.
const SUGGESTIONS: usize = 3;

/// The candidates most like `name`, best first; none if none is close.
///
/// The cost grows with the length of `name`, which the caller bounds.
#[must_use]
pub fn nearest(name: &str, candidates: impl Iterator<Item = String>) -> Vec<String> {
    let wanted = name.to_lowercase();
    let mut close: Vec<(f64, String)> = candidates
        .map(|text| {
            (
                normalized_damerau_levenshtein(&wanted, &text.to_lowercase()),
                text,
            )
        })
        .filter(|(likeness, _)| *likeness >= LIKENESS)
        .collect();
    close.sort_by(|a, b| b.0.total_cmp(&a.0).then_with(|| a.1.cmp(&b.1)));
    let mut names: Vec<String> = close.into_iter().map(|(_, text)| text).collect();
    names.dedup();
    names.truncate(SUGGESTIONS);
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_close_names_are_suggested_best_first() {
        let known = [
            "gpt-5",
            "gpt-5-mini",
            "gpt-5-nano",
            "gpt-5-pro",
            "claude-opus-5-5",
            "o3",
        ];
        for (name, expected) in [
            ("gpt5-mini", &["gpt-5-mini"][..]),
            ("GPT-5-MINI", &["gpt-5-mini", "gpt-5-nano"]),
            ("cluade-opus", &["claude-opus-5-5"]),
            ("llama", &[]),
            ("", &[]),
        ] {
            let found = nearest(name, known.iter().map(|&text| text.to_owned()));
            assert_eq!(found, expected, "{name}");
        }
    }

    #[test]
    fn a_name_that_two_providers_serve_is_suggested_once() {
        let twice = ["gpt-5", "gpt-5"].iter().map(|&text| text.to_owned());
        assert_eq!(nearest("gpt5", twice), ["gpt-5"]);
    }
}
