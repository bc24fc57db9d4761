//! The `orchestra` command.

mod advice;
mod arguments;
mod commands;
mod output;
mod price;
mod remote;
mod terminal;
mod text;
mod usage;
mod when;

use std::process::ExitCode;

use clap::Parser;

use arguments::{Arguments, Command};
use output::Output;
use terminal::NotTyped;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    // Most commands hold keys at some time: nobody reads this process, and no panic says what it held.
    orchestra_arena::install_panic_hook();
    let hardened = orchestra_arena::harden();
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => return usage::answer(&error),
    };
    let output = Output::new(arguments.json);
    if let Err(error) = hardened {
        output.aside(&format!("warning: {error}"));
    }
    let done = match arguments.command {
        // The server has its own way of logging and its own exit codes.
        Command::Serve(serve) => {
            return orchestra_server::serve::main(arguments.config.as_deref(), &serve);
        }
        Command::Demo(demo) => commands::demo::run(&demo, &output),
        Command::Chat(chat) => commands::chat::run(&chat, arguments.config.as_deref(), &output),
        Command::Providers(what) => {
            commands::providers::run(&what, arguments.config.as_deref(), &output)
        }
        Command::Test => commands::test::run(arguments.config.as_deref(), &output),
        Command::Models(models) => {
            commands::models::run(&models, arguments.config.as_deref(), &output)
        }
        Command::Route(what) => commands::route::run(&what, arguments.config.as_deref(), &output),
        Command::Simulate(asked) => {
            commands::simulate::run(&asked, arguments.config.as_deref(), &output)
        }
        Command::Secrets(what) => {
            commands::secrets::run(&what, arguments.config.as_deref(), &output)
        }
        Command::Audit(what) => commands::audit::run(&what, arguments.config.as_deref(), &output),
    };
    done.unwrap_or_else(|error| {
        output.fail(&error, advice::of(&error).as_deref());
        ExitCode::from(code(&error))
    })
}

/// 2 for a failure; what a shell gives for a program that Ctrl-C ended, where somebody pressed it.
fn code(error: &anyhow::Error) -> u8 {
    let interrupted = |cause: &(dyn std::error::Error + 'static)| {
        matches!(cause.downcast_ref(), Some(NotTyped::Interrupted))
    };
    if error.chain().any(interrupted) {
        130
    } else {
        2
    }
}
