//! What can be typed.

pub(crate) mod audit;
pub(crate) mod keys;
mod name;
pub(crate) mod route;
pub(crate) mod secrets;
pub(crate) mod simulate;

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use orchestra_server::serve;

/// Orchestra: one gateway between your applications and every LLM provider.
#[derive(Debug, Parser)]
#[command(version, propagate_version = true)]
pub(crate) struct Arguments {
    /// Configuration file [default: orchestra.toml in the working directory, if there is one]
    #[arg(long, global = true, env = "ORCHESTRA_CONFIG", value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Print JSON for programs instead of text for people
    #[arg(long, global = true)]
    pub(crate) json: bool,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Serve applications until stopped
    Serve(serve::Options),
    /// Serve with two scripted providers, to try everything without a key
    Demo(Demo),
    /// Ask a model and print its answer
    Chat(Chat),
    /// Show the providers there are, or test those in use
    #[command(subcommand)]
    Providers(Providers),
    /// Ask every configured provider once, Portkey among them, and say what works: costs no tokens; the exit code is 1
    /// if one fails
    Test,
    /// List the models that can be asked for
    Models(Models),
    /// Say where a call would go, and why
    #[command(subcommand)]
    Route(route::Route),
    /// Show what the configuration would make of outages: its success, waits and load, and what each of its measures is worth.
    /// Nothing is sent, and no key is needed
    Simulate(simulate::Simulate),
    /// Keep provider keys in an encrypted store
    #[command(subcommand)]
    Secrets(secrets::Secrets),
    /// Read and check the log of what was done with secrets
    #[command(subcommand)]
    Audit(audit::Audit),
}

#[derive(Debug, Args)]
pub(crate) struct Demo {
    /// Address and port to listen on
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:8000")]
    pub(crate) listen: SocketAddr,
}

#[derive(Debug, Args)]
pub(crate) struct Chat {
    /// What to say
    #[arg(value_name = "TEXT")]
    pub(crate) text: String,
    /// The model: a name, an alias or provider/model [default: the first known model of the first provider]
    #[arg(long, short)]
    pub(crate) model: Option<String>,
    /// The provider, where the model's name alone does not say it
    #[arg(long, short)]
    pub(crate) provider: Option<String>,
    /// Print the answer as it comes
    #[arg(long, short)]
    pub(crate) stream: bool,
    /// The most tokens to answer with
    #[arg(long, default_value_t = 1024, value_name = "TOKENS")]
    pub(crate) max_tokens: u32,
    #[command(flatten)]
    pub(crate) server: RunningServer,
}

#[derive(Debug, Args)]
pub(crate) struct Models {
    #[command(flatten)]
    pub(crate) server: RunningServer,
}

/// A server to ask, instead of calling the providers from here.
#[derive(Args)]
pub(crate) struct RunningServer {
    /// A running gateway to ask, such as `http://127.0.0.1:8000`; without it the providers are called from here
    #[arg(long, env = "ORCHESTRA_URL", value_name = "URL")]
    pub(crate) url: Option<String>,
    /// The client key for that gateway
    #[arg(
        long,
        env = "ORCHESTRA_CLIENT_KEY",
        value_name = "KEY",
        hide_env_values = true
    )]
    pub(crate) client_key: Option<String>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Providers {
    /// Every provider of the catalogue and of the configuration, and which can be used
    List,
    /// Ask each provider in use for its models: costs no tokens, proves address and key
    Test {
        /// Only this one
        name: Option<String>,
    },
}

impl fmt::Debug for RunningServer {
    /// The address, not the key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RunningServer")
            .field("url", &self.url)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_arguments_fit_together() {
        Arguments::command().debug_assert();
    }
}
