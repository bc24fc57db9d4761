//! Providers, and the virtual keys that are the same here: those of the configuration are shown, and their keys exchanged; others
//! are made, changed and taken away.

mod asked;
mod keys;
mod shown;

use orchestra_gateway::Refusal;
use orchestra_secrets::{Amendment, Labels, NewSecret, Origin, StoreError};
use orchestra_types::ProviderId;
use serde_json::{Value, json};

use super::answer::{list as listed, whole};
use super::ask::{Ask, conflict, not_found, wrong};
use crate::routes::App;
use crate::secrets::added::{self, Definition, Unbuildable, labels};
use crate::secrets::chain;
use asked::{Change, New};
use keys::{refused, store};

/// How many letters of its name begin the slug of a provider that is not given one.
const SLUG_LETTERS: usize = 40;

pub(super) fn list(app: &App, ask: &Ask<'_>) -> Result<Value, Refusal> {
    let (skip, limit) = ask.page()?;
    let all = shown::all(app);
    let total = u64::try_from(all.len()).unwrap_or(u64::MAX);
    let [skip, limit] = [skip, limit].map(|number| usize::try_from(number).unwrap_or(usize::MAX));
    let part = all.into_iter().skip(skip).take(limit);
    Ok(listed(total, part.collect()))
}

pub(super) fn read(app: &App, ask: &Ask<'_>) -> Result<Value, Refusal> {
    let found = shown::one(app, bare(ask.name));
    found
        .map(whole)
        .ok_or_else(|| not_found("provider", ask.name))
}

pub(super) async fn create(app: &App, ask: &Ask<'_>) -> Result<Value, Refusal> {
    let new = New::read(ask)?;
    let slug = slug(app, &new)?;
    let workshop = app.keeper.workshop();
    let kind = workshop.kind(&new.kind);
    let base_url = new.base_url.as_deref();
    let built = workshop.build(&slug, kind, base_url, &app.gateway.providers());
    let origin = Origin::of_url(built.map_err(unbuildable)?.origin());
    let origin = origin.map_err(|error| wrong("custom_host", &error.to_string()))?;
    let definitions = app.keeper.definitions();
    if definitions.contains_key(&slug) {
        return Err(taken(&slug));
    }
    if definitions.len() >= added::MOST {
        let most = added::MOST;
        return Err(conflict(format!(
            "there are {most} providers that were made here, and no more can be: delete one, or configure it in [[providers]]"
        )));
    }
    let secret = NewSecret {
        name: Definition::secret(&slug).map_err(|error| wrong("slug", &error.to_string()))?,
        service: Some(kind.to_owned()),
        origin: Some(origin),
        labels: said(&new, kind, ask.who())?,
        expires_ms: new.expires_ms,
    };
    let added = store(app, ask)?.add(secret, &new.key).await;
    added.map_err(|error| match error {
        StoreError::NameTaken(_) => taken(&slug),
        error => refused(&error),
    })?;
    took_effect(app).await;
    tell("made", ask, &slug);
    Ok(whole(named(&slug)))
}

pub(super) async fn update(app: &App, ask: &Ask<'_>) -> Result<Value, Refusal> {
    let Some(slug) = made_here(app, ask.name) else {
        return keys::rotate(app, ask).await;
    };
    let change = Change::read(ask, &slug)?;
    let mut labels = change.labels;
    let who = Some(ask.who().to_owned());
    labels.insert(labels::CHANGED_BY.to_owned(), who);
    let amendment = Amendment {
        secret: change.key.as_ref(),
        labels,
        expires_ms: change.expires_ms,
    };
    let secret = Definition::secret(&slug).map_err(|_| not_found("provider", ask.name))?;
    let amended = store(app, ask)?.amend(&secret, amendment).await;
    amended.map_err(|error| gone_or(error, ask))?;
    took_effect(app).await;
    tell("changed", ask, &slug);
    Ok(whole(named(&slug)))
}

