//! `orchestra-server`: the gateway as a service, and nothing else.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use orchestra_server::{LogFormat, serve};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// The Orchestra gateway between applications and LLM providers.
#[derive(Debug, Parser)]
#[command(version)]
struct Arguments {
    /// Configuration file [default: orchestra.toml in the working directory, if there is one]
    #[arg(long, env = "ORCHESTRA_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
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

fn main() -> ExitCode {
    let Arguments {
        config,
        listen,
        log,
        log_format,
    } = Arguments::parse();
    serve::main(&serve::Options {
        config,
        listen,
        log,
        log_format,
    })
}
