//! A new passphrase, typed twice.

use anyhow::bail;
use orchestra_secrets::Credential;
use zeroize::Zeroizing;

use super::desk::Desk;
use crate::terminal::Terminal;

/// How often somebody may try.
const TRIES: u32 = 3;

/// Asks for a new passphrase until two agree.
pub(super) fn new(desk: &Desk<'_>) -> anyhow::Result<Zeroizing<String>> {
    let terminal = desk.terminal("a passphrase is typed")?;
    terminal.show(&format!(
        "A passphrase has at least {} characters: several words that you do not use elsewhere.\n",
        Credential::SHORTEST_PASSPHRASE
    ))?;
    for _ in 0..TRIES {
        match twice(terminal)? {
            Ok(passphrase) => return Ok(passphrase),
            Err(why) => terminal.show(&format!("{why}. Once more.\n"))?,
        }
    }
    bail!("no passphrase was chosen: nothing was changed")
}

/// The passphrase, or why it is none.
fn twice(terminal: &Terminal) -> anyhow::Result<Result<Zeroizing<String>, String>> {
    let first = terminal.hidden("New passphrase (not shown): ")?;
    if let Err(weak) = Credential::passphrase(&first).check() {
        return Ok(Err(capital(&weak.to_string())));
    }
    let second = terminal.hidden("Once more: ")?;
    Ok(if first == second {
        Ok(first)
    } else {
        Err("These are two different ones".to_owned())
    })
}

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| {
        first.to_uppercase().chain(letters).collect()
    })
}
