//! Handing the recovery key over, once.

use anyhow::{Context, bail};
use orchestra_secrets::{Entropy, OsEntropy, RecoveryKey};
use serde_json::{Value, json};

use super::desk::Desk;
use super::private_file::PrivateFile;
use crate::arguments::secrets::RecoveryOut;
use crate::terminal::{NotTyped, Terminal};

/// Where the key will go. Decided before the key is made, so that none is made that nobody gets.
#[derive(Debug)]
pub(super) enum Way<'d> {
    /// To whoever sits there, and some of it back.
    Shown {
        terminal: &'d Terminal,
        ask_back: bool,
    },
    /// Into a file that is there already, empty.
    File(PrivateFile),
    /// Into the result, for a program.
    Json,
}

impl<'d> Way<'d> {
    /// # Errors
    /// If nobody would get the key.
    pub(super) fn choose(desk: &'d Desk<'_>, asked: &RecoveryOut) -> anyhow::Result<Self> {
        if let Some(path) = &asked.recovery_out {
            return Ok(Self::File(PrivateFile::make(path)?));
        }
        if desk.output.is_json() {
            return Ok(Self::Json);
        }
        match &desk.terminal {
            Some(terminal) if Terminal::is_output() => Ok(Self::Shown {
                terminal,
                ask_back: !asked.yes,
            }),
            _ => bail!(
                "the recovery key is shown once, on a terminal, and standard output is none: write it to a new file \
                 with --recovery-out FILE, or ask for --json\nNothing was made."
            ),
        }
    }

    /// Hands the key over, and says what a program is told of it.
    ///
    /// # Errors
    /// If nobody got it, with what to do then.
    pub(super) fn hand_over(self, key: &RecoveryKey) -> anyhow::Result<Value> {
        self.put(key).context(
            "everything was done, but the recovery key could not be handed over: make another with `orchestra secrets \
             rekey --root`",
        )
    }

    fn put(self, key: &RecoveryKey) -> anyhow::Result<Value> {
        match self {
            Self::Shown { terminal, ask_back } => {
                show(terminal, key, ask_back)?;
                Ok(json!({}))
            }
            Self::File(mut file) => {
                let mut text = key.expose();
                text.push('\n');
                file.fill(text.as_bytes())?;
                let path = file.path().display().to_string();
                file.keep();
                Ok(json!({ "recovery_key_file": path }))
            }
            Self::Json => Ok(json!({ "recovery_key": key.expose().as_str() })),
        }
    }
}

/// Groups in a line, of 14 in all.
const IN_A_LINE: usize = 7;

fn show(terminal: &Terminal, key: &RecoveryKey, ask_back: bool) -> anyhow::Result<()> {
    terminal.show(
        "\nThe recovery key opens the store when nothing else does. It is shown now and never again.\n\
         Write it down, and keep it where neither this machine nor its backups are:\n\n",
    )?;
    let shown = key.expose();
    let groups: Vec<&str> = shown.split('-').collect();
    for line in groups.chunks(IN_A_LINE) {
        terminal.show("    ")?;
        for group in line {
            terminal.show(group)?;
            terminal.show("  ")?;
        }
        terminal.show("\n")?;
    }
    terminal.show("\n")?;
    if !ask_back {
        return Ok(());
    }
    match ask(terminal, &groups) {
        Ok(()) => terminal.show("Now clear this window and what it scrolled (`clear`).\n\n")?,
        Err(NotTyped::Failed(error)) => return Err(error.into()),
        Err(_) => terminal.show("\nNot checked. Make sure that you have it.\n\n")?,
    }
    Ok(())
}

/// Two groups that are typed back: proof that the key was written down, not just seen.
fn ask(terminal: &Terminal, groups: &[&str]) -> Result<(), NotTyped> {
    for place in two_of(groups.len()) {
        let question = format!("Type group {} of it, from what you wrote down: ", place + 1);
        while !terminal
            .line(&question)?
            .eq_ignore_ascii_case(groups[place])
        {
            terminal.show("It is another one. ")?;
        }
    }
    Ok(())
}

/// One in the first half, one in the second. Any will do, should there be no chance to be had.
fn two_of(count: usize) -> [usize; 2] {
    let mut chance = [0; 2];
    let _ = OsEntropy.fill(&mut chance);
    let half = count / 2;
    let [first, second] = chance.map(|byte| usize::from(byte) % half.max(1));
    [first, half + second]
}
