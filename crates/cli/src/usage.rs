//! What is said to whoever types something that is no command.
//!
//! Where secrets are handled, nothing of it is repeated: it may be one.

use std::ffi::OsStr;
use std::io::{self, Write};
use std::process::ExitCode;

use clap::error::{ContextKind, ContextValue, ErrorKind};

/// The commands that handle secrets.
const DISCREET: [&str; 2] = ["secrets", "audit"];

/// Why a value does not belong on the command line, and what to do if it was put there.
pub(crate) const NEVER_TYPED: &str = "\
a secret is never given on the command line: everybody on this machine can see it there while the command
runs, and your shell keeps it in its history. It is asked for, or read with --file or from standard input:

  orchestra secrets set NAME
  orchestra secrets set NAME --file FILE
  pass show openai | orchestra secrets set NAME

If you typed a secret just now, remove it from the history of your shell (`history -d` in bash), and replace
it at its provider if others use this machine.";

/// Prints help, or what is wrong. The exit code is 0 for what was asked for, else 2.
pub(crate) fn answer(error: &clap::Error) -> ExitCode {
    let discreet = std::env::args_os().any(|typed| is_discreet(&typed));
    let shown = match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => {
            // Nobody is left to tell if standard output is closed.
            let _ = error.print();
            return ExitCode::SUCCESS;
        }
        // These name what is missing or does not go together, all of which are words of ours.
        ErrorKind::MissingRequiredArgument
        | ErrorKind::ArgumentConflict
        | ErrorKind::MissingSubcommand
        | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => error.to_string(),
        _ if discreet => without_what_was_typed(error),
        _ => error.to_string(),
    };
    let _ = io::stderr().write_all(shown.as_bytes());
    ExitCode::from(2)
}

fn is_discreet(typed: &OsStr) -> bool {
    DISCREET.iter().any(|command| typed == *command)
}

fn without_what_was_typed(error: &clap::Error) -> String {
    let place = match error.get(ContextKind::InvalidArg) {
        Some(ContextValue::String(place)) => place.as_str(),
        _ => "an argument",
    };
    let said = match error.kind() {
        ErrorKind::InvalidSubcommand => "there is no such command".to_owned(),
        ErrorKind::UnknownArgument => {
            format!(
                "there is an argument that this command does not take (it is not repeated here: it may hold a secret)\n\n{NEVER_TYPED}"
            )
        }
        ErrorKind::TooManyValues => format!("{place} takes no value, or fewer"),
        _ => {
            let why = std::error::Error::source(error).map(|why| format!(": {why}"));
            format!(
                "what was given for {place} cannot be used{}",
                why.unwrap_or_default()
            )
        }
    };
    let usage = match error.get(ContextKind::Usage) {
        Some(ContextValue::StyledStr(usage)) => format!("\n{usage}\n"),
        _ => String::new(),
    };
    format!("error: {said}\n{usage}\nFor more information, try '--help'.\n")
}
