//! What `orchestra-server` and `orchestra serve` do, from the arguments to the exit code.

use std::io::Write;
use std::net::SocketAddr;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context;
use orchestra_providers::Catalogue;
use orchestra_secrets::Variables;
use tokio::signal::unix::{SignalKind, signal};

use crate::{Built, Config, LogFormat, LogSink, Server, init_logging};

/// Warnings and the server's own news; a line per call only on request.
pub const DEFAULT_LOG: &str = "info,orchestra::calls=warn";

/// The arguments of a server.
#[derive(Clone, Debug, clap::Args)]
pub struct Options {
    /// Address and port to listen on, instead of the configuration's
    #[arg(long, env = "ORCHESTRA_LISTEN", value_name = "ADDRESS:PORT")]
    pub listen: Option<SocketAddr>,
    /// What to log, such as `info` or `info,orchestra::calls=info` for a line per call
    #[arg(long, env = "ORCHESTRA_LOG", value_name = "FILTER", default_value = DEFAULT_LOG)]
    pub log: String,
    /// How log lines look
    #[arg(long, env = "ORCHESTRA_LOG_FORMAT", value_enum, default_value_t)]
    pub log_format: LogFormat,
}

/// Reads the configuration, the environment and a `.env` file in the working directory.
///
/// # Errors
/// Whatever is wrong with them, with the remedy.
pub fn prepare(
    config: Option<&Path>,
    listen: Option<SocketAddr>,
) -> anyhow::Result<(Config, Built)> {
    let folder = std::env::current_dir().context("the working directory cannot be found")?;
    let (mut config, path) = Config::load(config, &folder)?;
    if let Some(address) = listen {
        config.server.set_address(address);
    }
    let variables = Variables::from_process().with_dotenv(&folder.join(".env"))?;
    let built = config
        .build(&Catalogue::embedded(), &variables)
        .with_context(|| {
            path.map_or_else(
                || "no configuration file".to_owned(),
                |path| path.display().to_string(),
            )
        })?;
    Ok((config, built))
}

/// Serves until SIGTERM or SIGINT. The exit code is 0 after a clean stop, 1 if calls had to
/// be cut, 2 if the server could not start.
#[must_use]
pub fn main(config: Option<&Path>, options: &Options) -> ExitCode {
    match start(config, options) {
        Ok(0) => ExitCode::SUCCESS,
        Ok(_) => ExitCode::from(1),
        Err(error) => {
            // Not through the log, which may be off, or the very thing that is wrong.
            let _ = writeln!(std::io::stderr(), "error: {error:#}");
            ExitCode::from(2)
        }
    }
}

fn start(config: Option<&Path>, options: &Options) -> anyhow::Result<usize> {
    init_logging(&options.log, options.log_format).context("--log is no filter")?;
    let (config, built) = prepare(config, options.listen)?;
    let runtime = runtime(config.server.worker_threads).context("no threads can be started")?;
    let cut = runtime.block_on(run(&config, built))?;
    // Name look-ups may still run on blocking threads; nobody waits for them any more.
    runtime.shutdown_background();
    Ok(cut)
}

/// Threads as configured; with one, everything runs on the thread that calls.
fn runtime(workers: Option<usize>) -> std::io::Result<tokio::runtime::Runtime> {
    let mut builder = match workers {
        Some(1) => tokio::runtime::Builder::new_current_thread(),
        _ => tokio::runtime::Builder::new_multi_thread(),
    };
    if let Some(workers) = workers.filter(|workers| *workers > 1) {
        builder.worker_threads(workers);
    }
    builder.enable_all().build()
}

async fn run(config: &Config, built: Built) -> anyhow::Result<usize> {
    let mut terminate = signal(SignalKind::terminate()).context("SIGTERM cannot be caught")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("SIGINT cannot be caught")?;
    let found = built.from_environment;
    let keyed = !built.client_keys.is_empty();
    let server = Server::bind(config, built, Arc::new(LogSink)).await?;
    announce(&server, found, keyed);
    let cut = server
        .run(async move {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
            tracing::info!("stopping: running calls may finish");
        })
        .await;
    tracing::info!(cut, "stopped");
    Ok(cut)
}

/// Tells the operator what there is, in the first lines of the log.
fn announce(server: &Server, from_environment: bool, keyed: bool) {
    let names: Vec<&str> = server
        .gateway()
        .providers()
        .members()
        .map(|member| member.provider.id().as_str())
        .collect();
    let origin = if from_environment {
        "by their keys in the environment"
    } else {
        "in the configuration"
    };
    if names.is_empty() {
        tracing::warn!(
            "no provider: set a key such as OPENAI_API_KEY or ANTHROPIC_API_KEY, or write [[providers]] in orchestra.toml"
        );
    } else {
        tracing::info!("providers found {origin}: {}", names.join(", "));
    }
    if !keyed {
        tracing::info!("no client key is set: every program on this machine may call");
    }
    tracing::info!("listening on http://{}", server.address());
}