pub(super) async fn delete(app: &App, ask: &Ask<'_>) -> Result<Value, Refusal> {
    let Some(slug) = made_here(app, ask.name) else {
        return keys::revoke(app, ask).await;
    };
    let secret = Definition::secret(&slug).map_err(|_| not_found("provider", ask.name))?;
    let removed = store(app, ask)?.remove(&secret).await;
    removed.map_err(|error| gone_or(error, ask))?;
    took_effect(app).await;
    tell("deleted", ask, &slug);
    Ok(json!({ "success": true, "data": {} }))
}

/// The slug, if it is one of a provider that was made here. What the configuration declares is the configuration's.
fn made_here(app: &App, name: &str) -> Option<ProviderId> {
    let providers = app.gateway.providers();
    let member = providers.member(bare(name));
    if member.is_some_and(|member| !providers.is_added(member)) {
        return None;
    }
    let definitions = app.keeper.definitions();
    definitions
        .get_key_value(bare(name))
        .map(|(slug, _)| slug.clone())
}

/// Calls go by what is there now, here at once and elsewhere when the store is looked at.
async fn took_effect(app: &App) {
    app.keeper.refresh_or_tell().await;
    app.metrics.learn(&app.gateway.known_models());
}

fn said(new: &New, kind: &str, who: &str) -> Result<Labels, Refusal> {
    let note = new.note.as_deref().map(added::escaped);
    let mut said = Labels::default();
    for (label, value) in [
        (labels::KIND, Some(kind)),
        (labels::BASE_URL, new.base_url.as_deref()),
        (labels::NAME, new.name.as_deref()),
        (labels::NOTE, note.as_deref()),
        (labels::MADE_BY, Some(who)),
        (labels::CHANGED_BY, Some(who)),
    ] {
        if let Some(value) = value {
            let inserted = said.insert(label, value);
            inserted.map_err(|_| wrong(label, asked::UNWRITABLE))?;
        }
    }
    Ok(said)
}

/// The slug that is asked for, or one that nothing has.
fn slug(app: &App, new: &New) -> Result<ProviderId, Refusal> {
    if let Some(slug) = &new.slug {
        return ProviderId::new(bare(slug)).map_err(|error| wrong("slug", &error.to_string()));
    }
    let name = new
        .name
        .as_deref()
        .unwrap_or(&new.kind)
        .to_ascii_lowercase();
    let words = name.split(|c: char| !c.is_ascii_alphanumeric());
    let words: Vec<&str> = words.filter(|word| !word.is_empty()).collect();
    let mut letters = words.join("-");
    letters.truncate(SLUG_LETTERS);
    if letters.is_empty() {
        "key".clone_into(&mut letters);
    }
    let slug = format!("{letters}-{:06x}", app.rest.rng.next_u64() >> 40);
    ProviderId::new(&slug).map_err(|error| wrong("name", &error.to_string()))
}

fn bare(slug: &str) -> &str {
    slug.strip_prefix('@').unwrap_or(slug)
}

fn unbuildable(error: Unbuildable) -> Refusal {
    match error {
        Unbuildable::Configured(_) => conflict(error.to_string()),
        error => wrong(error.place(), &chain(&error)),
    }
}

fn taken(slug: &ProviderId) -> Refusal {
    conflict(format!(
        "there is a provider {slug:?} already: change that one, or choose another slug"
    ))
}

/// Somebody else may have been faster.
fn gone_or(error: StoreError, ask: &Ask<'_>) -> Refusal {
    match error {
        StoreError::NoSecret(_) => not_found("provider", ask.name),
        StoreError::Label(_) => wrong("note", asked::UNWRITABLE),
        error => refused(&error),
    }
}

fn named(slug: &ProviderId) -> Value {
    json!({ "id": slug.as_str(), "slug": slug.as_str(), "object": "provider" })
}

fn tell(what: &str, ask: &Ask<'_>, slug: &ProviderId) {
    tracing::info!(target: "orchestra::audit", client = ask.who(), provider = %slug, "a provider was {what}");
}
