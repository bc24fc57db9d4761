//! Configs that are saved while the gateway runs.

use std::sync::Arc;

use orchestra_gateway::{Node, Refusal};
use orchestra_store::{ConfigVersion, SavedConfig};
use serde_json::{Value, json};

use super::answer::{list as listed, time, whole};
use super::ask::{Ask, conflict, not_found, wrong};
use super::change::Change;
use super::{Rest, SavedTree, unavailable};
use crate::portkey::keyless::{NOT_SAVED, keyless};
use crate::routes::App;

/// More would make every look-up of calls hold too much.
const MOST: usize = 10_000;
/// How many letters of its name begin a config's slug, as at Portkey.
const SLUG_LETTERS: usize = 6;

pub(super) async fn list(rest: &Rest) -> Result<Value, Refusal> {
    let written = rest.written.keys().map(|slug| of_file(slug));
    let mut data: Vec<Value> = written.collect();
    if let Some(kept) = &rest.kept {
        let saved = kept.configs.all().await.map_err(unavailable)?;
        let own = saved.iter().filter(|s| !rest.written.contains_key(&s.slug));
        data.extend(own.map(summary));
    }
    let total = u64::try_from(data.len()).unwrap_or(u64::MAX);
    Ok(listed(total, data))
}

pub(super) async fn read(rest: &Rest, ask: &Ask<'_>) -> Result<Value, Refusal> {
    if let Some(config) = rest.written.get(ask.name) {
        let mut shown = of_file(ask.name);
        shown["config"] = config.clone();
        return Ok(whole(shown));
    }
    let kept = rest.kept()?;
    let saved = kept.configs.get(ask.name).await.map_err(unavailable)?;
    let saved = saved.ok_or_else(|| not_found("config", ask.name))?;
    let mut shown = summary(&saved);
    shown["config"] = parsed(&saved.latest.body);
    Ok(whole(shown))
}

pub(super) async fn versions(rest: &Rest, ask: &Ask<'_>) -> Result<Value, Refusal> {
    not_written(rest, ask.name)?;
    let kept = rest.kept()?;
    let versions = kept.configs.versions(ask.name).await.map_err(unavailable)?;
    if versions.is_empty() {
        return Err(not_found("config", ask.name));
    }
    let shown = versions.iter().map(|version| {
        json!({
            "id": version.id,
            "version_id": version.id,
            "name": version.name,
            "config": parsed(&version.body),
            "status": status(version.active),
            "created_at": time(version.made),
            "updated_by": version.made_by,
            "object": "config_version",
        })
    });
    let data: Vec<Value> = shown.collect();
    let total = u64::try_from(data.len()).unwrap_or(u64::MAX);
    Ok(listed(total, data))
}

pub(super) async fn create(app: &App, ask: &Ask<'_>) -> Result<Value, Refusal> {
    let rest = &app.rest;
    let kept = rest.kept()?;
    let asked = Change::read(ask)?;
    let Some(name) = asked.name else {
        return Err(wrong("name", "a config needs a name"));
    };
    let Some(config) = asked.config else {
        return Err(wrong("config", "it is missing"));
    };
    let node = check(app, &config)?;
    let _alone = kept.changing.lock().await;
    if rest.saved.len() >= MOST {
        return Err(conflict(format!(
            "there are {MOST} saved configs, and no more are kept"
        )));
    }
    let slug = free_slug(rest, &name);
    let version = version(rest, ask, name, &config, asked.active.unwrap_or(true));
    let inserted = kept.configs.insert(&slug, &version).await;
    if !inserted.map_err(unavailable)? {
        return Err(conflict(format!(
            "there is a config {slug:?} already; try again"
        )));
    }
    rest.saved.put(&slug, tree(&version, node));
    tell("saved", ask, &slug);
    let ids = json!({ "id": slug, "version_id": version.id, "slug": slug, "object": "config" });
    Ok(whole(ids))
}

