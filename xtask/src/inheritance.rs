//! Every member takes its lints and the versions of its dependencies from the workspace.
//!
//! `cargo metadata` shows manifests after inheritance, so this reads their text. It knows
//! as much TOML as manifests use: section headers and one entry a line.

use anyhow::Context;
use cargo_metadata::Metadata;

/// What is not inherited, one line each.
///
/// # Errors
/// If a manifest cannot be read.
pub(crate) fn problems(workspace: &Metadata) -> anyhow::Result<Vec<String>> {
    let mut problems = Vec::new();
    for member in workspace.workspace_packages() {
        let text = std::fs::read_to_string(&member.manifest_path)
            .with_context(|| format!("cannot read {}", member.manifest_path))?;
        for problem in manifest_problems(&text) {
            problems.push(format!("{}: {problem}", member.name));
        }
    }
    Ok(problems)
}

fn manifest_problems(text: &str) -> Vec<String> {
    let entries = entries(text);
    let inherits_lints = entries
        .iter()
        .any(|entry| entry.section == "lints" && entry.is_inherited());
    let mut problems = Vec::new();
    if !inherits_lints {
        problems.push("[lints] workspace = true is missing".to_owned());
    }
    for entry in &entries {
        let own_version = match entry.dependency() {
            Some(Dependency::Line) => !entry.is_inherited(),
            // A dependency may have a section of its own: judge it by the version it sets.
            Some(Dependency::Section) => matches!(entry.key, "version" | "path" | "git"),
            None => false,
        };
        if own_version {
            problems.push(format!(
                "`{}` in [{}] does not come from the workspace",
                entry.key, entry.section
            ));
        }
    }
    problems
}

struct Entry<'a> {
    section: &'a str,
    key: &'a str,
    value: &'a str,
}

enum Dependency {
    /// An entry of a list of dependencies: the key names the dependency.
    Line,
    /// An entry of the section that describes one dependency.
    Section,
}

impl Entry<'_> {
    /// `workspace = true`, `name.workspace = true` or `name = { workspace = true, … }`.
    fn is_inherited(&self) -> bool {
        let sets_it = self.key == "workspace" || self.key.ends_with(".workspace");
        (sets_it && self.value == "true") || self.value.contains("workspace = true")
    }

    fn dependency(&self) -> Option<Dependency> {
        // `target.'cfg(unix)'.dependencies` is a list of dependencies too.
        let at = self.section.rfind("dependencies")?;
        match &self.section[at + "dependencies".len()..] {
            "" => Some(Dependency::Line),
            rest if rest.starts_with('.') => Some(Dependency::Section),
            _ => None,
        }
    }
}

fn entries(text: &str) -> Vec<Entry<'_>> {
    let mut section = "";
    let mut entries = Vec::new();
    for line in text.lines().map(str::trim) {
        if let Some(name) = line.strip_prefix('[').and_then(|l| l.strip_suffix(']')) {
            section = name.trim_matches(['[', ']']);
        } else if let Some((key, value)) = line.split_once('=')
            && !line.starts_with('#')
        {
            entries.push(Entry {
                section,
                key: key.trim(),
                value: value.trim(),
            });
        }
    }
    entries
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINTS: &str = "[lints]\nworkspace = true\n";

    fn check(manifest: &str, expected: &[&str]) {
        assert_eq!(manifest_problems(manifest), expected, "{manifest}");
    }

    #[test]
    fn this_workspace_inherits() {
        let found = problems(&crate::check::workspace().unwrap()).unwrap();
        assert_eq!(found, Vec::<String>::new());
    }

    #[test]
    fn inherited_entries_pass() {
        check(
            &format!(
                "[package]\nversion.workspace = true\n{LINTS}[dependencies]\n# bytes = \"1\"\n\
                 bytes.workspace = true\ntokio = {{ workspace = true, features = [\"fs\"] }}\n\
                 [target.'cfg(unix)'.dependencies]\nhttp.workspace = true\n\
                 [dependencies.url]\nworkspace = true\nfeatures = [\"serde\"]\n"
            ),
            &[],
        );
    }

    #[test]
    fn versions_of_ones_own_are_named() {
        check(
            &format!("{LINTS}[dev-dependencies]\nbytes = \"1\"\n"),
            &["`bytes` in [dev-dependencies] does not come from the workspace"],
        );
        check(
            &format!("{LINTS}[dependencies.url]\nversion = \"2\"\n"),
            &["`version` in [dependencies.url] does not come from the workspace"],
        );
        check(
            &format!(
                "{LINTS}[target.'cfg(unix)'.build-dependencies]\ncc = {{ version = \"1\" }}\n"
            ),
            &["`cc` in [target.'cfg(unix)'.build-dependencies] does not come from the workspace"],
        );
    }

    #[test]
    fn lints_must_be_inherited() {
        check("[package]\n", &["[lints] workspace = true is missing"]);
        check(
            "[lints]\nworkspace = false\n",
            &["[lints] workspace = true is missing"],
        );
    }
}
