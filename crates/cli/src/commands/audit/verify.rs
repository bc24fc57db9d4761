//! `orchestra audit verify` and `checkpoint`

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::Path;
use std::process::ExitCode;

use anyhow::Context;
use orchestra_secrets::{AuditReport, Checkpoint, Store, StoreError};
use serde_json::json;

use crate::arguments::audit::{Checkpoint as Arguments, Verify};
use crate::commands::secrets::Desk;

pub(super) async fn run(arguments: &Verify, desk: &Desk<'_>) -> anyhow::Result<ExitCode> {
    let kept = arguments.checkpoint.as_deref().map(read).transpose()?;
    // A log that was tampered with may keep the store from being unsealed; just that is the question.
    let verified = match desk.unsealed(&arguments.unlock).await {
        Ok(store) => verify(&store, kept.as_ref()).await,
        Err(error) => Err(error),
    };
    match verified {
        Ok(report) => whole(&report, kept.is_some(), desk),
        Err(error) => broken(error, desk),
    }
}

async fn verify(store: &Store, kept: Option<&Checkpoint>) -> anyhow::Result<AuditReport> {
    let report = match kept {
        Some(kept) => store.verify_against(kept).await,
        None => store.verify_audit().await,
    };
    store.close().await;
    Ok(report?)
}

fn read(path: &Path) -> anyhow::Result<Checkpoint> {
    let text = fs::read_to_string(path);
    let text = text.with_context(|| format!("the checkpoint {} cannot be read", path.display()))?;
    Ok(Checkpoint { text })
}

fn whole(report: &AuditReport, compared: bool, desk: &Desk<'_>) -> anyhow::Result<ExitCode> {
    let told = json!({
        "ok": true,
        "entries": report.entries,
        "checkpoints": report.checkpoints,
        "last_checkpoint": report.last_checkpoint,
        "compared": compared,
    });
    desk.output.result(&told, || {
        let kept = if compared {
            "It holds everything that the checkpoint covers."
        } else {
            "Compare it with a checkpoint that was kept elsewhere (--checkpoint FILE) to know that nobody with the \
             keys wrote it anew."
        };
        format!("The audit log is whole: {} entries.\n{kept}\n", report.entries)
    })?;
    Ok(ExitCode::SUCCESS)
}

/// The first bad entry is an answer, with exit code 1; whatever else is wrong is an error.
fn broken(error: anyhow::Error, desk: &Desk<'_>) -> anyhow::Result<ExitCode> {
    let fault = error
        .chain()
        .find_map(|cause| match cause.downcast_ref::<StoreError>() {
            Some(StoreError::AuditTampered { seq, reason }) => Some((*seq, reason.as_str())),
            _ => None,
        });
    let Some((seq, reason)) = fault else {
        return Err(error);
    };
    let told = json!({ "ok": false, "first_bad": seq, "reason": reason });
    desk.output.result(&told, || {
        format!(
            "NOT WHOLE: entry {seq} of the audit log is {reason}. It is the first bad one; of what comes after it \
             nothing can be said.\nKeep a copy of the database for whoever looks into this.\n"
        )
    })?;
    Ok(ExitCode::from(1))
}

/// Signs the log as it is.
pub(super) async fn checkpoint(arguments: &Arguments, desk: &Desk<'_>) -> anyhow::Result<ExitCode> {
    let store = desk.unsealed(&arguments.unlock).await?;
    let checkpoint = store.checkpoint().await?;
    let key = store.checkpoint_key()?;
    store.close().await;
    // Unsealing is an entry of its own, so there is something new to be signed.
    let checkpoint = checkpoint
        .context("another process signed the log at the same moment: run this once more")?;
    if let Some(path) = &arguments.out {
        write_new(path, &checkpoint.text)?;
    }
    let told = json!({ "checkpoint": checkpoint.text, "key": key, "file": arguments.out });
    desk.output.result(&told, || match &arguments.out {
        None => checkpoint.text.clone(),
        Some(path) => format!(
            "The checkpoint is written: {}\nKeep it where whoever changes the database cannot: with it, `orchestra \
             audit verify --checkpoint FILE` finds a log that was cut or written anew.\nIts public key: {key}\n",
            path.display()
        ),
    })?;
    Ok(ExitCode::SUCCESS)
}

/// It is no secret; but what is there is not overwritten.
fn write_new(path: &Path, text: &str) -> anyhow::Result<()> {
    let file = OpenOptions::new().write(true).create_new(true).open(path);
    file.and_then(|mut file| file.write_all(text.as_bytes()))
        .with_context(|| format!("{} cannot be written as a new file", path.display()))
}
