//! `orchestra secrets check`

use std::process::ExitCode;

use orchestra_providers::Catalogue;
use orchestra_secrets::{Entry, FetchError, Name, Origin, Reference, State, Variables};
use serde_json::{Value, json};

use super::desk::Desk;
use super::needs::{Need, Sought, Weight, Whose, needs};
use crate::output::table;
use crate::when;

/// One place where a key is looked for.
struct Line<'n> {
    need: &'n Need,
    /// A name, or a reference as the configuration writes it.
    name: String,
    found: Found,
}

/// What there is.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Found {
    Nothing,
    /// This version in the store.
    Stored(u32),
    Expired(u32),
    Revoked,
    /// It may be sent to this place alone, and the provider is at another.
    Elsewhere(String),
    /// In a variable or a file.
    Outside(&'static str),
    /// In a variable or a file, and of no use.
    Unusable(String),
}

impl Found {
    /// What the store has under a name.
    fn stored(versions: &[Entry], name: &Name, origin: Option<&Origin>, now_ms: i64) -> Self {
        let mut versions = versions
            .iter()
            .filter(|entry| entry.name == *name)
            .peekable();
        if versions.peek().is_none() {
            return Self::Nothing;
        }
        let Some(entry) = versions.find(|entry| entry.state == State::Current) else {
            return Self::Revoked;
        };
        match (&entry.origin, origin) {
            _ if entry.is_expired(now_ms) => Self::Expired(entry.version),
            (Some(bound), Some(origin)) if bound != origin => Self::Elsewhere(bound.to_string()),
            _ => Self::Stored(entry.version),
        }
    }

    /// What is in a variable or a file.
    fn outside(reference: &Reference, variables: &Variables) -> Self {
        match variables.read(reference) {
            Ok(_) if matches!(reference, Reference::File(_)) => Self::Outside("file"),
            Ok(_) => Self::Outside("environment"),
            Err(FetchError::Missing(_) | FetchError::Empty(_)) => Self::Nothing,
            Err(error) => Self::Unusable(error.to_string()),
        }
    }

    const fn is_usable(&self) -> bool {
        matches!(self, Self::Stored(_) | Self::Outside(_))
    }

    /// One word for programs.
    const fn word(&self) -> &'static str {
        match self {
            Self::Nothing => "missing",
            Self::Stored(_) => "store",
            Self::Expired(_) => "expired",
            Self::Revoked => "revoked",
            Self::Elsewhere(_) => "bound_elsewhere",
            Self::Outside(place) => place,
            Self::Unusable(_) => "unusable",
        }
    }
}

impl Line<'_> {
    fn in_words(&self) -> String {
        let name = self.name.trim_start_matches("store:");
        match &self.found {
            Found::Stored(version) => format!("in the store, version {version}"),
            Found::Outside("file") => "there".to_owned(),
            Found::Outside(_) => "in the environment".to_owned(),
            Found::Expired(version) => {
                format!("EXPIRED, version {version}: orchestra secrets rotate {name}")
            }
            Found::Revoked => format!("REVOKED: orchestra secrets set {name}"),
            Found::Elsewhere(bound) => {
                format!("BOUND to {bound}: orchestra secrets set {name} for the new address")
            }
            Found::Unusable(why) => format!("UNUSABLE: {why}"),
            Found::Nothing if self.need.weight == Weight::Required => "MISSING".to_owned(),
            Found::Nothing => "-".to_owned(),
        }
    }

    fn json(&self) -> Value {
        json!({
            "name": self.name,
            "for": self.need.whose.to_string(),
            "state": self.found.word(),
            "usable": self.found.is_usable(),
            "needed": self.need.weight == Weight::Required,
        })
    }

    fn row(&self) -> Vec<String> {
        vec![
            self.name.clone(),
            self.need.whose.to_string(),
            self.in_words(),
        ]
    }
}

