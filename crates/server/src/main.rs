//! `orchestra-server`: the gateway as a service, and nothing else.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use orchestra_server::serve;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// The Orchestra gateway between applications and LLM providers.
#[derive(Debug, Parser)]
#[command(version)]
struct Arguments {
    /// Configuration file [default: orchestra.toml in the working directory, if there is one]
    #[arg(long, env = "ORCHESTRA_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(flatten)]
    serve: serve::Options,
}

fn main() -> ExitCode {
    let Arguments { config, serve } = Arguments::parse();
    serve::main(config.as_deref(), &serve)
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
