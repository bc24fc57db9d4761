//! Serves the scripted provider on its own, for test programs in other languages and for benchmarks.

use std::io::{self, Write as _};
use std::process::ExitCode;

use orchestra_testkit::{Script, Upstream};
use tokio::net::TcpListener;

const USAGE: &str = "\
usage: orchestra-testkit [--addr HOST:PORT] [--no-log] [--script FILE.json] [DIRECTIVE ...]

Serves a scripted provider and prints its base URL. A directive is key=number, such as
chunks=30 gap=5 status=503 every=3; a request may carry its own in its body, as
[[fake status=503]], whatever is given here. GET /__testkit/log, POST /__testkit/reset
and POST /__testkit/script control it.";

fn main() -> ExitCode {
    let result = Settings::read(std::env::args().skip(1)).and_then(|settings| serve(&settings));
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // With standard error closed there is nobody to tell.
            let _ = writeln!(io::stderr(), "orchestra-testkit: {error}\n\n{USAGE}");
            ExitCode::FAILURE
        }
    }
}

struct Settings {
    address: String,
    script: Script,
}

impl Settings {
    fn read(mut arguments: impl Iterator<Item = String>) -> io::Result<Self> {
        let (mut address, mut log) = ("127.0.0.1:0".to_owned(), true);
        let (mut directives, mut script) = (String::new(), None);
        while let Some(argument) = arguments.next() {
            let mut value = || {
                arguments
                    .next()
                    .ok_or_else(|| invalid(format!("{argument} needs a value")))
            };
            match argument.as_str() {
                "--addr" => address = value()?,
                "--no-log" => log = false,
                "--script" => script = Some(read_script(&value()?)?),
                directive if directive.contains('=') => {
                    directives.push_str(directive);
                    directives.push(' ');
                }
                other => return Err(invalid(format!("unknown argument {other}"))),
            }
        }
        let script: Script = match (script, directives.as_str()) {
            (Some(script), "") => script,
            (Some(_), _) => {
                return Err(invalid("give a script or directives, not both".to_owned()));
            }
            (None, directives) => directives
                .parse()
                .map_err(|e| io::Error::new(io::ErrorKind::InvalidInput, e))?,
        };
        let script = script.with_directives();
        Ok(Self {
            address,
            script: if log { script } else { script.without_log() },
        })
    }
}

fn read_script(path: &str) -> io::Result<Script> {
    let named = |error: io::Error| io::Error::new(error.kind(), format!("{path}: {error}"));
    let text = std::fs::read(path).map_err(named)?;
    serde_json::from_slice(&text).map_err(|error| named(error.into()))
}

fn invalid(message: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, message)
}

#[tokio::main(flavor = "current_thread")]
async fn serve(settings: &Settings) -> io::Result<()> {
    let listener = TcpListener::bind(&settings.address).await?;
    let upstream = Upstream::serve_on(listener, settings.script.clone())?;
    upstream.enable_control();
    writeln!(io::stdout(), "{}", upstream.base_url())?;
    tokio::signal::ctrl_c().await
}
