//! The vendors' clients, driven by the scripts in `tests/python` and `tests/node`.

use std::collections::HashMap;

use serde_json::Value;
use tokio::process::Command;

use super::{CLIENT_KEY, Server, Tool, Voice, repository};

/// One of the four official clients.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Client {
    OpenAiPython,
    OpenAiNode,
    AnthropicPython,
    AnthropicNode,
}

/// Whose dialects a client speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Family {
    OpenAi,
    Anthropic,
}

impl Client {
    pub(crate) const fn family(self) -> Family {
        match self {
            Self::OpenAiPython | Self::OpenAiNode => Family::OpenAi,
            Self::AnthropicPython | Self::AnthropicNode => Family::Anthropic,
        }
    }

    /// Runs the scenarios, all of which must hold, and returns what each of them reports.
    pub(crate) async fn run(self, server: &Server, scenarios: &[&str]) -> HashMap<String, Value> {
        let told = self.start(server, scenarios).finish().await;
        let facts: HashMap<String, Value> = told
            .into_iter()
            .filter_map(|mut line| {
                let name = line["scenario"].as_str()?.to_owned();
                Some((name, line["facts"].take()))
            })
            .collect();
        assert_eq!(facts.len(), scenarios.len(), "{facts:?} of {scenarios:?}");
        facts
    }

    /// Starts the scenarios. The client knows the gateway's address and key, and nothing else.
    pub(crate) fn start(self, server: &Server, scenarios: &[&str]) -> Voice {
        let mut command = match self {
            Self::OpenAiPython => python_script("openai_client.py"),
            Self::OpenAiNode => node("openai_client.mjs"),
            Self::AnthropicPython => python_script("anthropic_client.py"),
            Self::AnthropicNode => node("anthropic_client.mjs"),
        };
        command
            .arg(server.url())
            .args(scenarios)
            .env("ORCHESTRA_CLIENT_KEY", CLIENT_KEY);
        Voice::start(command)
    }
}

fn python_script(script: &str) -> Command {
    let mut command = python();
    command.arg(repository().join("tests/python").join(script));
    command
}

/// Python, with an environment that holds nothing but the way to its packages.
pub(crate) fn python() -> Command {
    let mut command = Command::new(Tool::Python.path());
    command.env_clear().env("PYTHONDONTWRITEBYTECODE", "1");
    // Set where the packages are in a folder of their own for want of `venv`.
    if let Some(packages) = std::env::var_os("PYTHONPATH") {
        command.env("PYTHONPATH", packages);
    }
    command
}

/// A script for Node, with an environment that holds nothing but the way to its packages.
pub(crate) fn node(script: &str) -> Command {
    let mut command = Command::new(Tool::Node.path());
    command
        .env_clear()
        .env("ORCHESTRA_TEST_NODE_PATH", Tool::NodeModules.path());
    command.arg(repository().join("tests/node").join(script));
    command
}
