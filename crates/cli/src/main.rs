//! The `orchestra` command.

mod arguments;
mod commands;
mod output;
mod remote;
mod text;

use std::process::ExitCode;

use clap::Parser;

use arguments::{Arguments, Command};
use output::Output;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let output = Output::new(arguments.json);
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
        Command::Models(models) => {
            commands::models::run(&models, arguments.config.as_deref(), &output)
        }
    };
    done.unwrap_or_else(|error| {
        output.fail(&error);
        ExitCode::from(2)
    })
}
