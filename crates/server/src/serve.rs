//! What `orchestra-server` and `orchestra serve` do, from the arguments to the exit code.

use std::io::Write;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context;
use orchestra_arena::HardenError;
use orchestra_providers::Catalogue;
use orchestra_secrets::Variables;
use tokio::signal::unix::{SignalKind, signal};

use crate::secrets::{Keeper, Prompt, Standing, Terminal, Vault};
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

/// Reads the configuration, the environment and a `.env` file in the working directory, and opens the secret store, sealed.
/// `prompt` is asked when it is unsealed and nothing else does that.
///
/// # Errors
/// Whatever is wrong with them, with the remedy.
pub async fn prepare(
    config: Option<&Path>,
    listen: Option<SocketAddr>,
    prompt: Arc<dyn Prompt>,
) -> anyhow::Result<(Config, Built)> {
    build(read(config, listen)?, prompt).await
}

/// What is known before anything is opened.
struct Found {
    config: Config,
    path: Option<PathBuf>,
    folder: PathBuf,
}

fn read(config: Option<&Path>, listen: Option<SocketAddr>) -> anyhow::Result<Found> {
    let folder = std::env::current_dir().context("the working directory cannot be found")?;
    let (mut config, path) = Config::load(config, &folder)?;
    if let Some(address) = listen {
        config.server.set_address(address);
    }
    Ok(Found {
        config,
        path,
        folder,
    })
}

async fn build(found: Found, prompt: Arc<dyn Prompt>) -> anyhow::Result<(Config, Built)> {
    let Found {
        config,
        path,
        folder,
    } = found;
    let place = || {
        path.as_ref().map_or_else(
            || "no configuration file".to_owned(),
            |path| path.display().to_string(),
        )
    };
    let variables = Variables::from_process().with_dotenv(&folder.join(".env"))?;
    let vault = Vault::open(&config.secrets, &folder, variables, prompt);
    let vault = vault.await.with_context(place)?;
    let catalogue = Catalogue::embedded();
    let built = config.build(&catalogue, vault).await;
    let built = built.with_context(place)?;
    Ok((config, built))
}

/// Serves until SIGTERM or SIGINT. The exit code is 0 after a clean stop, 1 if calls had to
/// be cut, 2 if the server could not start.
#[must_use]
pub fn main(config: Option<&Path>, options: &Options) -> ExitCode {
    let pages = orchestra_arena::use_small_pages();
    // Before there is anything to be hidden.
    let hardened = orchestra_arena::harden();
    orchestra_arena::install_panic_hook();
    match start(config, options, pages, hardened) {
        Ok(0) => ExitCode::SUCCESS,
        Ok(_) => ExitCode::from(1),
        Err(error) => {
            // Not through the log, which may be off, or the very thing that is wrong.
            let _ = writeln!(std::io::stderr(), "error: {error:#}");
            ExitCode::from(2)
        }
    }
}

fn start(
    config: Option<&Path>,
    options: &Options,
    pages: std::io::Result<()>,
    hardened: Result<(), HardenError>,
) -> anyhow::Result<usize> {
    init_logging(&options.log, options.log_format).context("--log is no filter")?;
    if let Err(error) = pages {
        tracing::debug!(%error, "more memory than needed: huge pages cannot be forbidden");
    }
    if let Err(error) = hardened {
        tracing::warn!("{:#}", anyhow::Error::from(error));
    }
    let found = read(config, options.listen)?;
    let workers = found.config.server.worker_threads;
    let runtime = runtime(workers).context("no threads can be started")?;
    let terminal = Arc::new(Terminal::default());
    let cut = runtime.block_on(run(found, Arc::clone(&terminal)));
    // Name look-ups may still run on blocking threads, and one may wait at the terminal; nobody waits for them any more.
    runtime.shutdown_background();
    terminal.restore();
    cut
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

async fn run(found: Found, terminal: Arc<Terminal>) -> anyhow::Result<usize> {
    let mut terminate = signal(SignalKind::terminate()).context("SIGTERM cannot be caught")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("SIGINT cannot be caught")?;
    let (config, built) = build(found, terminal).await?;
    let detected = built.detected;
    let server = Server::bind(&config, built, Arc::new(LogSink)).await?;
    announce(&server, &config, detected);
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
fn announce(server: &Server, config: &Config, detected: bool) {
    let providers = server.gateway().providers();
    let members = providers.members();
    let names: Vec<&str> = members
        .map(|member| member.provider.id().as_str())
        .collect();
    let origin = if detected {
        "by their keys"
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
    announce_store(server.keeper(), config);
    if !server.keeper().clients().required() {
        tracing::info!("no client key is set: every program on this machine may call");
    }
    tracing::info!("listening on http://{}", server.address());
}

fn announce_store(keeper: &Keeper, config: &Config) {
    let Some(place) = keeper.vault().place() else {
        return;
    };
    let configured = config.secrets.path.is_some() || config.secrets.database.is_some();
    let place_name = place.describe();
    match keeper.standing() {
        Standing::NoStore if configured => tracing::error!(
            "there is no secret store in {place_name}, as [secrets] says: make it with `orchestra secrets init`"
        ),
        Standing::NoStore => tracing::info!(
            "no secret store: keys come from the environment; `orchestra secrets init` makes one"
        ),
        Standing::Unsealed | Standing::Sealed(_) if place.anchor().is_none() => {
            tracing::info!("secret store: {place_name}");
            tracing::warn!(
                "the secret store has no anchor: nobody would notice if its database were put back to an older state"
            );
        }
        Standing::Unsealed | Standing::Sealed(_) => {
            tracing::info!("secret store: {place_name}");
        }
    }
}
