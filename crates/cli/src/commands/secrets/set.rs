//! `orchestra secrets set` and `rotate`

use std::process::ExitCode;

use anyhow::{Context, bail};
use orchestra_providers::Catalogue;
use orchestra_secrets::{
    Entry, Labels, Name, NewSecret, Origin, Reference, State, Store, StoreError,
};
use serde_json::json;

use super::desk::Desk;
use super::needs::{Known, Sought, known, needs};
use super::shown;
use super::value::{self, Given, Shape};
use crate::arguments::secrets::{Rotate, Set};
use crate::output::merge;
use crate::when::{self, Expiry};

pub(super) async fn run(arguments: &Set, desk: &Desk<'_>) -> anyhow::Result<ExitCode> {
    value::refuse_typed(&arguments.value)?;
    let known = known(
        &arguments.name,
        &needs(&desk.config, &Catalogue::embedded()),
    );
    let (new, filled) = new_secret(arguments, &known)?;
    let store = desk.unsealed(&arguments.unlock).await?;
    let given = value::read(desk, &arguments.value, &arguments.name, shape(&known))?;
    let entry = store.set(new, &given.secret).await?;
    let kept = Kept {
        before: previous(&store, &entry.name).await?,
        entry,
        given,
    };
    kept.report(filled, desk)?;
    store.close().await;
    Ok(ExitCode::SUCCESS)
}

pub(super) async fn rotate(arguments: &Rotate, desk: &Desk<'_>) -> anyhow::Result<ExitCode> {
    value::refuse_typed(&arguments.value)?;
    let name = &arguments.name;
    let ends = ends(arguments.expires)?;
    let store = desk.unsealed(&arguments.unlock).await?;
    must_be_there(&store, name).await?;
    let known = known(name, &needs(&desk.config, &Catalogue::embedded()));
    let given = value::read(desk, &arguments.value, name, shape(&known))?;
    let entry = store.renew(name, &given.secret, ends).await?;
    let kept = Kept {
        before: previous(&store, &entry.name).await?,
        entry,
        given,
    };
    kept.report(None, desk)?;
    store.close().await;
    Ok(ExitCode::SUCCESS)
}

/// Before anything is typed.
async fn must_be_there(store: &Store, name: &Name) -> anyhow::Result<()> {
    if store.entries(Some(name)).await?.is_empty() {
        let error = StoreError::NoSecret(name.clone());
        bail!("{error}: keep a first value with `orchestra secrets set {name}`");
    }
    Ok(())
}

/// What providers and clients use is a key; of anything else nothing is known.
fn shape(known: &Known) -> Shape {
    match known {
        Known::Nothing => Shape::Text,
        Known::Place { .. } | Known::Places(_) | Known::Client => Shape::Key,
    }
}

/// When the value ends.
fn ends(expires: Option<Expiry>) -> anyhow::Result<Option<i64>> {
    let ends = expires.map(|expiry| expiry.ends_ms(when::now_ms()));
    Ok(ends.transpose()?)
}

/// What is kept beside the value, and a sentence about what is not as it was asked for, or was not asked for.
fn new_secret(arguments: &Set, known: &Known) -> anyhow::Result<(NewSecret, Option<String>)> {
    let (origin, said) = bound(arguments, known)?;
    let service = match known {
        Known::Place { service, .. } => Some(service.clone()),
        Known::Nothing | Known::Places(_) | Known::Client => None,
    };
    let new = NewSecret {
        name: arguments.name.clone(),
        service: arguments.service.clone().or(service),
        origin,
        labels: labels(&arguments.labels)?,
        expires_ms: ends(arguments.expires)?,
    };
    Ok((new, said))
}

