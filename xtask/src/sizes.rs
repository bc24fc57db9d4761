//! Files and functions that have grown: most are shown, the largest files are refused.
//!
//! rustfmt writes the closing brace of a function under the column its `fn` line starts
//! in, and `check` runs it first; so measuring needs no parser. Tests are not counted.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use cargo_metadata::Metadata;

/// A file to look at again.
const LONG_FILE_LINES: usize = 300;
/// A file to refuse.
const MAX_FILE_LINES: usize = 800;
/// A function to look at again: about a screen.
const LONG_FUNCTION_LINES: usize = 70;

/// Prints what is long.
///
/// # Errors
/// If a file has more than [`MAX_FILE_LINES`], or cannot be read.
pub(crate) fn report(workspace: &Metadata) -> anyhow::Result<()> {
    let mut refused = 0;
    for path in sources(workspace)? {
        let text =
            fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
        let shown = path
            .strip_prefix(&workspace.workspace_root)
            .unwrap_or(&path)
            .display();
        let product = without_tests(&text);
        let lines = product.lines().count();
        if lines > LONG_FILE_LINES {
            println!("{shown}: {lines} lines");
        }
        refused += usize::from(lines > MAX_FILE_LINES);
        for function in long_functions(product) {
            println!("{shown}: `{}` has {} lines", function.name, function.lines);
        }
    }
    if refused > 0 {
        bail!("{refused} with more than {MAX_FILE_LINES} lines: split them");
    }
    Ok(())
}

/// The Rust files of all members, in order, but for those that are tests.
fn sources(workspace: &Metadata) -> anyhow::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for member in workspace.workspace_packages() {
        if let Some(root) = member.manifest_path.parent() {
            collect(&root.join("src").into_std_path_buf(), &mut found)?;
        }
    }
    found.sort();
    Ok(found)
}

fn collect(folder: &Path, found: &mut Vec<PathBuf>) -> anyhow::Result<()> {
    if !folder.is_dir() {
        return Ok(());
    }
    let entries =
        fs::read_dir(folder).with_context(|| format!("cannot list {}", folder.display()))?;
    for entry in entries {
        let path = entry?.path();
        let is_test = path.file_stem().is_some_and(|stem| stem == "tests");
        if is_test {
            continue;
        }
        if path.is_dir() {
            collect(&path, found)?;
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    Ok(())
}

/// The text above the test module, which stands last in a file.
fn without_tests(text: &str) -> &str {
    text.find("\n#[cfg(test)]\nmod ")
        .map_or(text, |at| &text[..=at])
}

struct Function<'a> {
    name: &'a str,
    lines: usize,
}

fn long_functions(text: &str) -> Vec<Function<'_>> {
    let lines: Vec<&str> = text.lines().collect();
    let functions = lines.iter().enumerate().filter_map(|(at, line)| {
        let name = function_name(line)?;
        let indent = &line[..line.len() - line.trim_start().len()];
        let length = lines[at..].iter().position(|line| {
            // The end of a body, or of a declaration without one.
            line.strip_prefix(indent)
                .is_some_and(|rest| rest == "}" || (rest.ends_with(';') && !rest.starts_with(' ')))
        })?;
        let lines = length + 1;
        Some(Function { name, lines })
    });
    functions
        .filter(|function| function.lines > LONG_FUNCTION_LINES)
        .collect()
}

/// The name, if the line begins a function.
fn function_name(line: &str) -> Option<&str> {
    let (before, after) = line.split_once("fn ")?;
    let only_modifiers = before.split_whitespace().all(|word| {
        matches!(
            word,
            "pub" | "async" | "const" | "unsafe" | "extern" | "\"C\""
        ) || word.starts_with("pub(")
    });
    let end = after.find(|c: char| c != '_' && !c.is_alphanumeric())?;
    (only_modifiers && end > 0).then(|| &after[..end])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn function(body_lines: usize) -> String {
        let body = "        let x = { 1 };\n".repeat(body_lines);
        format!("impl A {{\n    pub(crate) async fn long_one(&self) {{\n{body}    }}\n}}\n")
    }

    #[test]
    fn only_functions_over_the_limit_are_named() {
        let text = function(LONG_FUNCTION_LINES - 1);
        let found = long_functions(&text);
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].name, "long_one");
        assert_eq!(found[0].lines, LONG_FUNCTION_LINES + 1);
        assert!(long_functions(&function(LONG_FUNCTION_LINES - 2)).is_empty());
    }

    #[test]
    fn a_declaration_ends_at_its_semicolon() {
        let declared = format!("trait A {{\n    fn a(&self);\n}}\n{}", "\n".repeat(100));
        assert!(long_functions(&declared).is_empty());
    }

    #[test]
    fn words_and_comments_are_no_functions() {
        for line in ["// fn a() {", "    call(fn_ptr);", "    let f: fn () = g;"] {
            assert_eq!(function_name(line), None, "{line}");
        }
        assert_eq!(function_name("const fn a<T>() {"), Some("a"));
    }

    #[test]
    fn tests_do_not_count() {
        let text = "fn a() {}\n\n#[cfg(test)]\nmod tests {\n}\n";
        assert_eq!(without_tests(text), "fn a() {}\n\n");
        assert_eq!(without_tests("fn a() {}\n"), "fn a() {}\n");
    }
}
