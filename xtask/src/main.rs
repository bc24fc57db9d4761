//! The toolbox of the project: `cargo xtask <task>`.
//!
//! `main` only dispatches; each task is one module. The toolbox depends on no Orchestra
//! crate, so that it builds while they do not.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a command-line tool speaks on its standard streams"
)]

mod arguments;
mod arrows;
mod bench;
mod check;
mod command;
mod fuzz;
mod inheritance;
mod interrupts;
mod postgres;
mod safety;
mod sizes;
mod steps;
mod test;
mod tools;
mod unsafety;

use std::process::ExitCode;

use anyhow::bail;

use crate::arguments::Arguments;

const HELP: &str = "\
cargo xtask <task>

  check   formatting, lints, documentation, dependency arrows, sizes, licences
  test    everything: check, build, the tools the tests need, all tests
            --no-check      skip the checks
  postgres  a PostgreSQL for one command, with no data, gone when the command ends
            --pinned        the one that is pinned, even if others are installed
            -- COMMAND...   gets ORCHESTRA_TEST_POSTGRES_URL and ORCHESTRA_TEST_POSTGRES_BIN
  fuzz    libFuzzer on the targets of fuzz/ (on the stable toolchain; a C++ compiler is needed)
            --seconds N     for each target (60)
            --only A,B      targets whose names contain one of these
  safety  takes away each line that keeps secrets safe; each must turn a test red (start it with
          `cargo xtask postgres -- cargo xtask safety`)
            --only TEXT     lines whose description contains this
  bench   Orchestra beside a hyper pass-through and no gateway at all
            --rounds N      interleaved rounds (5; 2 with --quick)
            --quick         half as long per step
            --only A,B      of: direct, hyper, orchestra
            --out FILE      where the JSON goes (target/bench/report.json)";

fn main() -> ExitCode {
    let mut arguments = Arguments::from_command_line();
    match dispatch(&mut arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("xtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn dispatch(arguments: &mut Arguments) -> anyhow::Result<()> {
    match arguments.next_word().as_deref() {
        Some("check") => check::run(arguments),
        Some("test") => test::run(arguments),
        Some("postgres") => postgres::run(arguments),
        Some("bench") => bench::run(arguments),
        Some("fuzz") => fuzz::run(arguments),
        Some("safety") => safety::run(arguments),
        None | Some("help" | "--help" | "-h") => {
            println!("{HELP}");
            Ok(())
        }
        Some(other) => bail!("there is no task {other:?}\n\n{HELP}"),
    }
}
