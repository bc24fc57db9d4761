//! The words after `cargo xtask`, taken one by one.

use std::collections::VecDeque;
use std::str::FromStr;

use anyhow::{Context, bail};

/// Words not yet understood. A task takes what it knows, then calls [`Arguments::finish`].
#[derive(Debug)]
pub(crate) struct Arguments(VecDeque<String>);

impl Arguments {
    pub(crate) fn from_command_line() -> Self {
        Self(std::env::args().skip(1).collect())
    }

    /// The next word, if any is left.
    pub(crate) fn next_word(&mut self) -> Option<String> {
        self.0.pop_front()
    }

    /// Whether `name` was given; takes it away.
    pub(crate) fn flag(&mut self, name: &str) -> bool {
        let at = self.0.iter().position(|word| word == name);
        at.and_then(|at| self.0.remove(at)).is_some()
    }

    /// The value that follows `name`; takes both away.
    ///
    /// # Errors
    /// If the value is missing or does not parse.
    pub(crate) fn value<T>(&mut self, name: &str) -> anyhow::Result<Option<T>>
    where
        T: FromStr<Err: std::error::Error + Send + Sync + 'static>,
    {
        let Some(at) = self.0.iter().position(|word| word == name) else {
            return Ok(None);
        };
        self.0.remove(at);
        let text = self
            .0
            .remove(at)
            .with_context(|| format!("{name} wants a value"))?;
        let value = text
            .parse()
            .with_context(|| format!("{name} cannot be {text:?}"))?;
        Ok(Some(value))
    }

    /// The command behind `--`, word for word; takes both away.
    pub(crate) fn command(&mut self) -> Vec<String> {
        let Some(at) = self.0.iter().position(|word| word == "--") else {
            return Vec::new();
        };
        self.0.drain(at..).skip(1).collect()
    }

    /// Refuses what no one took: a misspelt option must not pass for its absence.
    ///
    /// # Errors
    /// If a word is left.
    pub(crate) fn finish(&self) -> anyhow::Result<()> {
        match self.0.front() {
            Some(word) => bail!("unknown argument {word:?}; see `cargo xtask help`"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn given(line: &str) -> Arguments {
        Arguments(line.split_whitespace().map(str::to_owned).collect())
    }

    #[test]
    fn takes_what_is_known_and_refuses_the_rest() {
        let mut arguments = given("--quick --rounds 7 --surprise");
        assert_eq!(arguments.value::<u32>("--rounds").unwrap(), Some(7));
        assert!(arguments.flag("--quick"));
        assert!(!arguments.flag("--quick"));
        assert!(arguments.finish().is_err());
        assert!(arguments.flag("--surprise"));
        assert!(arguments.finish().is_ok());
    }

    #[test]
    fn what_is_behind_two_dashes_is_no_option_of_ours() {
        let mut arguments = given("--pinned -- cargo test -- --quick");
        assert_eq!(arguments.command(), ["cargo", "test", "--", "--quick"]);
        assert!(!arguments.flag("--quick"));
        assert!(arguments.flag("--pinned"));
        assert!(arguments.finish().is_ok());
        assert!(given("cargo test").command().is_empty());
    }

    #[test]
    fn a_value_must_be_there_and_parse() {
        assert!(given("--rounds").value::<u32>("--rounds").is_err());
        assert!(given("--rounds many").value::<u32>("--rounds").is_err());
        assert_eq!(given("").value::<u32>("--rounds").unwrap(), None);
    }
}
