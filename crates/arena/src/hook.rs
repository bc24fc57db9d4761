//! Panics that say where, and never what.

use std::io::{self, Write};
use std::panic::{self, PanicHookInfo};

/// From here on a panic prints its place and a constant message to standard error.
///
/// The message of a panic may hold the value that caused it. Replaces the hook that was there,
/// and with it backtraces. What a thread returns to whoever joins it is still the message.
pub fn install_panic_hook() {
    panic::set_hook(Box::new(report));
}

fn report(info: &PanicHookInfo<'_>) {
    let mut out = io::stderr().lock();
    // Whoever closed standard error does not want to know.
    let _ = match info.location() {
        Some(place) => writeln!(
            out,
            "panicked at {place}; the message is withheld, it may hold a secret"
        ),
        None => writeln!(
            out,
            "panicked; the message is withheld, it may hold a secret"
        ),
    };
}
