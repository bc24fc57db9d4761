//! `orchestra secrets revoke` and `rm`

use std::process::ExitCode;

use orchestra_secrets::{Name, Store, StoreError};
use serde_json::{Value, json};

use super::desk::Desk;
use super::shown;
use crate::arguments::secrets::{Remove, Revoke};
use crate::when;

pub(super) async fn run(arguments: &Revoke, desk: &Desk<'_>) -> anyhow::Result<ExitCode> {
    let Revoke {
        name, version, yes, ..
    } = arguments;
    let what = version.map_or_else(
        || format!("all versions of {name}"),
        |version| format!("version {version} of {name}"),
    );
    desk.must_agree(*yes, &format!("Erase {what}? Nobody will get it any more."))?;
    let store = desk.unsealed(&arguments.unlock).await?;
    let revoked = match store.revoke(name, *version).await {
        Err(StoreError::NoVersion { version, .. }) if is_there(&store, name, version).await? => {
            Vec::new()
        }
        revoked => revoked?,
    };
    let now = when::now_ms();
    let values: Vec<Value> = revoked
        .iter()
        .map(|entry| shown::json(entry, now))
        .collect();
    desk.output.result(&json!({ "revoked": values }), || {
        if revoked.is_empty() {
            return format!("Revoked already: {what}.\n");
        }
        let versions: Vec<String> = revoked
            .iter()
            .map(|entry| entry.version.to_string())
            .collect();
        format!(
            "Revoked: {name}, version {}. The value is erased; backups from before still hold it.\n\
             A key that somebody else may know must be revoked at its provider, too.\n",
            versions.join(", ")
        )
    })?;
    store.close().await;
    Ok(ExitCode::SUCCESS)
}

/// Whether there is such a version, which then is revoked already.
async fn is_there(store: &Store, name: &Name, version: u32) -> anyhow::Result<bool> {
    let versions = store.entries(Some(name)).await?;
    Ok(versions.iter().any(|entry| entry.version == version))
}

pub(super) async fn remove(arguments: &Remove, desk: &Desk<'_>) -> anyhow::Result<ExitCode> {
    let name = &arguments.name;
    let question = format!("Remove {name} with all its versions?");
    desk.must_agree(arguments.yes, &question)?;
    let store = desk.unsealed(&arguments.unlock).await?;
    let count = store.remove(name).await?;
    let told = json!({ "removed": name.to_string(), "versions": count });
    desk.output.result(&told, || {
        format!(
            "Removed: {name}, {count} version(s). The audit log keeps what was done with it, backups still hold it.\n"
        )
    })?;
    store.close().await;
    Ok(ExitCode::SUCCESS)
}
