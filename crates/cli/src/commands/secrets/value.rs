//! The value of a secret, from wherever it comes but the command line.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use anyhow::{Context, bail, ensure};
use orchestra_secrets::{Name, Secret};
use zeroize::Zeroizing;

use super::desk::Desk;
use crate::arguments::secrets::ValueFrom;
use crate::terminal::Terminal;
use crate::usage::NEVER_TYPED;

/// A value, and what is odd about it. Not printable, since it holds the secret.
pub(super) struct Given {
    pub(super) secret: Secret,
    pub(super) warnings: Vec<String>,
}

/// What a value must be like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    /// A key that is sent in a header.
    Key,
    /// Any text.
    Text,
}

/// Bytes that a value may have.
const MOST_BYTES: usize = Terminal::MOST_BYTES;

/// Refuses a value on the command line.
pub(super) fn refuse_typed(from: &ValueFrom) -> anyhow::Result<()> {
    ensure!(from.more.is_empty(), "{NEVER_TYPED}");
    Ok(())
}

/// Reads the value.
pub(super) fn read(
    desk: &Desk<'_>,
    from: &ValueFrom,
    name: &Name,
    shape: Shape,
) -> anyhow::Result<Given> {
    let text = match &from.file {
        Some(path) => of_file(path)?,
        None if Terminal::is_input() => typed(desk, name)?,
        None => of_stdin()?,
    };
    check(&text, name, shape)
}

fn typed(desk: &Desk<'_>, name: &Name) -> anyhow::Result<Zeroizing<String>> {
    let terminal = desk.terminal("the value is to be typed")?;
    Ok(terminal.hidden(&format!("Value of {name} (not shown): "))?)
}

fn of_file(path: &Path) -> anyhow::Result<Zeroizing<String>> {
    let shown = path.display();
    let file = File::open(path).with_context(|| format!("{shown} cannot be read"))?;
    text(file).with_context(|| format!("{shown} holds no value"))
}

fn of_stdin() -> anyhow::Result<Zeroizing<String>> {
    text(io::stdin().lock()).context("standard input holds no value")
}

/// All of it, in one buffer that never moves.
pub(super) fn text(source: impl Read) -> anyhow::Result<Zeroizing<String>> {
    let mut bytes = Zeroizing::new(Vec::with_capacity(MOST_BYTES + 1));
    let most = u64::try_from(MOST_BYTES + 1).unwrap_or(u64::MAX);
    source.take(most).read_to_end(&mut bytes)?;
    ensure!(
        bytes.len() <= MOST_BYTES,
        "it has more than {MOST_BYTES} bytes"
    );
    let text = std::str::from_utf8(&bytes)
        .ok()
        .context("it is no UTF-8 text")?;
    Ok(Zeroizing::new(text.to_owned()))
}

/// Takes away what is no part of a value, and says what is odd about the rest.
pub(super) fn check(text: &str, name: &Name, shape: Shape) -> anyhow::Result<Given> {
    let value = text.trim();
    ensure!(!value.is_empty(), "the value is empty: nothing was changed");
    let assigned = value.strip_prefix(name.name()).unwrap_or_default();
    if assigned.trim_start().starts_with('=') {
        bail!(
            "the value begins with `{name}=`: leave that out, or take a whole file over with `orchestra secrets import`"
        );
    }
    if shape == Shape::Key && !value.bytes().all(|b| b.is_ascii_graphic() || b == b' ') {
        bail!(
            "the value holds line breaks, control characters or non-ASCII text, so it cannot be a key"
        );
    }
    let mut warnings = Vec::new();
    if value != text.trim_end_matches(['\r', '\n']) {
        warnings.push("spaces or line breaks around the value were left off".to_owned());
    }
    if is_quoted(value) {
        warnings.push(
            "the value begins and ends with quotation marks, which are kept: keys have none"
                .to_owned(),
        );
    }
    if shape == Shape::Key && value.contains(' ') {
        warnings.push("the value has spaces in it: keys have none".to_owned());
    }
    Ok(Given {
        secret: Secret::copy_of(value),
        warnings,
    })
}

fn is_quoted(value: &str) -> bool {
    ['"', '\'', '`']
        .iter()
        .any(|mark| value.len() > 1 && value.starts_with(*mark) && value.ends_with(*mark))
}

#[cfg(test)]
mod tests {
    use super::text as text_of;
    use super::*;

    fn checked(text: &str, shape: Shape) -> Result<(String, usize), String> {
        let name = "OPENAI_API_KEY".parse().unwrap();
        match check(text, &name, shape) {
            Ok(given) => Ok((given.secret.expose().to_owned(), given.warnings.len())),
            Err(error) => Err(error.to_string()),
        }
    }

    #[test]
    fn what_is_no_part_of_a_value_is_left_off() {
        for (text, value, warnings) in [
            ("a-key", "a-key", 0),
            ("a-key\n", "a-key", 0),
            ("a-key\r\n", "a-key", 0),
            ("  a-key", "a-key", 1),
            ("a-key \n", "a-key", 1),
            ("\na-key\n", "a-key", 1),
            ("'a-key'", "'a-key'", 1),
            ("two words", "two words", 1),
        ] {
            assert_eq!(
                checked(text, Shape::Key),
                Ok((value.to_owned(), warnings)),
                "{text:?}"
            );
        }
        let lines = "-----BEGIN-----\nabc\n-----END-----\n";
        assert_eq!(checked(lines, Shape::Text).unwrap().0, lines.trim());
    }

    #[test]
    fn what_cannot_be_meant_is_refused_without_being_repeated() {
        for text in [
            "",
            " \n",
            "OPENAI_API_KEY=a-hidden-one",
            "OPENAI_API_KEY = a-hidden-one",
            "a-hidden-one\nand-another",
            "a-hidden-öne",
        ] {
            let refused = checked(text, Shape::Key).unwrap_err();
            assert!(!refused.contains("hidden"), "{refused}");
        }
        assert!(text_of(&vec![b'a'; MOST_BYTES + 1][..]).is_err());
        assert!(text_of(&b"\xff"[..]).is_err());
        assert_eq!(text_of(&b"abc\n"[..]).unwrap().as_str(), "abc\n");
    }
}
