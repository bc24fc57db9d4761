//! The vendors' clients, driven by the scripts in `tests/python` and `tests/node`.

use std::collections::HashMap;

use serde_json::Value;
use tokio::process::Command;

use super::{CLIENT_KEY, Server, Tool, Voice, repository};

/// One of the four official clients, or of the two of Portkey's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Client {
    OpenAiPython,
    OpenAiNode,
    AnthropicPython,
    AnthropicNode,
    PortkeyPython,
    PortkeyNode,
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
            Self::OpenAiPython | Self::OpenAiNode | Self::PortkeyPython | Self::PortkeyNode => {
                Family::OpenAi
            }
            Self::AnthropicPython | Self::AnthropicNode => Family::Anthropic,
        }
    }

    /// Runs the scenarios, all of which must hold, and returns what each of them reports.
    pub(crate) async fn run(self, server: &Server, scenarios: &[&str]) -> HashMap<String, Value> {
        facts(self.start(server, scenarios), scenarios.len()).await
    }

    /// Starts the scenarios. The client knows the gateway's address and key, and nothing else.
    pub(crate) fn start(self, server: &Server, scenarios: &[&str]) -> Voice {
        let mut command = match self {
            Self::OpenAiPython => python_script("openai_client.py"),
            Self::OpenAiNode => node("openai_client.mjs"),
            Self::AnthropicPython => python_script("anthropic_client.py"),
            Self::AnthropicNode => node("anthropic_client.mjs"),
            Self::PortkeyPython => python_script("portkey_client.py"),
            Self::PortkeyNode => node("portkey_client.mjs"),
        };
        sent_to(server, &mut command).args(scenarios);
        Voice::start(command)
    }
}

/// A client that is sent to upstreams of any dialect.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Guest {
    OpenAiPython,
    OpenAiNode,
    AnthropicPython,
    AnthropicNode,
    LangChain,
    AiSdk,
}

impl Guest {
    /// Runs the scenarios, all of which must hold.
    pub(crate) async fn run(self, server: &Server, scenarios: &[String]) {
        facts(self.start(server, scenarios), scenarios.len()).await;
    }

    /// Starts the scenarios.
    pub(crate) fn start(self, server: &Server, scenarios: &[String]) -> Voice {
        let mut command = match self {
            Self::OpenAiPython => python_script("openai_anywhere.py"),
            Self::OpenAiNode => node("openai_anywhere.mjs"),
            Self::AnthropicPython => python_script("anthropic_anywhere.py"),
            Self::AnthropicNode => node("anthropic_anywhere.mjs"),
            Self::LangChain => python_script("langchain_anywhere.py"),
            Self::AiSdk => node("ai_sdk_anywhere.mjs"),
        };
        sent_to(server, &mut command).args(scenarios);
        Voice::start(command)
    }
}

fn sent_to<'a>(server: &Server, command: &'a mut Command) -> &'a mut Command {
    command
        .arg(server.url())
        .env("ORCHESTRA_CLIENT_KEY", CLIENT_KEY)
}

/// What each of so many scenarios reports at its good end.
async fn facts(script: Voice, expected: usize) -> HashMap<String, Value> {
    let told = script.finish().await;
    let facts: HashMap<String, Value> = told
        .into_iter()
        .filter_map(|mut line| {
            let name = line["scenario"].as_str()?.to_owned();
            Some((name, line["facts"].take()))
        })
        .collect();
    assert_eq!(facts.len(), expected, "{facts:?}");
    facts
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
