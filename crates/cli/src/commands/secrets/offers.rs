//! What may open the store, from wherever this command may take it.

use std::io;
use std::path::{Path, PathBuf};

use orchestra_secrets::{Credential, RecoveryKey, SlotKind};
use orchestra_server::secrets::{
    KEY_FILE_VARIABLE, Prompt, SecretsError, UnlockSource, credential, read_key_file,
};
use zeroize::Zeroizing;

use super::desk::Desk;
use super::unlock::Attempt;
use crate::arguments::secrets::Unlock;

/// Where a server looks first, if the configuration says nothing.
const USUAL_CREDENTIAL: &str = "credential:orchestra-secrets";

/// A key file, and where it is.
pub(super) type KeyFileContent = (PathBuf, Zeroizing<Vec<u8>>);

/// What is presented: as it was typed or read, since a running server takes it so.
pub(super) enum Presented {
    KeyFile(Zeroizing<Vec<u8>>),
    Passphrase(Zeroizing<String>),
    Both(Zeroizing<String>, Zeroizing<Vec<u8>>),
    /// A recovery key that is none is refused before it is presented.
    Recovery(Zeroizing<String>),
    /// What the service manager or the environment had.
    HandedOver(Credential),
}

impl Presented {
    /// What opens a store or a backup here.
    pub(super) fn into_credential(self) -> Result<Credential, Attempt> {
        Ok(match self {
            Self::KeyFile(content) => Credential::key_file(&content),
            Self::Passphrase(text) => Credential::passphrase(&text),
            Self::Both(text, content) => Credential::passphrase_and_key_file(&text, &content),
            Self::Recovery(text) => {
                let key = RecoveryKey::parse(&text);
                Credential::recovery(&key.map_err(|_| Attempt::Refused)?)
            }
            Self::HandedOver(credential) => credential,
        })
    }
}

/// Where something to be presented comes from.
pub(super) enum Offer {
    /// It is at hand; and what to call it.
    Ready(Presented, String),
    /// A passphrase, to be typed; alone, or together with this key file.
    Passphrase(Option<Zeroizing<Vec<u8>>>),
    /// The recovery key, to be typed.
    Recovery,
}

impl Offer {
    pub(super) fn name(&self) -> &str {
        match self {
            Self::Ready(_, name) => name,
            Self::Passphrase(_) => "the passphrase",
            Self::Recovery => "the recovery key",
        }
    }

    /// What was typed, if it can be presented.
    pub(super) fn typed(&self, text: Zeroizing<String>) -> Result<Presented, String> {
        Ok(match self {
            Self::Passphrase(Some(file)) => Presented::Both(text, file.clone()),
            Self::Recovery => match RecoveryKey::parse(&text) {
                Ok(_) => Presented::Recovery(text),
                Err(slip) => return Err(slip.to_string()),
            },
            Self::Passphrase(None) | Self::Ready(..) => Presented::Passphrase(text),
        })
    }
}

impl Desk<'_> {
    /// What may be tried, in this order: what needs nobody, then what is typed. `kinds` are those of the slots that there
    /// are.
    pub(super) fn offers(&self, unlock: &Unlock, kinds: &[SlotKind]) -> anyhow::Result<Vec<Offer>> {
        if unlock.recovery {
            return Ok(vec![Offer::Recovery]);
        }
        let files = self.key_files(unlock, &[])?;
        let mut offers = Vec::new();
        // Whoever names a file means it.
        let named = unlock.key_file.is_some();
        if !named {
            offers.extend(self.handed_over(kinds)?);
        }
        for (path, content) in &files {
            if kinds.contains(&SlotKind::KeyFile) {
                let what = format!("the key file {}", path.display());
                offers.push(Offer::Ready(Presented::KeyFile(content.clone()), what));
            }
        }
        if self.terminal.is_some() {
            if kinds.contains(&SlotKind::PassphraseAndKeyFile) {
                let both = |(_, content)| Offer::Passphrase(Some(content));
                offers.extend(files.into_iter().map(both));
            }
            if kinds.contains(&SlotKind::Passphrase) && !named {
                offers.push(Offer::Passphrase(None));
            }
        }
        Ok(offers)
    }

    /// The key files that were named, or else those that the configuration or the environment names, and these.
    pub(super) fn key_files(
        &self,
        unlock: &Unlock,
        more: &[PathBuf],
    ) -> anyhow::Result<Vec<KeyFileContent>> {
        let mut files = match &unlock.key_file {
            Some(path) => vec![(path.clone(), read_key_file(path)?)],
            None => self.configured_files()?,
        };
        for path in more {
            files.push((path.clone(), read_key_file(path)?));
        }
        files.dedup_by(|later, earlier| later.0 == earlier.0);
        Ok(files)
    }

    /// One that is only for the server's user is passed over.
    fn configured_files(&self) -> anyhow::Result<Vec<KeyFileContent>> {
        let sources = &self.config.secrets.unlock;
        let mut paths: Vec<&Path> = sources
            .iter()
            .filter_map(|source| match source {
                UnlockSource::KeyFile(path) => Some(path.as_path()),
                _ => None,
            })
            .collect();
        if sources.is_empty() {
            paths.extend(self.variables.value(KEY_FILE_VARIABLE).map(Path::new));
        }
        let mut files = Vec::new();
        for path in paths {
            match read_key_file(path) {
                Ok(content) => files.push((path.to_owned(), content)),
                Err(SecretsError::KeyFile { source, .. }) if is_out_of_reach(&source) => {
                    let path = path.display();
                    self.output.aside(&format!(
                        "note: the key file {path} cannot be read here ({source})"
                    ));
                }
                Err(error) => return Err(error.into()),
            }
        }
        Ok(files)
    }

    /// What the service manager or the environment hands over.
    fn handed_over(&self, kinds: &[SlotKind]) -> anyhow::Result<Vec<Offer>> {
        let sources = &self.config.secrets.unlock;
        let usual = sources.is_empty().then(|| USUAL_CREDENTIAL.parse());
        let usual: Option<UnlockSource> = usual.transpose()?;
        let mut offers = Vec::new();
        for source in sources.iter().chain(&usual) {
            // Files have a way of their own, and people are asked last.
            if matches!(source, UnlockSource::KeyFile(_) | UnlockSource::Prompt) {
                continue;
            }
            let one = std::slice::from_ref(source);
            let found = credential(one, &self.variables, &Nobody)?;
            let fits = found.filter(|found| kinds.contains(&found.kind()));
            let offer = |found| {
                let what = "what the service manager or the environment has".to_owned();
                Offer::Ready(Presented::HandedOver(found), what)
            };
            offers.extend(fits.map(offer));
        }
        Ok(offers)
    }
}

fn is_out_of_reach(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::NotFound | io::ErrorKind::PermissionDenied
    )
}

/// Nobody is asked.
struct Nobody;

impl Prompt for Nobody {
    fn passphrase(&self, _: &str) -> io::Result<Option<Zeroizing<String>>> {
        Ok(None)
    }
}