pub(super) async fn run(desk: &Desk<'_>) -> anyhow::Result<ExitCode> {
    let needs = needs(&desk.config, &Catalogue::embedded());
    let entries = match desk.place.open(&desk.actor()).await? {
        Some(store) => {
            let entries = store.entries(None).await?;
            store.close().await;
            Some(entries)
        }
        None => None,
    };
    let entries_or_none = entries.as_deref().unwrap_or_default();
    let lines = lines(&needs, entries_or_none, desk);
    let missing = missing(&lines);
    let told = json!({
        "ok": missing.is_empty(),
        "store": entries.is_some(),
        "missing": missing,
        "names": lines.iter().map(Line::json).collect::<Vec<_>>(),
    });
    desk.output.result(&told, || {
        let rows: Vec<Vec<String>> = lines.iter().map(Line::row).collect();
        let mut text = table(&["NAME", "FOR", "STATE"], &rows);
        text.push_str(&verdict(&missing, entries.is_some(), desk));
        text
    })?;
    Ok(if missing.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(1)
    })
}

fn lines<'n>(needs: &'n [Need], entries: &[Entry], desk: &Desk<'_>) -> Vec<Line<'n>> {
    let now = when::now_ms();
    let stored = |name: &Name, need: &Need| Found::stored(entries, name, need.origin.as_ref(), now);
    let mut lines = Vec::new();
    for need in needs {
        let line = |name: String, found| Line { need, name, found };
        match &need.sought {
            Sought::Written(reference @ Reference::Stored(name)) => {
                lines.push(line(reference.to_string(), stored(name, need)));
            }
            Sought::Written(reference) => {
                let found = Found::outside(reference, &desk.variables);
                lines.push(line(reference.to_string(), found));
            }
            Sought::Usual(names) => {
                let mut kept: Vec<Found> = names.iter().map(|name| stored(name, need)).collect();
                // What the store has goes before the environment, even if it is revoked.
                if kept.iter().all(|found| *found == Found::Nothing) {
                    kept = names.iter().map(|name| in_variable(name, desk)).collect();
                }
                let named = names.iter().map(ToString::to_string);
                lines.extend(named.zip(kept).map(|(name, found)| line(name, found)));
            }
        }
    }
    lines
}

fn in_variable(name: &Name, desk: &Desk<'_>) -> Found {
    let reference = Reference::Variable(name.name().to_owned());
    Found::outside(&reference, &desk.variables)
}

/// What keeps the gateway from doing what the configuration says; without any provider in it, from doing anything.
fn missing(lines: &[Line<'_>]) -> Vec<String> {
    let usable = |line: &Line<'_>| line.found.is_usable();
    let providers = || {
        let is_provider = |line: &&Line<'_>| matches!(line.need.whose, Whose::Provider(_));
        lines.iter().filter(is_provider)
    };
    let configured = providers().any(|line| line.need.weight != Weight::Known);
    let mut missing = Vec::new();
    if !configured && !providers().any(usable) {
        missing.push("any key of a provider".to_owned());
    }
    let required = |line: &&Line<'_>| line.need.weight == Weight::Required;
    for line in lines.iter().filter(required) {
        // One of several names is enough.
        let mut same = lines
            .iter()
            .filter(|other| std::ptr::eq(other.need, line.need));
        if !same.any(usable) && !missing.contains(&line.name) {
            missing.push(line.name.clone());
        }
    }
    missing
}

fn verdict(missing: &[String], store: bool, desk: &Desk<'_>) -> String {
    let place = if store {
        String::new()
    } else {
        format!(
            "\nThere is no secret store in {}: `orchestra secrets init` makes one.",
            desk.place.describe()
        )
    };
    let verdict = if missing.is_empty() {
        "All that is needed is there. `orchestra providers test` asks whether the providers take it.".to_owned()
    } else {
        format!(
            "Missing: {}. Keep it with `orchestra secrets set NAME`.",
            missing.join(", ")
        )
    };
    format!("{place}\n{verdict}\n")
}
