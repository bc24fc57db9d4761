//! What may be lost between the dialects, each with a reason: `fixtures/<dialect>/ledger.toml`.

use std::collections::BTreeSet;
use std::fs;
use std::sync::OnceLock;

use orchestra_dialects::{Dialect, Loss, Profile, encode_request};
use serde::Deserialize;

use super::DIALECTS;
use super::compare::without_indexes;
use super::fixture::{Asked, Fixture, crate_folder, target};

/// What may be lost of one dialect.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Ledger {
    /// Losses that translations may report.
    #[serde(default)]
    loss: Vec<Entry>,
    /// Values that say nothing, so that nobody misses them.
    #[serde(default)]
    silent: Vec<Entry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    /// On the way to whom.
    to: Vec<String>,
    /// The paths, with `[]` for every index. A `*` at the end stands for any rest.
    paths: Vec<String>,
    /// `dropped`, `approximated` or `defaulted`; absent for silent ones.
    kind: Option<String>,
    /// Why nothing better can be done.
    reason: String,
}

impl Entry {
    fn covers(&self, to: Dialect, path: &str) -> bool {
        self.to.iter().any(|name| name == to.name())
            && self.paths.iter().any(|pattern| matches(pattern, path))
    }
}

fn matches(pattern: &str, path: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(start) => path.starts_with(start),
        None => path == pattern,
    }
}

impl Ledger {
    pub(super) fn of(dialect: Dialect) -> &'static Self {
        static LEDGERS: OnceLock<Vec<Ledger>> = OnceLock::new();
        let ledgers = LEDGERS.get_or_init(|| DIALECTS.into_iter().map(Self::load).collect());
        let place = DIALECTS.iter().position(|known| *known == dialect);
        &ledgers[place.expect("a dialect with conversations")]
    }

    fn load(dialect: Dialect) -> Self {
        let folder = crate_folder().join("fixtures").join(dialect.name());
        let text = fs::read_to_string(folder.join("ledger.toml")).expect("a readable ledger");
        toml::from_str(&text)
            .unwrap_or_else(|error| panic!("{}: {}", dialect.name(), error.message()))
    }

    /// Whether nobody misses the value at this path.
    pub(super) fn says_nothing(&self, to: Dialect, path: &str) -> bool {
        let path = without_indexes(path);
        self.silent.iter().any(|entry| entry.covers(to, &path))
    }
}

/// A loss without its indexes: to whom, the path, the kind.
type Seen = (Dialect, String, &'static str);

fn losses(from: Dialect) -> Vec<Seen> {
    let mut seen = Vec::new();
    for fixture in Fixture::all(from) {
        for to in DIALECTS.into_iter().filter(|to| *to != from) {
            let losses = of_request(&fixture, to)
                .into_iter()
                .chain(of_answer(&fixture, to));
            seen.extend(losses.map(|loss| (to, without_indexes(&loss.path), loss.kind.as_str())));
        }
    }
    seen.sort_by_key(|seen| format!("{seen:?}"));
    seen.dedup();
    seen
}

fn of_request(fixture: &Fixture, to: Dialect) -> Vec<Loss> {
    let profile = Profile::default();
    let request = fixture.decoded().ok();
    let sent =
        request.and_then(|request| encode_request(&request, to, &target("m", &profile)).ok());
    sent.map(|(_, losses)| losses).unwrap_or_default()
}

fn of_answer(fixture: &Fixture, to: Dialect) -> Vec<Loss> {
    let Some(Ok(answer)) = fixture.answer() else {
        return Vec::new();
    };
    let asked = Asked::plain(to);
    orchestra_dialects::encode_answer(&answer, fixture.dialect, &asked.context()).1
}

/// Every loss is listed with a reason, and every entry is needed.
pub(super) fn is_exact(from: Dialect) {
    let ledger = Ledger::of(from);
    let mut problems = Vec::new();
    let mut used = BTreeSet::new();
    for (to, path, kind) in losses(from) {
        let mut listed = false;
        for (index, entry) in ledger.loss.iter().enumerate() {
            if entry.kind.as_deref() == Some(kind) && entry.covers(to, &path) {
                listed = true;
                let patterns = entry.paths.iter().filter(|pattern| matches(pattern, &path));
                used.extend(patterns.map(|pattern| (index, to.name(), pattern.as_str())));
            }
        }
        if !listed {
            problems.push(format!("not listed: to {}: {path} {kind}", to.name()));
        }
    }
    for (index, entry) in ledger.loss.iter().enumerate() {
        assert!(!entry.reason.trim().is_empty(), "an entry without a reason");
        let unused = entry
            .to
            .iter()
            .flat_map(|to| entry.paths.iter().map(move |path| (to, path)));
        let unused =
            unused.filter(|(to, path)| !used.contains(&(index, to.as_str(), path.as_str())));
        problems.extend(unused.map(|(to, path)| format!("not needed: to {to}: {path}")));
    }
    assert!(
        problems.is_empty(),
        "{} problems:\n{}",
        problems.len(),
        problems.join("\n")
    );
}
