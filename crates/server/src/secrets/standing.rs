//! Whether the secret store can be used, and if not, why.

use std::fmt;

use orchestra_secrets::{AnchorError, StoreError, UnlockError};

use super::SecretsError;

/// Whether a server can use its secret store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// There is none: keys come from the environment and from files.
    NoStore,
    /// Its keys are in memory.
    Unsealed,
    /// It is locked, or cannot be reached.
    Sealed(Sealing),
}

/// Why a store is sealed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sealing {
    /// The reason, for whoever waits for the server.
    pub why: Why,
    /// The whole of it, for logs and operators: may name paths and epochs, never a part of a secret.
    pub detail: String,
}

/// The reasons why a store is sealed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Why {
    /// The server is looking for what unseals it, or asks at the terminal.
    Unlocking,
    /// There was nothing that could unseal it.
    NoCredential,
    /// What there was does not open it.
    Refused,
    /// Its database does not answer.
    Unreachable,
    /// Its database was put back to an older state.
    RolledBack,
    /// A part of it is not what was written.
    Tampered,
    /// Its anchor cannot be read or written.
    AnchorUnreadable,
    /// An operator sealed it.
    Operator,
    /// Its root key was replaced.
    RootReplaced,
}

impl Why {
    /// One word for programs.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Unlocking => "unlocking",
            Self::NoCredential => "no_credential",
            Self::Refused => "credential_refused",
            Self::Unreachable => "database_unreachable",
            Self::RolledBack => "rolled_back",
            Self::Tampered => "tampered",
            Self::AnchorUnreadable => "anchor_unreadable",
            Self::Operator => "sealed_by_operator",
            Self::RootReplaced => "root_key_replaced",
        }
    }

    /// What it is and what helps, for everybody who may ask whether the server is ready.
    #[must_use]
    pub const fn advice(self) -> &'static str {
        match self {
            Self::Unlocking => {
                "the secret store is being unsealed, or its passphrase is asked for at the terminal"
            }
            Self::NoCredential => {
                "the secret store is sealed, and nothing was found that unseals it: run `orchestra secrets unseal`"
            }
            Self::Refused => {
                "the secret store is sealed, and what was found does not unseal it: run `orchestra secrets unseal`"
            }
            Self::Unreachable => {
                "the database of the secret store does not answer; it is asked again"
            }
            Self::RolledBack => {
                "the secret store was put back to an older state: if you restored it, run \
                 `orchestra secrets accept-restore`, else find out who did"
            }
            Self::Tampered => "the secret store was damaged or tampered with: the log says where",
            Self::AnchorUnreadable => {
                "the anchor of the secret store cannot be read or written, most often because another user made it: the \
                 log says where it is"
            }
            Self::Operator => "an operator sealed the secret store: run `orchestra secrets unseal`",
            Self::RootReplaced => {
                "the root key of the secret store was replaced: run `orchestra secrets unseal`"
            }
        }
    }

    fn of_store(error: &StoreError) -> Self {
        match error {
            StoreError::Unlock(UnlockError::Damaged { .. })
            | StoreError::Tampered { .. }
            | StoreError::EntryTampered { .. }
            | StoreError::AuditTampered { .. }
            | StoreError::Schema(_)
            | StoreError::Anchor(AnchorError::Damaged { .. }) => Self::Tampered,
            StoreError::Anchor(_) => Self::AnchorUnreadable,
            StoreError::RolledBack { .. } | StoreError::OtherEpoch { .. } => Self::RolledBack,
            StoreError::Unlock(_) | StoreError::Weak(_) => Self::Refused,
            StoreError::Sealed => Self::RootReplaced,
            _ => Self::Unreachable,
        }
    }

    fn of(error: &SecretsError) -> Self {
        match error {
            SecretsError::Backend { .. } => Self::Unreachable,
            SecretsError::Store { source, .. } => Self::of_store(source),
            _ => Self::NoCredential,
        }
    }
}

impl Sealing {
    /// A reason that says all there is to say.
    pub(crate) fn plain(why: Why) -> Self {
        Self {
            why,
            detail: why.advice().to_owned(),
        }
    }
}

impl From<&SecretsError> for Sealing {
    fn from(error: &SecretsError) -> Self {
        Self {
            why: Why::of(error),
            detail: chain(error),
        }
    }
}

impl From<&StoreError> for Sealing {
    fn from(error: &StoreError) -> Self {
        Self {
            why: Why::of_store(error),
            detail: chain(error),
        }
    }
}

impl fmt::Display for Sealing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.detail != self.why.advice() {
            f.write_str("the secret store is sealed: ")?;
        }
        f.write_str(&self.detail)
    }
}

/// An error and all that caused it, in one line.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut words = error.to_string();
    let mut cause = error.source();
    while let Some(source) = cause {
        let said = source.to_string();
        if !words.ends_with(&said) {
            words.push_str(": ");
            words.push_str(&said);
        }
        cause = source.source();
    }
    words
}
