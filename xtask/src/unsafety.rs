//! One crate may contain `unsafe`; in the sources of all others the word does not occur.
//!
//! The lint cannot be `forbid`, which no crate could lift. It is `deny`, so what must not
//! occur elsewhere is whatever lifts it, or would need it lifted: the words `unsafe` and
//! `unsafe_code` as tokens, in whatever macro or attribute. Comments and literals may say them.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context;
use cargo_metadata::Metadata;

/// The crate that may.
const ALLOWED: &str = "orchestra-arena";
const WORDS: &[&str] = &["unsafe", "unsafe_code"];

/// Every place where the word is found, and a lint that does not deny; one line each.
///
/// # Errors
/// If a file cannot be read.
pub(crate) fn problems(workspace: &Metadata) -> anyhow::Result<Vec<String>> {
    let root = workspace.workspace_root.as_std_path();
    let manifest = read(&root.join("Cargo.toml"))?;
    let mut problems: Vec<String> = lint_problem(&manifest).into_iter().collect();
    for path in sources(workspace)? {
        let shown = path.strip_prefix(root).unwrap_or(&path).display();
        for (line, word) in mentions(&read(&path)?) {
            problems.push(format!("{shown}:{line}: only {ALLOWED} may say `{word}`"));
        }
    }
    Ok(problems)
}

fn read(path: &Path) -> anyhow::Result<String> {
    fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))
}

fn lint_problem(manifest: &str) -> Option<String> {
    let denies = manifest.lines().any(|line| {
        line.strip_prefix("unsafe_code = ")
            .is_some_and(|level| matches!(level.trim(), "\"deny\"" | "\"forbid\""))
    });
    (!denies).then(|| "Cargo.toml: the lint `unsafe_code` must be \"deny\"".to_owned())
}

/// The Rust files of all other members, wherever they are in the member's folder.
fn sources(workspace: &Metadata) -> anyhow::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for member in workspace.workspace_packages() {
        if member.name.as_str() != ALLOWED
            && let Some(folder) = member.manifest_path.parent()
        {
            collect(folder.as_std_path(), &mut found)?;
        }
    }
    found.sort();
    Ok(found)
}

fn collect(folder: &Path, found: &mut Vec<PathBuf>) -> anyhow::Result<()> {
    let entries =
        fs::read_dir(folder).with_context(|| format!("cannot list {}", folder.display()))?;
    for entry in entries {
        let entry = entry?;
        let path = entry.path();
        // Not through links: what they lead to is no source of this member.
        let kind = entry.file_type()?;
        let is_output = matches!(
            path.file_name().and_then(|name| name.to_str()),
            Some("target" | "node_modules")
        );
        if kind.is_dir() && !is_output {
            collect(&path, found)?;
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    Ok(())
}

/// Each forbidden word and its line.
fn mentions(text: &str) -> Vec<(usize, &str)> {
    let mut found = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let (token, is_word) = token(rest, first);
        if is_word && WORDS.contains(&token) {
            let before = text.len() - rest.len();
            found.push((text[..before].matches('\n').count() + 1, token));
        }
        rest = &rest[token.len()..];
    }
    found
}

/// The token at the start of the text, and whether it is a word of the language.
///
/// Knows as much of the grammar as it takes to tell words from comments and literals.
fn token(text: &str, first: char) -> (&str, bool) {
    let word = word_len(text);
    let len = match first {
        '/' if text.starts_with("//") => text.find('\n').unwrap_or(text.len()),
        '/' if text.starts_with("/*") => block_comment_len(text),
        '"' => quoted_len(text, 1, '"'),
        '\'' => char_len(text),
        // Prefixes of literals: b"", c"", r"", br#""#, b'' and their like.
        _ if word > 0 => match prefixed_literal_len(text, word) {
            Some(len) => len,
            None => return (&text[..word], true),
        },
        _ => first.len_utf8(),
    };
    (&text[..len], false)
}

fn word_len(text: &str) -> usize {
    text.find(|c: char| c != '_' && !c.is_alphanumeric())
        .unwrap_or(text.len())
}

fn block_comment_len(text: &str) -> usize {
    let mut depth = 0;
    let mut at = 0;
    while at < text.len() {
        let rest = &text.as_bytes()[at..];
        if rest.starts_with(b"/*") {
            depth += 1;
            at += 2;
        } else if rest.starts_with(b"*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return at;
            }
        } else {
            at += 1;
        }
    }
    text.len()
}