/// Where it may be sent: where was asked for, or else where it is needed.
fn bound(arguments: &Set, known: &Known) -> anyhow::Result<(Option<Origin>, Option<String>)> {
    let name = &arguments.name;
    if let Some(asked) = &arguments.origin {
        let said = match known {
            Known::Place { service, origin } if origin != asked => Some(format!(
                "{service} is at {origin}, and will not get it: it may be sent to {asked} only"
            )),
            _ => None,
        };
        return Ok((Some(asked.clone()), said));
    }
    if arguments.any_origin {
        return Ok((None, None));
    }
    match known {
        Known::Place { service, origin } => {
            let said =
                format!("{name} is known: it is for {service}, and may be sent to {origin} only");
            Ok((Some(origin.clone()), Some(said)))
        }
        Known::Client => {
            let said = format!("{name} is known: applications call with it, so it is sent nowhere");
            Ok((None, Some(said)))
        }
        Known::Nothing | Known::Places(_) => bail!("{}", no_origin(name, known)),
    }
}

/// Why a secret needs to be bound to a place, for a name of which that is not known.
fn no_origin(name: &Name, known: &Known) -> String {
    let why = match known {
        Known::Places(places) => {
            let places: Vec<&str> = places.iter().map(String::as_str).collect();
            format!(
                "{name} is used by providers at several places: {}",
                places.join(", ")
            )
        }
        _ => format!(
            "no provider of the catalogue or the configuration uses {name}, so nothing says where it may be sent"
        ),
    };
    format!(
        "{why}\nSay it with --origin https://api.example.com: then a changed address in the configuration cannot lead the \
         secret elsewhere. If it is for several places, --any-origin."
    )
}

fn labels(pairs: &[String]) -> anyhow::Result<Labels> {
    let mut labels = Labels::default();
    for pair in pairs {
        let (key, value) = pair.split_once('=').context("--label is KEY=VALUE")?;
        labels.insert(key, value).context("--label")?;
    }
    Ok(labels)
}

/// What was kept.
struct Kept {
    entry: Entry,
    given: Given,
    /// The version whose place it took, if that can still be asked for.
    before: Option<u32>,
}

/// The latest version that can still be asked for beside the current one.
async fn previous(store: &Store, name: &Name) -> anyhow::Result<Option<u32>> {
    let versions = store.entries(Some(name)).await?;
    let mut previous = versions
        .iter()
        .filter(|entry| entry.state == State::Previous);
    Ok(previous.next_back().map(|entry| entry.version))
}

impl Kept {
    fn report(&self, filled: Option<String>, desk: &Desk<'_>) -> anyhow::Result<()> {
        let warnings = &self.given.warnings;
        for warning in warnings {
            desk.output.aside(&format!("warning: {warning}"));
        }
        let mut told = shown::json(&self.entry, when::now_ms());
        merge(&mut told, json!({ "warnings": warnings }));
        desk.output.result(&told, || {
            let mut lines = Vec::from_iter(filled);
            lines.extend(self.sentences());
            lines.extend(shadow(&self.entry, desk));
            format!("{}\n", lines.join("\n"))
        })?;
        Ok(())
    }

    fn sentences(&self) -> Vec<String> {
        let Entry { name, version, .. } = &self.entry;
        let place = shown::place(&self.entry);
        let mut kept = format!("{name}, version {version}, is kept. It may be sent to: {place}.");
        if let Some(ends) = self.entry.expires_ms {
            kept.push_str(&format!(" It expires on {} UTC.", when::minute(ends)));
        }
        let mut lines = vec![
            kept,
            "A running server uses it within two seconds.".to_owned(),
        ];
        if let Some(before) = self.before {
            lines.push(format!(
                "Version {before} can still be asked for by its number. When nobody needs it any more:\n  \
                 orchestra secrets revoke {name} --version {before}"
            ));
        }
        lines
    }
}

/// What may be used in its place.
fn shadow(entry: &Entry, desk: &Desk<'_>) -> Option<String> {
    let name = entry.name.name();
    let written = Sought::Written(Reference::Variable(name.to_owned()));
    if needs(&desk.config, &Catalogue::embedded())
        .iter()
        .any(|need| need.sought == written)
    {
        return Some(format!(
            "The configuration still reads env:{name}: write `key = \"store:{}\"` there.",
            entry.name
        ));
    }
    desk.variables.value(name)?;
    Some(format!(
        "The environment (or .env) has a {name}, too. The store's is used; remove the other, so that there is one."
    ))
}