pub(super) async fn update(app: &App, ask: &Ask<'_>) -> Result<Value, Refusal> {
    let rest = &app.rest;
    not_written(rest, ask.name)?;
    let kept = rest.kept()?;
    let asked = Change::read(ask)?;
    let _alone = kept.changing.lock().await;
    let saved = kept.configs.get(ask.name).await.map_err(unavailable)?;
    let saved = saved.ok_or_else(|| not_found("config", ask.name))?;
    let config = asked.config.unwrap_or_else(|| parsed(&saved.latest.body));
    let node = check(app, &config)?;
    let name = asked.name.unwrap_or(saved.latest.name);
    let active = asked.active.unwrap_or(saved.latest.active);
    let version = version(rest, ask, name, &config, active);
    let updated = kept.configs.update(ask.name, &version).await;
    if !updated.map_err(unavailable)? {
        return Err(not_found("config", ask.name));
    }
    rest.saved.put(ask.name, tree(&version, node));
    tell("changed", ask, ask.name);
    let ids =
        json!({ "id": ask.name, "version_id": version.id, "slug": ask.name, "object": "config" });
    Ok(whole(ids))
}

pub(super) async fn delete(rest: &Rest, ask: &Ask<'_>) -> Result<Value, Refusal> {
    not_written(rest, ask.name)?;
    let kept = rest.kept()?;
    let _alone = kept.changing.lock().await;
    let removed = kept.configs.remove(ask.name).await.map_err(unavailable)?;
    if !removed {
        return Err(not_found("config", ask.name));
    }
    rest.saved.remove(ask.name);
    tell("deleted", ask, ask.name);
    Ok(json!({ "success": true, "data": {} }))
}

/// Reads a config as one that comes with a call, and lets none pass that could not be followed or holds a key.
fn check(app: &App, config: &Value) -> Result<Node, Refusal> {
    let refused = |error: orchestra_gateway::ConfigError| {
        let place = match error.path.as_str() {
            "" => "config".to_owned(),
            path => format!("config.{path}"),
        };
        Refusal::invalid("invalid_config", format!("{place}: {}", error.message))
            .at(place)
            .for_good()
    };
    let node = Node::parse(config).map_err(refused)?;
    keyless(&node, NOT_SAVED).map_err(refused)?;
    let checked = app
        .gateway
        .routes()
        .check_config(&node, &app.gateway.providers());
    checked.map_err(refused)?;
    Ok(node)
}

/// A slug that nothing has: the beginning of the name, and six digits of chance.
fn free_slug(rest: &Rest, name: &str) -> String {
    let letters = name.chars().filter(char::is_ascii_alphanumeric);
    let mut letters: String = letters.take(SLUG_LETTERS).collect();
    letters.make_ascii_lowercase();
    if letters.is_empty() {
        "config".clone_into(&mut letters);
    }
    loop {
        let slug = format!("pc-{letters}-{:06x}", rest.rng.next_u64() >> 40);
        if !rest.written.contains_key(&slug) && rest.saved.get(&slug).is_none() {
            return slug;
        }
    }
}

fn version(
    rest: &Rest,
    ask: &Ask<'_>,
    name: String,
    config: &Value,
    active: bool,
) -> ConfigVersion {
    ConfigVersion {
        id: rest.identity(),
        name,
        body: config.to_string(),
        active,
        made: rest.now(),
        made_by: ask.who().to_owned(),
    }
}

fn tree(version: &ConfigVersion, node: Node) -> SavedTree {
    if version.active {
        SavedTree::Ready(Arc::new(node))
    } else {
        SavedTree::Archived
    }
}

/// What stands in the configuration is changed there.
fn not_written(rest: &Rest, slug: &str) -> Result<(), Refusal> {
    if rest.written.contains_key(slug) {
        return Err(conflict(format!(
            "the config {slug:?} stands in [configs] of the gateway's configuration; it is changed there"
        )));
    }
    Ok(())
}

fn summary(saved: &SavedConfig) -> Value {
    let latest = &saved.latest;
    json!({
        "id": saved.slug,
        "slug": saved.slug,
        "name": latest.name,
        "status": status(latest.active),
        "is_default": 0,
        "version_id": latest.id,
        "owner_id": saved.created_by,
        "updated_by": latest.made_by,
        "created_at": time(saved.created),
        "last_updated_at": time(latest.made),
        "source": "saved",
        "object": "config",
    })
}

fn of_file(slug: &str) -> Value {
    json!({
        "id": slug,
        "slug": slug,
        "name": slug,
        "status": status(true),
        "is_default": 0,
        "source": "file",
        "object": "config",
    })
}

const fn status(active: bool) -> &'static str {
    if active { "active" } else { "archived" }
}

fn parsed(body: &str) -> Value {
    serde_json::from_str(body).unwrap_or_default()
}

fn tell(what: &str, ask: &Ask<'_>, slug: &str) {
    tracing::info!(target: "orchestra::audit", client = ask.who(), config = slug, "a config was {what}");
}
