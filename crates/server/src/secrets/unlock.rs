//! Finding what unseals the store.

use std::io;
use std::path::Path;

use orchestra_secrets::{Credential, Variables};
use zeroize::Zeroizing;

use super::key_file::{read_credential, read_key_file};
use super::{SecretsError, UnlockSource};

/// The variable that names a key file where the configuration says nothing.
pub const KEY_FILE_VARIABLE: &str = "ORCHESTRA_SECRETS_KEY_FILE";
/// The credential of the service manager that is looked for where the configuration says nothing.
const CREDENTIAL: &str = "orchestra-secrets";
/// Where the service manager puts credentials (systemd.exec(5)).
const CREDENTIALS_DIRECTORY: &str = "CREDENTIALS_DIRECTORY";

/// Somebody who can be asked for a passphrase.
pub trait Prompt: Send + Sync {
    /// Asks for `what`. `None` if there is nobody: no terminal, or one that another program is reading from.
    ///
    /// # Errors
    /// Whatever the terminal says.
    fn passphrase(&self, what: &str) -> io::Result<Option<Zeroizing<String>>>;
}

/// What a source has to offer.
pub(super) enum Offer {
    KeyFile(Zeroizing<Vec<u8>>),
    Passphrase(Zeroizing<String>),
}

/// The first credential that the sources have; `None` if they have none.
///
/// Without sources, the usual ones are asked: the credential `orchestra-secrets`, the file that
/// `ORCHESTRA_SECRETS_KEY_FILE` names, the terminal. A source that is not there is passed over; one that is there and
/// cannot be used is an error.
///
/// # Errors
/// [`SecretsError`] for a key file that others can read, or that cannot be read.
pub fn credential(
    unlock: &[UnlockSource],
    variables: &Variables,
    prompt: &dyn Prompt,
) -> Result<Option<Credential>, SecretsError> {
    for source in sources(unlock, variables) {
        let found = offer(&source, variables, prompt)?;
        if let Some(offer) = found {
            return Ok(Some(match offer {
                Offer::KeyFile(content) => Credential::key_file(&content),
                Offer::Passphrase(text) => Credential::passphrase(&text),
            }));
        }
    }
    Ok(None)
}

/// The sources, or the usual ones.
pub(super) fn sources(unlock: &[UnlockSource], variables: &Variables) -> Vec<UnlockSource> {
    if !unlock.is_empty() {
        return unlock.to_vec();
    }
    let named = variables.value(KEY_FILE_VARIABLE);
    let mut usual = vec![UnlockSource::Credential(CREDENTIAL.to_owned())];
    usual.extend(named.map(|path| UnlockSource::KeyFile(path.into())));
    usual.push(UnlockSource::Prompt);
    usual
}

/// What a source has; `None` if it is not there.
pub(super) fn offer(
    source: &UnlockSource,
    variables: &Variables,
    prompt: &dyn Prompt,
) -> Result<Option<Offer>, SecretsError> {
    Ok(match source {
        UnlockSource::Credential(name) => match variables.value(CREDENTIALS_DIRECTORY) {
            Some(folder) => there(read_credential(&Path::new(folder).join(name)))?,
            None => None,
        },
        UnlockSource::KeyFile(path) => there(read_key_file(path))?,
        UnlockSource::Prompt => {
            let typed = prompt.passphrase("passphrase of the secret store");
            typed.map_err(SecretsError::Prompt)?.map(Offer::Passphrase)
        }
        UnlockSource::InsecureVariable(name) => {
            let text = variables.value(name);
            text.map(|text| Offer::Passphrase(Zeroizing::new(text.to_owned())))
        }
    })
}

/// A file that does not exist is no error: the next source may have something.
fn there(read: Result<Zeroizing<Vec<u8>>, SecretsError>) -> Result<Option<Offer>, SecretsError> {
    match read {
        Ok(content) => Ok(Some(Offer::KeyFile(content))),
        Err(SecretsError::KeyFile { source, .. }) if source.kind() == io::ErrorKind::NotFound => {
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use std::fs::{self, Permissions};
    use std::os::unix::fs::PermissionsExt;

    use orchestra_secrets::SlotKind;

    use super::*;

    struct Typed(Option<&'static str>);

    impl Prompt for Typed {
        fn passphrase(&self, _: &str) -> io::Result<Option<Zeroizing<String>>> {
            Ok(self.0.map(|text| Zeroizing::new(text.to_owned())))
        }
    }

    fn kind(
        unlock: &[&str],
        pairs: &[(&str, &str)],
        typed: Option<&'static str>,
    ) -> Result<Option<SlotKind>, SecretsError> {
        let unlock: Vec<_> = unlock.iter().map(|text| text.parse().unwrap()).collect();
        let variables = Variables::from_pairs(pairs.iter().copied());
        let found = credential(&unlock, &variables, &Typed(typed))?;
        Ok(found.map(|credential| credential.kind()))
    }

    #[test]
    fn sources_are_asked_in_their_order_and_passed_over_if_they_are_not_there() {
        let folder = tempfile::tempdir().unwrap();
        let here = folder.path().to_str().unwrap();
        let pairs = [("CREDENTIALS_DIRECTORY", here), ("PW", "a passphrase")];
        let file = folder.path().join("orchestra-secrets");
        let typed = Some("a passphrase");
        assert_eq!(kind(&[], &[], None).unwrap(), None);
        assert_eq!(
            kind(&[], &pairs, typed).unwrap(),
            Some(SlotKind::Passphrase)
        );
        fs::write(&file, "a key").unwrap();
        fs::set_permissions(&file, Permissions::from_mode(0o400)).unwrap();
        assert_eq!(kind(&[], &pairs, typed).unwrap(), Some(SlotKind::KeyFile));
        let variable = ["insecure-env:PW", "credential:orchestra-secrets"];
        assert_eq!(
            kind(&variable, &pairs, None).unwrap(),
            Some(SlotKind::Passphrase)
        );
        assert_eq!(kind(&variable[..1], &[], None).unwrap(), None);
    }

    #[test]
    fn the_usual_variable_names_a_key_file_and_an_unsafe_one_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        let pairs = [(KEY_FILE_VARIABLE, path.to_str().unwrap())];
        assert_eq!(kind(&[], &pairs, None).unwrap(), None);
        fs::write(&path, "a key").unwrap();
        fs::set_permissions(&path, Permissions::from_mode(0o644)).unwrap();
        let refused = kind(&[], &pairs, Some("a passphrase")).unwrap_err();
        assert!(
            matches!(refused, SecretsError::OpenKeyFile { .. }),
            "{refused}"
        );
    }
}
