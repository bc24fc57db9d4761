//! What every command works at: the configuration, the place of the store, the terminal, the output.

use std::env;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use orchestra_secrets::{Store, Variables};
use orchestra_server::Config;
use orchestra_server::secrets::StorePlace;

use super::private_file::folder;
use crate::output::Output;
use crate::terminal::Terminal;

/// A desk with everything on it.
#[derive(Debug)]
pub(crate) struct Desk<'o> {
    pub(crate) config: Config,
    pub(crate) variables: Variables,
    pub(crate) place: StorePlace,
    pub(crate) terminal: Option<Terminal>,
    pub(crate) output: &'o Output,
}

impl<'o> Desk<'o> {
    /// Reads what a server would read here.
    pub(crate) fn new(config: Option<&Path>, output: &'o Output) -> anyhow::Result<Self> {
        let folder = env::current_dir().context("the working directory cannot be found")?;
        let (config, _) = Config::load(config, &folder)?;
        let variables = Variables::from_process().with_dotenv(&folder.join(".env"))?;
        let place = config.secrets.place(&folder, &variables)?;
        Ok(Self {
            config,
            variables,
            place,
            terminal: Terminal::open(),
            output,
        })
    }

    /// Opens the store, sealed.
    pub(crate) async fn store(&self) -> anyhow::Result<Store> {
        match self.place.open(&self.actor()).await {
            Ok(Some(store)) => Ok(store),
            Ok(None) => bail!(
                "there is no secret store in {}: make one with `orchestra secrets init`",
                self.place.describe()
            ),
            Err(error) => Err(error.into()),
        }
    }

    /// Refuses to write as root what another user's server must be able to read: files that root makes would lock it out.
    pub(super) fn refuse_foreign(&self) -> anyhow::Result<()> {
        let store = PathBuf::from(self.place.describe());
        for path in std::iter::once(store.as_path()).chain(self.place.anchor()) {
            if let Some(owner) = foreign_owner(path) {
                bail!(
                    "{} belongs to user {owner}: run this as that user (sudo -u '#{owner}' orchestra …), not as root, \
                     whose files the server could not read",
                    path.display()
                );
            }
        }
        Ok(())
    }

    /// Refuses to make a store where there is one.
    pub(super) async fn refuse_second(&self) -> anyhow::Result<()> {
        self.refuse_foreign()?;
        let place = PathBuf::from(self.place.describe());
        if let Some(owner) = foreign_owner(folder(&place)) {
            self.output.aside(&format!(
                "warning: this folder belongs to user {owner}, and the store will belong to root: a server that runs as \
                 that user cannot open it"
            ));
        }
        let opened = self.place.open(&self.actor()).await?;
        if opened.is_some() {
            bail!(
                "there is a secret store in {} already, and nothing was made (`orchestra secrets status` shows it; \
                 another place is named in [secrets])",
                self.place.describe()
            );
        }
        Ok(())
    }

    /// Who acts, for the audit log: what the system says of the user, and what the environment does.
    pub(crate) fn actor(&self) -> String {
        let id = rustix::process::getuid().as_raw();
        let said = |name| self.variables.value(name).map(plain);
        let user = said("USER").or_else(|| said("LOGNAME")).unwrap_or_default();
        let behind =
            said("SUDO_USER").map_or_else(String::new, |user| format!(" by sudo of {user}"));
        format!("cli:{user}({id}){behind}")
    }

    /// The terminal, for what cannot be done without one.
    pub(crate) fn terminal(&self, what: &str) -> anyhow::Result<&Terminal> {
        self.terminal
            .as_ref()
            .with_context(|| format!("{what}, and there is no terminal"))
    }

    /// A question that must be answered with yes, unless that was done in advance.
    pub(crate) fn must_agree(&self, yes: bool, question: &str) -> anyhow::Result<()> {
        if yes {
            return Ok(());
        }
        let Some(terminal) = self.terminal.as_ref().filter(|_| Terminal::is_input()) else {
            bail!("this needs --yes where nobody can be asked");
        };
        if terminal.confirm(question)? {
            return Ok(());
        }
        bail!("nothing was changed")
    }
}

/// Whose it is, if it is there and root should keep out of it.
fn foreign_owner(path: &Path) -> Option<u32> {
    let owner = fs::metadata(path).ok()?.uid();
    is_foreign(owner, rustix::process::geteuid().as_raw()).then_some(owner)
}

/// Root may write everywhere, and leaves files behind that only root can read.
const fn is_foreign(owner: u32, own: u32) -> bool {
    own == 0 && owner != 0
}

/// Letters that do no harm in a log, and not many of them.
fn plain(text: &str) -> String {
    text.chars()
        .filter(|c| c.is_ascii_alphanumeric() || "._-@".contains(*c))
        .take(32)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn root_does_not_write_what_is_somebody_elses() {
        for (owner, own, foreign) in [
            (0, 0, false),
            (1000, 0, true),
            (1000, 1000, false),
            // The system refuses that by itself, unless it was allowed.
            (0, 1000, false),
            (1001, 1000, false),
        ] {
            assert_eq!(is_foreign(owner, own), foreign, "{owner} {own}");
        }
    }

    #[test]
    fn who_acts_fits_on_a_line() {
        assert_eq!(plain("operator"), "operator");
        assert_eq!(plain("a\nb\u{1b}[2J c\u{e4}"), "ab2Jc");
        assert_eq!(plain(&"x".repeat(100)).len(), 32);
    }
}
