//! Where the text of a second stream meets what the client has of the first.

/// Takes from the beginning of a continuation what the client has already.
///
/// A target is asked to go on from the text without the blanks at its end (Anthropic refuses any there), so the
/// continuation may begin with those blanks; and some targets repeat the text that they go on from. Whatever is taken away
/// is exactly what stands there already; everything else is passed on.
#[derive(Debug)]
pub(super) struct Seam {
    /// The text that the target may repeat; empty if it does not, or once that is settled.
    echo: String,
    /// How many bytes of it have come.
    echoed: usize,
    /// The blanks that the client has, as far as they have not come again.
    blanks: String,
}

impl Seam {
    /// The seam behind `text`, for a target that repeats what it is asked to go on from, or does not.
    pub(super) fn behind(text: &str, repeats: bool) -> Self {
        let asked = text.trim_end();
        Self {
            echo: if repeats {
                asked.to_owned()
            } else {
                String::new()
            },
            echoed: 0,
            blanks: text[asked.len()..].to_owned(),
        }
    }

    /// What of the next piece of the continuation the client does not have. Empty while that cannot be told.
    pub(super) fn pass(&mut self, piece: &str) -> String {
        let awaited = &self.echo[self.echoed..];
        let common = common_prefix(awaited, piece);
        if common < awaited.len() {
            if common == piece.len() {
                self.echoed += common;
                return String::new();
            }
            // It only looked like it: what was held back is part of the continuation.
            let held = self.release();
            return self.without_blanks(&(held + piece));
        }
        self.echo.clear();
        self.echoed = 0;
        self.without_blanks(&piece[common..])
    }

    /// What was held back, once no more text comes.
    pub(super) fn finish(&mut self) -> String {
        let held = self.release();
        self.without_blanks(&held)
    }

    fn release(&mut self) -> String {
        self.echo.truncate(self.echoed);
        self.echoed = 0;
        std::mem::take(&mut self.echo)
    }

    fn without_blanks(&mut self, piece: &str) -> String {
        let common = common_prefix(&self.blanks, piece);
        if common < piece.len() {
            self.blanks.clear();
        } else {
            self.blanks.drain(..common);
        }
        piece[common..].to_owned()
    }
}

/// How many bytes both begin with, in whole characters.
fn common_prefix(one: &str, other: &str) -> usize {
    let same = one.chars().zip(other.chars()).take_while(|(a, b)| a == b);
    same.map(|(character, _)| character.len_utf8()).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What passes, however the continuation is cut.
    fn passed(told: &str, repeats: bool, continuation: &str) -> String {
        let cuts = (0..=continuation.len()).filter(|at| continuation.is_char_boundary(*at));
        let mut all = cuts.map(|at| {
            let mut seam = Seam::behind(told, repeats);
            let pieces = [&continuation[..at], &continuation[at..]];
            let passed: String = pieces.map(|piece| seam.pass(piece)).concat();
            passed + &seam.finish()
        });
        let first = all.next().unwrap();
        assert!(all.all(|other| other == first), "{told:?} {continuation:?}");
        first
    }

    #[test]
    fn blanks_that_the_client_has_do_not_come_twice() {
        for (told, continuation, expected) in [
            ("one", " two", " two"),
            ("one ", " two", "two"),
            ("one ", "two", "two"),
            ("one\n\n", "\n\ntwo", "two"),
            ("one\n\n", "\n\n\ntwo", "\ntwo"),
            ("one\n\n", "\ntwo", "two"),
            ("one \u{3000}", " \u{3000}zwei", "zwei"),
            ("one\n", " two", " two"),
            ("one ", "", ""),
            ("one ", " ", ""),
            ("one  ", " ", ""),
            ("", " two", " two"),
            (" ", " two", "two"),
        ] {
            assert_eq!(
                passed(told, false, continuation),
                expected,
                "{told:?} {continuation:?}"
            );
        }
    }

    #[test]
    fn what_a_target_repeats_does_not_come_twice() {
        for (told, continuation, expected) in [
            ("one", "one two", " two"),
            ("one ", "one two", "two"),
            ("eins zw\u{f6}lf", "eins zw\u{f6}lf drei", " drei"),
            ("one", "", ""),
            // It does not repeat it after all.
            ("one", " two", " two"),
            ("one", "on", "on"),
            ("one", "on and on", "on and on"),
            ("one ", " two", "two"),
        ] {
            assert_eq!(
                passed(told, true, continuation),
                expected,
                "{told:?} {continuation:?}"
            );
        }
    }

    #[test]
    fn who_does_not_repeat_may_say_the_same_again() {
        assert_eq!(passed("ha", false, "ha"), "ha");
    }
}
