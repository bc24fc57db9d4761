//! `orchestra secrets status` and `accept-restore`

use std::process::ExitCode;

use anyhow::Context;
use orchestra_secrets::{SlotKind, Status};
use serde_json::{Value, json};

use super::control::Server;
use super::desk::Desk;
use super::unlock::{in_words, kinds};
use crate::arguments::secrets::AcceptRestore;

pub(super) async fn run(desk: &Desk<'_>) -> anyhow::Result<ExitCode> {
    let store = desk.store().await?;
    let status = store.status().await?;
    store.close().await;
    let server = match Server::find(desk.place.control()).await {
        Ok(Some(server)) => server.get("/v1/secrets/status").await.map(Some),
        Ok(None) => Ok(None),
        Err(error) => Err(error),
    };
    let told = json!({
        "place": desk.place.describe(),
        "store": status.store,
        "epoch": status.epoch,
        "root_version": status.root_version,
        "versions": status.entries,
        "slots": super::slots::json(&status.slots),
        "anchor": desk.place.anchor(),
        "server": server.as_ref().ok(),
    });
    if let Err(error) = &server {
        desk.output.aside(&format!("warning: {error:#}"));
    }
    desk.output.result(&told, || {
        let mut text = text(&status, desk);
        text.push_str(&of_server(server.ok().flatten().as_ref()));
        text
    })?;
    Ok(ExitCode::SUCCESS)
}

fn text(status: &Status, desk: &Desk<'_>) -> String {
    let slots: Vec<String> = status
        .slots
        .iter()
        .map(|slot| format!("{} (slot {})", in_words(slot.kind), slot.id))
        .collect();
    let anchor = desk.place.anchor().map_or_else(
        || "none: nobody would notice if the whole database were put back".to_owned(),
        |path| path.display().to_string(),
    );
    let rows = [
        ("Store", desk.place.describe()),
        ("Id", status.store.clone()),
        ("Epoch", format!("{} (counts changes)", status.epoch)),
        ("Secrets", format!("{} version(s)", status.entries)),
        ("Opened by", slots.join(", ")),
        ("Latest state", anchor),
    ];
    rows.iter().map(|(name, value)| line(name, value)).collect()
}

/// How a running server fares, and the keys that it has.
fn of_server(server: Option<&Value>) -> String {
    let Some(server) = server else {
        return line("Server", "none runs here");
    };
    let sealed = server["sealed"] == true;
    let detail = server["detail"].as_str().unwrap_or_default();
    let state = if sealed {
        format!("runs, sealed: {detail}")
    } else {
        "runs, unsealed".to_owned()
    };
    let mut text = line("Server", &state);
    for provider in server["providers"].as_array().into_iter().flatten() {
        text.push_str(&line("", &of_provider(provider)));
    }
    text
}

fn of_provider(provider: &Value) -> String {
    let text = |field: &str| provider[field].as_str().unwrap_or_default();
    let mut said = format!("{}: {}", text("name"), text("state").replace('_', " "));
    if !text("reason").is_empty() {
        said.push_str(&format!(", {}", text("reason")));
    }
    for key in provider["keys"].as_array().into_iter().flatten() {
        let name = key["name"].as_str().unwrap_or_default();
        said.push_str(&format!("; {name}"));
        if let Some(version) = key["version"].as_u64() {
            said.push_str(&format!(" version {version}"));
        }
        if let Some(seconds) = key["benched_seconds"].as_u64() {
            said.push_str(&format!(
                ", refused by the provider, left out for {seconds} s"
            ));
        }
    }
    said
}

fn line(name: &str, value: &str) -> String {
    format!("{name:<14}{value}\n")
}

pub(super) async fn accept_restore(
    arguments: &AcceptRestore,
    desk: &Desk<'_>,
) -> anyhow::Result<ExitCode> {
    desk.refuse_foreign()?;
    let store = desk.store().await?;
    let mut kinds = kinds(&store).await?;
    // It lies beside the server, so it says nothing of an operator.
    kinds.retain(|kind| *kind != SlotKind::KeyFile);
    let epoch = arguments.epoch;
    let accept = async |credential| Ok(store.accept_restore(credential, epoch).await?);
    let accepted = desk.present_here(&arguments.unlock, &kinds, accept).await;
    accepted
        .context("to accept an older state takes a passphrase or the recovery key (--recovery)")?;
    let now = store.status().await?.epoch;
    store.close().await;
    desk.output.result(&json!({ "accepted": epoch, "epoch": now }), || {
        format!(
            "Epoch {epoch} is accepted as the latest state (now {now}). What was set, revoked or rotated after it is \
             not there any more: orchestra secrets list\nA running server is \
             still sealed: orchestra secrets unseal\n"
        )
    })?;
    Ok(ExitCode::SUCCESS)
}