/// The length of a literal whose contents start at `start` and end at an unescaped `end`.
fn quoted_len(text: &str, start: usize, end: char) -> usize {
    let mut escaped = false;
    for (at, c) in text[start..].char_indices() {
        if !escaped && c == end {
            return start + at + 1;
        }
        escaped = !escaped && c == '\\';
    }
    text.len()
}

/// A character, or the `'` of a lifetime.
fn char_len(text: &str) -> usize {
    let mut inside = text[1..].chars();
    match (inside.next(), inside.next()) {
        (Some('\\'), _) => quoted_len(text, 1, '\''),
        (Some(c), Some('\'')) => 2 + c.len_utf8(),
        _ => 1,
    }
}

fn prefixed_literal_len(text: &str, word: usize) -> Option<usize> {
    let (prefix, rest) = text.split_at(word);
    let is_raw = matches!(prefix, "r" | "br" | "cr");
    if is_raw {
        let hashes = rest.len() - rest.trim_start_matches('#').len();
        let body = rest[hashes..].strip_prefix('"')?;
        let end = format!("\"{}", "#".repeat(hashes));
        let start = word + hashes + 1;
        return Some(
            body.find(&end)
                .map_or(text.len(), |at| start + at + end.len()),
        );
    }
    match (prefix, rest.chars().next()?) {
        ("b" | "c", '"') => Some(quoted_len(text, word + 1, '"')),
        ("b", '\'') => Some(quoted_len(text, word + 1, '\'')),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &[(usize, &str)]) {
        assert_eq!(mentions(text), expected, "{text}");
    }

    #[test]
    fn this_workspace_says_it_in_one_crate() {
        let found = problems(&crate::check::workspace().unwrap()).unwrap();
        assert_eq!(found, Vec::<String>::new());
    }

    #[test]
    fn every_use_is_found() {
        check("fn a() {\n    unsafe { b() }\n}", &[(2, "unsafe")]);
        check("unsafe impl Send for A {}", &[(1, "unsafe")]);
        check("extern \"C\" fn a();unsafe fn b()", &[(1, "unsafe")]);
        check("m!(unsafe{})", &[(1, "unsafe")]);
        check("#[unsafe(no_mangle)]", &[(1, "unsafe")]);
        check("r#unsafe", &[(1, "unsafe")]);
    }

    #[test]
    fn every_attribute_is_found() {
        for level in ["allow", "expect", "warn"] {
            let text = format!("\n#![{level}(unsafe_code, reason = \"\")]");
            check(&text, &[(2, "unsafe_code")]);
            let text = format!("#[cfg_attr(a,\n{level}(unsafe_code))]");
            check(&text, &[(2, "unsafe_code")]);
        }
    }

    #[test]
    fn other_words_pass() {
        check("let unsafety = is_unsafe(not_unsafe_code, unsafe2);", &[]);
    }

    #[test]
    fn comments_and_literals_pass() {
        check(
            "// unsafe\n/// unsafe\n/* unsafe /* unsafe */ unsafe */",
            &[],
        );
        check(r#""unsafe" "\" unsafe" b"unsafe" c"\\\" unsafe""#, &[]);
        check("r\"unsafe\" r#\"\" unsafe\"# br##\"\"# unsafe\"##", &[]);
    }

    #[test]
    fn what_follows_a_comment_or_literal_is_found() {
        for before in [
            "// a\n",
            "/* // */",
            "/* /* */ */",
            r#""\\""#,
            r#""//""#,
            "r\"\\\"",
            "br#\"\"a\"#",
            "'\"'",
            r"'\''",
            r"b'\\'",
            "b'\"'",
            "fn a<'a>(b: &'a str) {}",
            "'é'",
            "'é",
            "let r = b;",
            "r#type",
        ] {
            let line = before.matches('\n').count() + 1;
            check(&format!("{before} unsafe"), &[(line, "unsafe")]);
        }
    }

    #[test]
    fn unfinished_text_ends() {
        for text in ["/*", "\"", "r#\"", "'", "'\\", "b'", "\"\\", "é", ""] {
            check(text, &[]);
        }
    }

    #[test]
    fn the_lint_must_deny() {
        assert_eq!(lint_problem("[a]\nunsafe_code = \"deny\"\n"), None);
        assert_eq!(lint_problem("unsafe_code = \"forbid\"\n"), None);
        assert!(lint_problem("unsafe_code = \"warn\"\n").is_some());
        assert!(lint_problem("# unsafe_code = \"deny\"\n").is_some());
    }
}
