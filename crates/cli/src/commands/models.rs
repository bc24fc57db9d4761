//! `orchestra models`

use std::path::Path;
use std::process::ExitCode;

use serde_json::{Value, json};

use super::{block_on, local_gateway};
use crate::arguments::Models;
use crate::output::{Output, table};
use crate::remote::Remote;

/// Lists the models that can be asked for, here or at a running gateway.
pub(crate) fn run(
    arguments: &Models,
    config: Option<&Path>,
    output: &Output,
) -> anyhow::Result<ExitCode> {
    let models = match Remote::named(&arguments.server)? {
        Some(remote) => {
            let list = block_on(remote.get("/v1/models"))?;
            list["data"].as_array().cloned().unwrap_or_default()
        }
        None => block_on(async {
            let gateway = local_gateway(config).await?;
            let shown = |entry: orchestra_gateway::ModelEntry| json!({ "id": entry.id, "owned_by": entry.provider.as_str(), "created": entry.created });
            Ok(gateway
                .models()
                .await
                .into_iter()
                .map(shown)
                .collect::<Vec<Value>>())
        })?,
    };
    if models.is_empty() {
        output.aside("no models: set a provider's key, such as OPENAI_API_KEY (see `orchestra providers list`)");
    }
    let rows: Vec<Vec<String>> = models
        .iter()
        .map(|model| {
            ["id", "owned_by"]
                .map(|field| model[field].as_str().unwrap_or_default().to_owned())
                .to_vec()
        })
        .collect();
    output.result(&json!(models), || table(&["MODEL", "PROVIDER"], &rows))?;
    Ok(ExitCode::SUCCESS)
}
