//! `orchestra secrets export`, `restore` and `verify`

use std::fs;
use std::path::Path;
use std::process::ExitCode;

use anyhow::Context;
use orchestra_secrets::{Backup, BackupInfo, SlotKind, StoreReport};
use serde_json::{Value, json};

use super::desk::Desk;
use super::private_file::PrivateFile;
use super::unlock::{Attempt, in_words};
use crate::arguments::secrets::{Export, Restore, Verify};

pub(super) async fn export(arguments: &Export, desk: &Desk<'_>) -> anyhow::Result<ExitCode> {
    let mut file = PrivateFile::make(&arguments.out)?;
    let store = desk.unsealed(&arguments.unlock).await?;
    let bytes = store.export().await?;
    file.fill(&bytes)?;
    file.keep();
    let info = Backup::parse(bytes)?.info();
    let told = json!({ "file": arguments.out, "store": info.store, "epoch": info.epoch });
    desk.output.result(&told, || {
        let out = arguments.out.display();
        format!(
            "The backup is written: {out} (store {}, epoch {}). It is encrypted; it is opened by what opens the store \
             now: {}.\nProve that it can be restored, with the recovery key alone: orchestra secrets verify {out} --recovery\n",
            info.store,
            info.epoch,
            openers(&info)
        )
    })?;
    store.close().await;
    Ok(ExitCode::SUCCESS)
}

fn openers(info: &BackupInfo) -> String {
    let kinds: Vec<&str> = kinds(info).into_iter().map(in_words).collect();
    kinds.join(", ")
}

fn kinds(info: &BackupInfo) -> Vec<SlotKind> {
    let mut kinds = Vec::new();
    for slot in &info.slots {
        if !kinds.contains(&slot.kind) {
            kinds.push(slot.kind);
        }
    }
    kinds
}

fn read(path: &Path) -> anyhow::Result<Backup> {
    let bytes = fs::read(path).with_context(|| format!("{} cannot be read", path.display()))?;
    Backup::parse(bytes)
        .with_context(|| format!("{} is no backup that can be used", path.display()))
}

pub(super) async fn restore(arguments: &Restore, desk: &Desk<'_>) -> anyhow::Result<ExitCode> {
    let backup = read(&arguments.file)?;
    desk.refuse_second().await?;
    let parts = desk.place.parts(&desk.actor()).await?;
    let info = backup.info();
    let restored = desk
        .present_here(&arguments.unlock, &kinds(&info), async |credential| {
            Ok(backup.restore(parts.clone(), credential).await?)
        })
        .await?;
    let entries = restored.entries(None).await?.len();
    let status = restored.status().await?;
    let told = json!({
        "store": desk.place.describe(),
        "backup_epoch": info.epoch,
        "epoch": status.epoch,
        "versions": entries,
    });
    desk.output.result(&told, || {
        format!(
            "The store is restored in {}: {entries} version(s) of secrets, as they were in epoch {} of the backup.\n\
             What was set or rotated since is not in it, and what was REVOKED SINCE IS BACK: revoke it again.\n\
             Next: orchestra secrets verify, then orchestra secrets check\n",
            desk.place.describe(),
            info.epoch
        )
    })?;
    restored.close().await;
    Ok(ExitCode::SUCCESS)
}

pub(super) async fn verify(arguments: &Verify, desk: &Desk<'_>) -> anyhow::Result<ExitCode> {
    let (what, report) = match &arguments.backup {
        Some(path) => (
            path.display().to_string(),
            of_backup(path, arguments, desk).await?,
        ),
        None => {
            let store = desk.unsealed(&arguments.unlock).await?;
            let report = store.verify().await?;
            store.close().await;
            (desk.place.describe(), report)
        }
    };
    let problems = problems(&report);
    let told = json!({
        "ok": report.is_whole(),
        "what": what,
        "versions": report.entries,
        "audit_entries": report.audit.as_ref().map_or(Value::Null, |audit| audit.entries.into()),
        "problems": problems,
    });
    desk.output.result(&told, || match report.audit {
        Ok(ref audit) if problems.is_empty() => format!(
            "Whole: {what}. {} version(s) of secrets opened, {} entries of the audit log checked.\n",
            report.entries, audit.entries
        ),
        _ => format!(
            "NOT WHOLE: {what}\n  {}\nKeep a copy for whoever looks into this. A backup from before: orchestra secrets \
             restore BACKUP, in another place.\n",
            problems.join("\n  ")
        ),
    })?;
    Ok(if report.is_whole() {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(1)
    })
}

async fn of_backup(
    path: &Path,
    arguments: &Verify,
    desk: &Desk<'_>,
) -> anyhow::Result<StoreReport> {
    let backup = read(path)?;
    let kinds = kinds(&backup.info());
    let verify = async |credential| Ok::<_, Attempt>(backup.verify(credential)?);
    let report = desk.present_here(&arguments.unlock, &kinds, verify).await?;
    Ok(report.content)
}

/// A line for each thing that is wrong.
fn problems(report: &StoreReport) -> Vec<String> {
    let mut problems: Vec<String> = report.damaged.iter().map(ToString::to_string).collect();
    if report.unlisted > 0 {
        problems.push(format!("and {} more", report.unlisted));
    }
    if let Err(fault) = &report.audit {
        problems.push(fault.to_string());
    }
    problems
}
