//! Which of the names that providers need are there.

use std::collections::BTreeMap;

use orchestra_providers::Catalogue;
use orchestra_secrets::{Entry, Name, State};
use serde_json::{Value, json};

use super::answer::Refusal;
use super::routes::Desk;

/// Every name that the catalogue knows, and those that the query asks for besides (`name=A&name=B`); and how the
/// configured providers fare.
pub(super) async fn check(desk: &Desk, query: &str) -> Result<Value, Refusal> {
    let entries = match desk.app.keeper.vault().store() {
        Some(store) => store.entries(None).await?,
        None => Vec::new(),
    };
    let names = names(query).into_iter().map(|(name, kinds)| {
        json!({ "name": name, "kinds": kinds, "where": place(desk, &entries, &name) })
    });
    Ok(json!({ "names": names.collect::<Vec<_>>() }))
}

fn names(query: &str) -> BTreeMap<String, Vec<String>> {
    let catalogue = Catalogue::embedded();
    let mut names: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for kind in catalogue.kinds() {
        let row = catalogue.get(kind);
        for name in row
            .and_then(|row| row.key_names.as_ref())
            .into_iter()
            .flatten()
        {
            names.entry(name.clone()).or_default().push(kind.to_owned());
        }
    }
    let asked = query
        .split('&')
        .filter_map(|pair| pair.strip_prefix("name="));
    for name in asked.filter(|name| name.parse::<Name>().is_ok()) {
        names.entry(name.to_owned()).or_default();
    }
    names
}

/// `store`, `environment`, `missing`; or `revoked` or `expired` for a name of the store that is of no use.
fn place(desk: &Desk, entries: &[Entry], name: &str) -> &'static str {
    let now_ms = desk.app.keeper.now_ms();
    let stored = |entry: &&Entry| entry.name.to_string() == name;
    let current = entries
        .iter()
        .filter(stored)
        .find(|entry| entry.state == State::Current);
    match current {
        Some(entry) if entry.is_expired(now_ms) => "expired",
        Some(_) => "store",
        None if entries.iter().any(|entry| stored(&entry)) => "revoked",
        None if desk.app.keeper.vault().variables().value(name).is_some() => "environment",
        None => "missing",
    }
}
