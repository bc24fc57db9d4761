//! `orchestra providers`

use std::path::Path;
use std::process::ExitCode;

use orchestra_dialects::Endpoint;
use orchestra_gateway::{Gateway, KeyStanding, Member};
use orchestra_providers::{Catalogue, Provider};
use orchestra_types::ProviderId;
use serde_json::{Value, json};

use super::checks::{self, Checked};
use super::{block_on, local_gateway, unattended_gateway};
use crate::arguments::Providers;
use crate::output::{Output, table};

/// Lists or tests providers.
pub(crate) fn run(
    what: &Providers,
    config: Option<&Path>,
    output: &Output,
) -> anyhow::Result<ExitCode> {
    match what {
        Providers::List => list(&block_on(unattended_gateway(config))?, output),
        Providers::Test { name } => block_on(async {
            let gateway = local_gateway(config).await?;
            test(&gateway, name.as_deref(), output).await
        }),
    }
}

/// One line of the list.
struct Line {
    name: String,
    label: String,
    /// What is missing; empty for a provider that can be called.
    needs: String,
    /// Whether it is one of those that the gateway works with.
    in_use: bool,
    endpoints: Vec<&'static str>,
    address: String,
}

impl Line {
    fn in_use(member: &Member) -> Self {
        let provider = &member.provider;
        let needs = match member.key_standing() {
            KeyStanding::NotNeeded | KeyStanding::Ready => String::new(),
            KeyStanding::Sealed => "sealed".to_owned(),
            KeyStanding::Missing { reason } => format!("no key: {reason}"),
        };
        Self {
            name: provider.id().to_string(),
            label: provider.label().to_owned(),
            needs,
            in_use: true,
            endpoints: spoken(provider),
            address: provider.origin().to_owned(),
        }
    }

    /// A provider of the catalogue that is not in use.
    fn dormant(catalogue: &Catalogue, kind: &str) -> Option<Self> {
        let row = catalogue.get(kind)?;
        let mut complete = row.clone();
        let address = row.base_url.clone().unwrap_or_default();
        // What it speaks does not depend on where it is.
        complete
            .base_url
            .get_or_insert_with(|| "http://127.0.0.1".to_owned());
        let provider = Provider::build(ProviderId::new(kind).ok()?, &complete).ok()?;
        let needs = match provider.key_names().first() {
            Some(variable) if row.works_with_a_key_alone() => format!("set {variable}"),
            _ => "configure it in orchestra.toml".to_owned(),
        };
        let label = provider.label().to_owned();
        Some(Self {
            name: kind.to_owned(),
            label,
            needs,
            in_use: false,
            endpoints: spoken(&provider),
            address,
        })
    }

    fn json(&self) -> Value {
        json!({
            "name": self.name,
            "label": self.label,
            "in_use": self.in_use,
            "needs": (!self.needs.is_empty()).then_some(&self.needs),
            "endpoints": self.endpoints,
            "address": self.address,
        })
    }

    fn row(&self) -> Vec<String> {
        let state = if self.needs.is_empty() {
            "in use"
        } else {
            &self.needs
        };
        vec![
            self.name.clone(),
            state.to_owned(),
            self.endpoints.join(" "),
            self.address.clone(),
        ]
    }
}

fn spoken(provider: &Provider) -> Vec<&'static str> {
    Endpoint::ALL
        .into_iter()
        .filter(|e| provider.endpoint(*e).is_some())
        .map(Endpoint::name)
        .collect()
}

fn list(gateway: &Gateway, output: &Output) -> anyhow::Result<ExitCode> {
    let mut lines: Vec<Line> = gateway
        .providers()
        .members()
        .map(|member| Line::in_use(member))
        .collect();
    let catalogue = Catalogue::embedded();
    for kind in catalogue.kinds() {
        if !lines.iter().any(|line| line.name == kind) {
            lines.extend(Line::dormant(&catalogue, kind));
        }
    }
    let rows: Vec<Vec<String>> = lines.iter().map(Line::row).collect();
    let values: Vec<Value> = lines.iter().map(Line::json).collect();
    output.result(&json!(values), || {
        table(&["PROVIDER", "STATE", "ENDPOINTS", "ADDRESS"], &rows)
    })?;
    Ok(ExitCode::SUCCESS)
}

/// Exit code 1 if any provider fails, or none is there to be tested.
async fn test(gateway: &Gateway, only: Option<&str>, output: &Output) -> anyhow::Result<ExitCode> {
    let names = match only {
        Some(name) => vec![ProviderId::new(name)?],
        None => checks::in_use(gateway),
    };
    if names.is_empty() {
        output.aside("no provider is in use: set a key such as OPENAI_API_KEY (see `orchestra providers list`)");
    }
    let checks = checks::check(gateway, names).await;
    let values: Vec<Value> = checks.iter().map(Checked::json).collect();
    output.result(&json!(values), || checks::lines(&checks))?;
    Ok(if !checks.is_empty() && checks.iter().all(Checked::works) {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(1)
    })
}
