//! The systems that are compared, and how each is started.

use std::fmt;
use std::fs;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::str::FromStr;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};

use super::machine::{Machine, Side};
use super::process::{Process, pause};
use super::visit::ask_once;

/// A way from the load driver to the scripted upstream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum System {
    /// No gateway: what the bench itself costs.
    Direct,
    /// The pass-through of the bench crate: what HTTP costs.
    Hyper,
    Orchestra,
    /// Orchestra where the provider speaks Anthropic's dialect and the client Chat.
    Translated,
}

impl System {
    pub(crate) const ALL: [Self; 4] =
        [Self::Direct, Self::Hyper, Self::Orchestra, Self::Translated];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Direct => "direct",
            Self::Hyper => "hyper",
            Self::Orchestra => "orchestra",
            Self::Translated => "translated",
        }
    }
}

impl fmt::Display for System {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for System {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> anyhow::Result<Self> {
        let found = Self::ALL.into_iter().find(|system| system.name() == text);
        found.with_context(|| format!("there is no system {text:?}"))
    }
}

/// What the load driver presents; long enough for Orchestra to accept it as a key.
pub(crate) const CLIENT_KEY: &str = "bench-client-key-of-this-machine";
/// The model that the load driver asks for.
const MODEL: &str = "gpt-4o-mini";
const PROVIDER_KEY: &str = "bench-provider-key-of-this-machine";

/// A system that has been waited for longer than this will not come.
const BOOT_LIMIT: Duration = Duration::from_secs(20);
/// Between two knocks at the door of a system that is starting.
const KNOCK_EVERY: Duration = Duration::from_millis(1);

/// Where the programs and the files of a run are.
#[derive(Debug)]
pub(crate) struct Setup {
    programs: PathBuf,
    scratch: PathBuf,
}

/// The scripted upstream, ready to answer.
#[derive(Debug)]
pub(crate) struct Upstream {
    pub(crate) addr: SocketAddr,
    _process: Process,
}

/// A gateway, ready to answer.
#[derive(Debug)]
pub(crate) struct Gateway {
    pub(crate) addr: SocketAddr,
    pub(crate) process: Process,
    /// From the start of the process to its first answer.
    pub(crate) boot: Duration,
}

impl Setup {
    /// # Errors
    /// If the folder for files of the run cannot be made.
    pub(crate) fn new(target: &Path) -> anyhow::Result<Self> {
        let scratch = target.join("bench");
        fs::create_dir_all(&scratch)
            .with_context(|| format!("cannot create {}", scratch.display()))?;
        Ok(Self {
            programs: target.join("release"),
            scratch,
        })
    }

    /// The release build of one of our programs.
    pub(crate) fn program(&self, name: &str) -> PathBuf {
        self.programs.join(name)
    }

    /// # Errors
    /// If it does not start or does not answer.
    pub(crate) fn start_upstream(&self, machine: &Machine) -> anyhow::Result<Upstream> {
        let addr = free_address()?;
        let mut command = machine.command(Side::Around, self.program("orchestra-testkit"));
        command.args(["--addr", &addr.to_string(), "--no-log"]);
        let mut process = Process::start("the scripted upstream", &mut command)?;
        first_answer(&mut process, addr)?;
        Ok(Upstream {
            addr,
            _process: process,
        })
    }

    /// Starts the gateway of a system; `None` for the system that has none.
    ///
    /// # Errors
    /// If it does not start or does not answer.
    pub(crate) fn start_gateway(
        &self,
        system: System,
        machine: &Machine,
        upstream: &Upstream,
    ) -> anyhow::Result<Option<Gateway>> {
        let addr = free_address()?;
        let mut command = match system {
            System::Direct => return Ok(None),
            System::Hyper => self.hyper(machine, addr, upstream.addr),
            System::Orchestra => {
                let provider = provider("openai", upstream.addr);
                self.orchestra(machine, addr, &provider)?
            }
            System::Translated => {
                let provider = provider("anthropic", upstream.addr);
                let alias = format!("[models]\n\"{MODEL}\" = [\"bench/claude-sonnet-5-5\"]\n");
                self.orchestra(machine, addr, &(provider + &alias))?
            }
        };
        let start = Instant::now();
        let mut process = Process::start(system.name(), &mut command)?;
        first_answer(&mut process, addr)?;
        Ok(Some(Gateway {
            addr,
            process,
            boot: start.elapsed(),
        }))
    }

    fn hyper(&self, machine: &Machine, addr: SocketAddr, upstream: SocketAddr) -> Command {
        let mut command = machine.command(Side::Gateway, self.program("hyper-pass"));
        command.args(["--addr", &addr.to_string()]);
        command.args(["--upstream", &upstream.to_string()]);
        command
    }

    /// Orchestra as a user would run it for one provider, on one thread like the reference.
    fn orchestra(
        &self,
        machine: &Machine,
        addr: SocketAddr,
        provider: &str,
    ) -> anyhow::Result<Command> {
        let config = format!(
            r#"[server]
listen = "{addr}"
worker_threads = 1
client_keys = [{{ name = "bench", key = "env:ORCHESTRA_BENCH_CLIENT_KEY" }}]

{provider}"#
        );
        let path = self.scratch.join("orchestra.toml");
        fs::write(&path, config).with_context(|| format!("cannot write {}", path.display()))?;
        let mut command = machine.command(Side::Gateway, self.program("orchestra-server"));
        command.arg("--config").arg(path);
        command.env("ORCHESTRA_BENCH_CLIENT_KEY", CLIENT_KEY);
        command.env("ORCHESTRA_BENCH_PROVIDER_KEY", PROVIDER_KEY);
        Ok(command)
    }
}

/// The scripted upstream as a provider of this kind, in Orchestra's configuration.
fn provider(kind: &str, upstream: SocketAddr) -> String {
    format!(
        r#"[[providers]]
name = "bench"
kind = "{kind}"
base_url = "http://{upstream}/v1"
key = "env:ORCHESTRA_BENCH_PROVIDER_KEY"
"#
    )
}

/// A loopback address with a port that nobody uses at this moment.
fn free_address() -> anyhow::Result<SocketAddr> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("no port is free")?;
    Ok(listener.local_addr()?)
}

/// Asks until there is a good answer.
fn first_answer(process: &mut Process, addr: SocketAddr) -> anyhow::Result<()> {
    let give_up = Instant::now() + BOOT_LIMIT;
    loop {
        process.still_runs()?;
        match ask_once(addr) {
            Ok(200) => return Ok(()),
            Ok(status) if Instant::now() > give_up => bail!("it answers with status {status}"),
            Err(error) if Instant::now() > give_up => return Err(error.into()),
            Ok(_) | Err(_) => pause(KNOCK_EVERY),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn systems_have_names_that_parse() {
        for system in System::ALL {
            assert_eq!(system.to_string().parse::<System>().unwrap(), system);
        }
        assert!("nginx".parse::<System>().is_err());
    }
}
