//! `orchestra test`

use std::path::Path;
use std::process::ExitCode;

use orchestra_gateway::Gateway;
use orchestra_server::{Status, is_portkey};
use serde_json::{Value, json};

use super::checks::{self, Checked};
use super::{block_on, local_gateway};
use crate::output::Output;

/// Asks every configured provider once, Portkey among them, and says what works.
pub(crate) fn run(config: Option<&Path>, output: &Output) -> anyhow::Result<ExitCode> {
    let found = block_on(async {
        let gateway = local_gateway(config).await?;
        Ok(Found::of(&gateway).await)
    })?;
    output.result(&found.json(), || found.text())?;
    Ok(match found.status() {
        Status::Healthy => ExitCode::SUCCESS,
        Status::Degraded | Status::Unhealthy => ExitCode::from(1),
    })
}

/// What came of the test.
struct Found {
    checks: Vec<Checked>,
    /// Which of them are Portkey.
    portkeys: Vec<usize>,
}

impl Found {
    async fn of(gateway: &Gateway) -> Self {
        let checks = checks::check(gateway, checks::in_use(gateway)).await;
        let providers = gateway.providers();
        let members = providers.members().enumerate();
        let portkeys = members.filter(|(_, member)| is_portkey(&member.provider));
        Self {
            portkeys: portkeys.map(|(at, _)| at).collect(),
            checks,
        }
    }

    fn status(&self) -> Status {
        let one = |check: &Checked| {
            if check.works() {
                Status::Healthy
            } else {
                Status::Unhealthy
            }
        };
        Status::of_all(self.checks.iter().map(one))
    }

    fn available(&self) -> Vec<&str> {
        let working = self.checks.iter().filter(|check| check.works());
        working.map(|check| check.name.as_str()).collect()
    }

    fn portkeys(&self) -> impl Iterator<Item = &Checked> {
        self.portkeys.iter().map(|at| &self.checks[*at])
    }

    /// In the fields of `GET /health/portkey`, and some more.
    fn json(&self) -> Value {
        json!({
            "client_initialised": true,
            "status": self.status().as_str(),
            "available_providers": self.available(),
            "connection_test": self.portkeys().any(Checked::works),
            "portkey_configured": !self.portkeys.is_empty(),
            "providers": self.checks.iter().map(Checked::json).collect::<Vec<_>>(),
        })
    }

    fn text(&self) -> String {
        let (working, all) = (self.available(), self.checks.len());
        let mut text = format!("Client initialised: yes, providers configured: {all}\n");
        if all == 0 {
            text.push_str("Set a key such as OPENAI_API_KEY (see `orchestra providers list`)\n");
        } else {
            text.push_str(&format!("\n{}\n", checks::lines(&self.checks)));
        }
        let available = if working.is_empty() {
            "none".to_owned()
        } else {
            working.join(", ")
        };
        text.push_str(&format!("Providers available: {available}\n"));
        for portkey in self.portkeys() {
            let (name, detail) = (&portkey.name, portkey.detail());
            text.push_str(&if portkey.works() {
                format!("Portkey: working with `{name}`, {detail}\n")
            } else {
                format!("Portkey: not working with `{name}`: {detail}\n")
            });
        }
        if self.portkeys.is_empty() {
            text.push_str("Portkey: not configured\n");
        }
        let status = self.status().as_str();
        text.push_str(&format!(
            "Health: {status}, {} of {all} providers work\n",
            working.len()
        ));
        text
    }
}
