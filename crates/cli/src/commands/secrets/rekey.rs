//! `orchestra secrets rekey`

use std::collections::BTreeSet;
use std::process::ExitCode;

use anyhow::{Context, bail, ensure};
use orchestra_secrets::{Credential, SlotInfo, SlotKind, State, Store, StoreError};
use serde_json::json;
use zeroize::Zeroizing;

use super::costs::Costs;
use super::desk::Desk;
use super::offers::KeyFileContent;
use super::recovery::Way;
use super::unlock::in_words;
use crate::arguments::keys::Rekey;
use crate::output::merge;
use crate::terminal::Terminal;

pub(super) async fn run(arguments: &Rekey, desk: &Desk<'_>) -> anyhow::Result<ExitCode> {
    match arguments.destroy {
        Some(version) => destroy(version, arguments, desk).await,
        None if arguments.root => root(arguments, desk).await,
        None => data(arguments, desk).await,
    }
}

/// A new data key, and everything encrypted under it.
async fn data(arguments: &Rekey, desk: &Desk<'_>) -> anyhow::Result<ExitCode> {
    let store = desk.unsealed(&arguments.unlock).await?;
    let done = store.rotate_key().await?;
    let leaked = kept(&store).await?;
    let told = json!({
        "key_version": done.key_version,
        "reencrypted": done.reencrypted,
        "resumed": done.resumed,
        "replace_if_leaked": leaked,
    });
    desk.output.result(&told, || {
        let begun = if done.resumed { "A rotation that was cut short is finished" } else { "Done" };
        let (count, version) = (done.reencrypted, done.key_version);
        let old = version.saturating_sub(1);
        format!(
            "{begun}: {count} value(s) encrypted anew; everything is under key version {version}.\n\
             Version {old} stays for backups from its time; when there are none: orchestra secrets rekey --destroy {old}\n{}",
            honest(&leaked)
        )
    })?;
    store.close().await;
    Ok(ExitCode::SUCCESS)
}

async fn destroy(version: u32, arguments: &Rekey, desk: &Desk<'_>) -> anyhow::Result<ExitCode> {
    desk.must_agree(
        arguments.recovery.yes,
        &format!("Destroy key version {version}? This store cannot use what was encrypted under it any more."),
    )?;
    let store = desk.unsealed(&arguments.unlock).await?;
    let keys = store.status().await?.keys;
    match keys.iter().find(|key| key.version == version) {
        None => bail!("the store has no key version {version}"),
        Some(key) if key.state == "destroyed" => {
            bail!("key version {version} is destroyed already")
        }
        Some(_) => store.destroy_key(version).await?,
    }
    desk.output.result(&json!({ "destroyed": version }), || {
        format!("Key version {version} is destroyed.\n")
    })?;
    store.close().await;
    Ok(ExitCode::SUCCESS)
}

/// A new root key, new slots, a new recovery key.
async fn root(arguments: &Rekey, desk: &Desk<'_>) -> anyhow::Result<ExitCode> {
    let way = Way::choose(desk, &arguments.recovery)?;
    let store = desk.unsealed(&arguments.unlock).await?;
    let slots = store.status().await?.slots;
    let credentials = credentials(&store, &slots, arguments, desk).await?;
    ensure!(
        !credentials.is_empty(),
        "nothing was given that shall open the store from now on (a passphrase, or a key file): nothing was changed"
    );
    let costs = Costs::choose(arguments.light);
    let done = store
        .rotate_root(credentials, costs.kdf, arguments.drop_others)
        .await;
    let done = done?;
    let leaked = kept(&store).await?;
    let mut told = json!({
        "slots": super::slots::json(&store.status().await?.slots),
        "dropped": done.dropped,
        "replace_if_leaked": leaked,
    });
    merge(&mut told, way.hand_over(&done.recovery)?);
    desk.output.result(&told, || {
        let dropped: Vec<String> = done.dropped.iter().map(u32::to_string).collect();
        let dropped = if dropped.is_empty() {
            String::new()
        } else {
            format!("These slots are gone: {}.\n", dropped.join(", "))
        };
        format!(
            "The root key is replaced, and with it the recovery key: the old one opens nothing but old copies.\n\
             {dropped}Running servers are sealed now: restart them, or `orchestra secrets unseal`.\n{}",
            honest(&leaked)
        )
    })?;
    store.close().await;
    Ok(ExitCode::SUCCESS)
}

/// The credentials of the slots that stay. Each is proved to open the store: a mistyped passphrase must not become
/// what the store is locked with.
async fn credentials(
    store: &Store,
    slots: &[SlotInfo],
    arguments: &Rekey,
    desk: &Desk<'_>,
) -> anyhow::Result<Vec<Credential>> {
    let files = desk.key_files(&arguments.unlock, &arguments.slot_key_files)?;
    let mut credentials = Vec::new();
    if slots.iter().any(|slot| slot.kind == SlotKind::KeyFile) {
        for (_, content) in &files {
            let make = || Credential::key_file(content);
            credentials.extend(proved(store, make).await?);
        }
    }
    for slot in slots.iter().filter(|slot| slot.kind.stretches()) {
        let typed = match &desk.terminal {
            Some(terminal) => typed(terminal, slot)?,
            None => continue,
        };
        let Some(passphrase) = typed else { continue };
        let found = with_passphrase(store, slot.kind, &passphrase, &files).await?;
        let found = found
            .with_context(|| format!("that does not open slot {}: nothing was changed", slot.id))?;
        credentials.push(found);
    }
    Ok(credentials)
}

fn typed(terminal: &Terminal, slot: &SlotInfo) -> anyhow::Result<Option<Zeroizing<String>>> {
    let question = format!(
        "Slot {} is opened by {}. Its passphrase (empty to leave the slot out): ",
        slot.id,
        in_words(slot.kind)
    );
    let typed = terminal.hidden(&question)?;
    Ok((!typed.is_empty()).then_some(typed))
}

async fn with_passphrase(
    store: &Store,
    kind: SlotKind,
    text: &str,
    files: &[KeyFileContent],
) -> anyhow::Result<Option<Credential>> {
    if kind == SlotKind::Passphrase {
        return proved(store, || Credential::passphrase(text)).await;
    }
    for (_, content) in files {
        let make = || Credential::passphrase_and_key_file(text, content);
        if let Some(found) = proved(store, make).await? {
            return Ok(Some(found));
        }
    }
    Ok(None)
}

/// The credential, if it opens the store.
async fn proved(
    store: &Store,
    make: impl Fn() -> Credential,
) -> anyhow::Result<Option<Credential>> {
    match store.unseal(make()).await {
        Ok(()) => Ok(Some(make())),
        Err(StoreError::Unlock(_)) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// The names of what was under the old key.
async fn kept(store: &Store) -> anyhow::Result<BTreeSet<String>> {
    let entries = store.entries(None).await?;
    let usable = entries.iter().filter(|entry| entry.state != State::Revoked);
    Ok(usable.map(|entry| entry.name.to_string()).collect())
}

/// What a rotation does not do.
fn honest(names: &BTreeSet<String>) -> String {
    if names.is_empty() {
        return String::new();
    }
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    format!(
        "\nThis does not protect what somebody copied under the old key. If that may have happened, replace these at \
         their providers, then `orchestra secrets rotate` each:\n  {}\n",
        names.join("\n  ")
    )
}
