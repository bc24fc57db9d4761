//! `orchestra models`

use std::path::Path;
use std::process::ExitCode;

use serde_json::{Value, json};

use super::{block_on, local_gateway};
use crate::arguments::Models;
use crate::output::{Output, table};
use crate::price;
use crate::remote::Remote;

/// Lists the models that can be asked for: here with what they cost, or at a running gateway, whose list is its clients'.
pub(crate) fn run(
    arguments: &Models,
    config: Option<&Path>,
    output: &Output,
) -> anyhow::Result<ExitCode> {
    let (columns, models) = match Remote::named(&arguments.server)? {
        Some(remote) => (2, block_on(there(&remote))?),
        None => (2 + price::COLUMNS.len(), block_on(here(config))?),
    };
    if models.is_empty() {
        output.aside("no models: set a provider's key, such as OPENAI_API_KEY (see `orchestra providers list`)");
    }
    let mut head = vec!["MODEL", "PROVIDER"];
    head.extend(price::COLUMNS);
    let (listed, mut rows): (Vec<Value>, Vec<Vec<String>>) = models.into_iter().unzip();
    rows.iter_mut().for_each(|row| row.truncate(columns));
    let table = || table(&head[..columns], &rows);
    output.result(&json!(listed), table)?;
    Ok(ExitCode::SUCCESS)
}

/// A model as JSON and as a row of the table.
type Line = (Value, Vec<String>);

async fn there(remote: &Remote) -> anyhow::Result<Vec<Line>> {
    let mut list = remote.get("/v1/models").await?;
    let models = list["data"].as_array_mut().map(std::mem::take);
    let text = |model: &Value, field: &str| model[field].as_str().unwrap_or_default().to_owned();
    let line = |model: Value| {
        let row = ["id", "owned_by"].map(|field| text(&model, field));
        (model, row.to_vec())
    };
    Ok(models.unwrap_or_default().into_iter().map(line).collect())
}

async fn here(config: Option<&Path>) -> anyhow::Result<Vec<Line>> {
    let gateway = local_gateway(config).await?;
    let line = |entry: orchestra_gateway::ModelEntry| {
        let known = gateway.list_price(&entry.id);
        let (id, provider) = (entry.id, entry.provider.to_string());
        let model = json!({ "id": id, "owned_by": provider, "created": entry.created, "price": price::json(known.as_ref()) });
        let row = [id, provider]
            .into_iter()
            .chain(price::cells(known.as_ref()));
        (model, row.collect())
    };
    Ok(gateway.models().await.into_iter().map(line).collect())
}
