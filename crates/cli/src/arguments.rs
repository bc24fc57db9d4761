//! What can be typed.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use orchestra_server::{LogFormat, serve};

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
    Serve(Serve),
    /// Serve with two scripted providers, to try everything without a key
    Demo(Demo),
    /// Ask a model and print its answer
    Chat(Chat),
    /// Show the providers there are, or test those in use
    #[command(subcommand)]
    Providers(Providers),
    /// List the models that can be asked for
    Models(Models),
}

#[derive(Debug, Args)]
pub(crate) struct Serve {
    /// Address and port to listen on, instead of the configuration's
    #[arg(long, env = "ORCHESTRA_LISTEN", value_name = "ADDRESS:PORT")]
    listen: Option<SocketAddr>,
    /// What to log, such as `info` or `info,orchestra::calls=info` for a line per call
    #[arg(long, env = "ORCHESTRA_LOG", value_name = "FILTER", default_value = serve::DEFAULT_LOG)]
    log: String,
    /// How log lines look
    #[arg(long, env = "ORCHESTRA_LOG_FORMAT", value_enum, default_value_t)]
    log_format: LogFormat,
}

impl Serve {
    pub(crate) fn options(self, config: Option<PathBuf>) -> serve::Options {
        serve::Options {
            config,
            listen: self.listen,
            log: self.log,
            log_format: self.log_format,
        }
    }
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
#[derive(Debug, Args)]
pub(crate) struct RunningServer {
    /// A running gateway to ask, such as `http://127.0.0.1:8000`; without it the providers are called from here
    #[arg(long, env = "ORCHESTRA_URL", value_name = "URL")]
    pub(crate) url: Option<String>,
    /// The client key for that gateway
    #[arg(
        long,
        env = "ORCHESTRA_CLIENT_KEY",
        value_name = "KEY",
        hide_env_values = true,
        requires = "url"
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
