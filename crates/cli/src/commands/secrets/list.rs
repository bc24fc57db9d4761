//! `orchestra secrets list`

use std::process::ExitCode;

use anyhow::bail;
use orchestra_secrets::StoreError;
use serde_json::{Value, json};

use super::desk::Desk;
use super::shown;
use crate::arguments::secrets::Named;
use crate::when;

pub(super) async fn run(arguments: &Named, desk: &Desk<'_>) -> anyhow::Result<ExitCode> {
    let store = desk.store().await?;
    let entries = store.entries(arguments.name.as_ref()).await?;
    if let Some(name) = arguments.name.as_ref().filter(|_| entries.is_empty()) {
        bail!("{}", StoreError::NoSecret(name.clone()));
    }
    let now = when::now_ms();
    let values: Vec<Value> = entries
        .iter()
        .map(|entry| shown::json(entry, now))
        .collect();
    if entries.is_empty() {
        desk.output
            .aside("the store holds no secret yet: orchestra secrets set OPENAI_API_KEY");
    }
    desk.output
        .result(&json!(values), || shown::list(&entries, now))?;
    store.close().await;
    Ok(ExitCode::SUCCESS)
}
