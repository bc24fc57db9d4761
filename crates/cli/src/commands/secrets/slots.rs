//! `orchestra secrets slots`, and `passwd`

use std::process::ExitCode;

use anyhow::{bail, ensure};
use orchestra_secrets::{SlotInfo, SlotKind, Store};
use serde_json::{Value, json};

use super::costs::Costs;
use super::desk::Desk;
use super::locks::{self, KeyFile, Lock};
use super::unlock::in_words;
use crate::arguments::keys::{AddSlot, NewSlot, Passwd, RemoveSlot, Slots};
use crate::output::table;

/// Slots for programs.
pub(super) fn json(slots: &[SlotInfo]) -> Value {
    let slot = |slot: &SlotInfo| json!({ "slot": slot.id, "kind": slot.kind.as_str() });
    slots.iter().map(slot).collect()
}

pub(super) async fn run(what: &Slots, desk: &Desk<'_>) -> anyhow::Result<ExitCode> {
    match what {
        Slots::List => list(desk).await,
        Slots::Add(arguments) => add(arguments, desk).await,
        Slots::Rm(arguments) => remove(arguments, desk).await,
    }
}

async fn list(desk: &Desk<'_>) -> anyhow::Result<ExitCode> {
    let store = desk.store().await?;
    let slots = store.status().await?.slots;
    let row = |slot: &SlotInfo| vec![slot.id.to_string(), in_words(slot.kind).to_owned()];
    let rows: Vec<Vec<String>> = slots.iter().map(row).collect();
    desk.output
        .result(&json(&slots), || table(&["SLOT", "OPENED BY"], &rows))?;
    store.close().await;
    Ok(ExitCode::SUCCESS)
}

async fn add(arguments: &AddSlot, desk: &Desk<'_>) -> anyhow::Result<ExitCode> {
    let lock = match arguments.kind {
        NewSlot::Passphrase => Lock::Passphrase,
        NewSlot::KeyFile => Lock::KeyFile,
        NewSlot::Both => Lock::Both,
    };
    let path = arguments.slot_key_file.as_deref();
    ensure!(
        path.is_some() == (lock != Lock::Passphrase),
        "--slot-key-file names the file that a `key-file` or `both` slot is locked with, and only these have one"
    );
    let store = desk.unsealed(&arguments.unlock).await?;
    let file = path
        .map(|path| KeyFile::of(path, arguments.new_key_file))
        .transpose()?;
    let credential = locks::credential(lock, file.as_ref(), desk)?;
    let (kind, costs) = (credential.kind(), Costs::choose(arguments.light));
    let slot = store.add_slot(credential, costs.kdf).await?;
    if let Some(file) = file {
        file.keep();
    }
    let warning = path.and_then(|path| locks::beside_the_store(path, desk));
    if let Some(warning) = warning {
        desk.output.aside(&format!("warning: {warning}"));
    }
    report(slot, kind, costs, None, desk)?;
    store.close().await;
    Ok(ExitCode::SUCCESS)
}

async fn remove(arguments: &RemoveSlot, desk: &Desk<'_>) -> anyhow::Result<ExitCode> {
    let slot = arguments.slot;
    let store = desk.store().await?;
    let slots = store.status().await?.slots;
    if let Some(kind) = kind_of(&slots, slot) {
        let what = in_words(kind);
        desk.must_agree(
            arguments.yes,
            &format!("Remove slot {slot}? Then {what} does not open the store any more."),
        )?;
    }
    store.close().await;
    let store = desk.unsealed(&arguments.unlock).await?;
    store.remove_slot(slot).await?;
    desk.output.result(&json!({ "removed": slot }), || {
        format!(
            "Slot {slot} is removed. Whoever has both an old copy of the database and its passphrase or file can \
             still open that copy; `orchestra secrets rekey --root` makes new keys for what is kept from now on.\n"
        )
    })?;
    store.close().await;
    Ok(ExitCode::SUCCESS)
}

/// Puts a new passphrase in the place of one.
pub(super) async fn passwd(arguments: &Passwd, desk: &Desk<'_>) -> anyhow::Result<ExitCode> {
    let store = desk.unsealed(&arguments.unlock).await?;
    let slot = with_passphrase(&store, arguments.slot).await?;
    let file = arguments.slot_key_file.as_deref();
    let (lock, file) = match (slot.kind, file) {
        (SlotKind::PassphraseAndKeyFile, Some(path)) => {
            (Lock::Both, Some(KeyFile::of(path, false)?))
        }
        (SlotKind::PassphraseAndKeyFile, None) => bail!(
            "slot {} is locked with a passphrase and a key file: name the file with --slot-key-file",
            slot.id
        ),
        _ => (Lock::Passphrase, None),
    };
    let credential = locks::credential(lock, file.as_ref(), desk)?;
    let costs = Costs::choose(arguments.light);
    let new = store.replace_slot(slot.id, credential, costs.kdf).await;
    report(new?, slot.kind, costs, Some(slot.id), desk)?;
    store.close().await;
    Ok(ExitCode::SUCCESS)
}

/// The slot whose passphrase is meant.
async fn with_passphrase(store: &Store, asked: Option<u32>) -> anyhow::Result<SlotInfo> {
    let slots = store.status().await?.slots;
    let typed = |slot: &&SlotInfo| slot.kind.stretches() && asked.is_none_or(|id| slot.id == id);
    let found: Vec<&SlotInfo> = slots.iter().filter(typed).collect();
    match (found.as_slice(), asked) {
        ([slot], _) => Ok(**slot),
        ([], Some(slot)) => bail!("slot {slot} has no passphrase (`orchestra secrets slots list`)"),
        ([], None) => bail!(
            "the store has no passphrase: add one with `orchestra secrets slots add passphrase`"
        ),
        (several, _) => {
            let numbers: Vec<String> = several.iter().map(|slot| slot.id.to_string()).collect();
            bail!(
                "several slots have a passphrase: name one with --slot ({})",
                numbers.join(", ")
            )
        }
    }
}

fn kind_of(slots: &[SlotInfo], id: u32) -> Option<SlotKind> {
    slots
        .iter()
        .find(|slot| slot.id == id)
        .map(|slot| slot.kind)
}

fn report(
    slot: u32,
    kind: SlotKind,
    costs: Costs,
    replaced: Option<u32>,
    desk: &Desk<'_>,
) -> anyhow::Result<()> {
    let told = json!({
        "slot": slot,
        "kind": kind.as_str(),
        "replaced": replaced,
        "argon2id": kind.stretches().then(|| costs.json()),
    });
    desk.output.result(&told, || {
        let mut text = format!("Slot {slot} opens the store with {}.", in_words(kind));
        if let Some(replaced) = replaced {
            text.push_str(&format!(
                " Slot {replaced} is gone: the old passphrase opens nothing but old copies."
            ));
        }
        if kind.stretches() {
            text.push_str(&format!("\nTo whoever guesses, {}", costs.describe()));
        }
        text + "\n"
    })?;
    Ok(())
}
