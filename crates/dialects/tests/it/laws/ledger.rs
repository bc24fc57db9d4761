//! What may be lost between the dialects, each with a reason: `fixtures/ledger.toml`.

use std::collections::BTreeSet;
use std::fs;
use std::sync::OnceLock;

use orchestra_dialects::{Dialect, Loss, Profile, encode_request};
use serde::Deserialize;

use super::DIALECTS;
use super::compare::without_indexes;
use super::fixture::{Asked, Fixture, crate_folder, target};

/// The whole ledger.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Ledger {
    /// Losses that translations may report.
    loss: Vec<Entry>,
    /// Values that say nothing, so that nobody misses them.
    silent: Vec<Entry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    /// Whose words are lost.
    from: String,
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
    fn covers(&self, from: Dialect, to: Dialect, path: &str) -> bool {
        self.from == from.name()
            && self.to.iter().any(|name| name == to.name())
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
    pub(super) fn load() -> &'static Self {
        static LEDGER: OnceLock<Ledger> = OnceLock::new();
        LEDGER.get_or_init(|| {
            let path = crate_folder().join("fixtures/ledger.toml");
            let text = fs::read_to_string(path).expect("a readable ledger");
            toml::from_str(&text).expect("a sound ledger")
        })
    }

    /// Whether nobody misses the value at this path.
    pub(super) fn says_nothing(&self, from: Dialect, to: Dialect, path: &str) -> bool {
        let path = without_indexes(path);
        self.silent
            .iter()
            .any(|entry| entry.covers(from, to, &path))
    }
}

/// A loss without its indexes.
type Seen = (Dialect, Dialect, String, &'static str);

fn all_losses() -> Vec<Seen> {
    let mut seen = Vec::new();
    for from in DIALECTS {
        for fixture in Fixture::all(from) {
            for to in DIALECTS.into_iter().filter(|to| *to != from) {
                let losses = of_request(&fixture, to)
                    .into_iter()
                    .chain(of_answer(&fixture, to));
                let plain =
                    losses.map(|loss| (from, to, without_indexes(&loss.path), loss.kind.as_str()));
                seen.extend(plain);
            }
        }
    }
    seen.sort_by(|a, b| format!("{a:?}").cmp(&format!("{b:?}")));
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

#[test]
fn every_loss_is_listed_with_a_reason_and_every_entry_is_needed() {
    let ledger = Ledger::load();
    let losses = all_losses();
    let mut problems = Vec::new();
    let mut used = BTreeSet::new();
    for (from, to, path, kind) in &losses {
        let mut listed = false;
        for (index, entry) in ledger.loss.iter().enumerate() {
            if entry.kind.as_deref() == Some(kind) && entry.covers(*from, *to, path) {
                listed = true;
                for pattern in entry.paths.iter().filter(|pattern| matches(pattern, path)) {
                    used.insert((index, to.name(), pattern.as_str()));
                }
            }
        }
        if !listed {
            problems.push(format!(
                "not listed: {} -> {}: {path} {kind}",
                from.name(),
                to.name()
            ));
        }
    }
    for (index, entry) in ledger.loss.iter().enumerate() {
        assert!(!entry.reason.trim().is_empty(), "an entry without a reason");
        for to in &entry.to {
            for path in &entry.paths {
                if !used.contains(&(index, to.as_str(), path.as_str())) {
                    problems.push(format!("not needed: {} -> {to}: {path}", entry.from));
                }
            }
        }
    }
    assert!(
        problems.is_empty(),
        "{} problems:\n{}",
        problems.len(),
        problems.join("\n")
    );
}
