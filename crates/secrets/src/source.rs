//! Where secrets come from.

use std::collections::BTreeMap;
use std::future::ready;
use std::sync::Arc;
use std::{fmt, io};

use crate::backend::BoxFuture;
use crate::{Ask, EntryId, Origin, Reference, Secret, Store, StoreError};

/// A place that hands out secrets, such as the environment, the encrypted store, or a service elsewhere.
pub trait Source: fmt::Debug + Send + Sync {
    /// Fetches what the reference stands for now. `origin` is where it will be sent, if it will be sent at all: a source that
    /// knows where a secret belongs hands it out for nowhere else.
    ///
    /// # Errors
    /// [`FetchError`] when there is none, none that could be a key, or none for that origin.
    fn fetch<'a>(
        &'a self,
        reference: &'a Reference,
        origin: Option<&'a Origin>,
    ) -> BoxFuture<'a, Result<Obtained, FetchError>>;
}

/// A secret, and what its source knows of it.
#[expect(
    missing_debug_implementations,
    reason = "a secret must not be printable"
)]
pub struct Obtained {
    /// The value.
    pub secret: Secret,
    /// Which version of it this is, where there are versions.
    pub version: Option<u32>,
    /// Which entry of the store it is, if it is one.
    pub entry: Option<EntryId>,
    /// Unix time in milliseconds from which it must not be used any more.
    pub expires_ms: Option<i64>,
}

impl Obtained {
    /// A secret of which nothing more is known.
    #[must_use]
    pub const fn plain(secret: Secret) -> Self {
        Self {
            secret,
            version: None,
            entry: None,
            expires_ms: None,
        }
    }
}

/// Several sources, each for one scheme of references.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    by_scheme: BTreeMap<&'static str, Arc<dyn Source>>,
}

impl Sources {
    /// Asks `source` for references of this scheme from now on.
    #[must_use]
    pub fn with(mut self, scheme: &'static str, source: Arc<dyn Source>) -> Self {
        self.by_scheme.insert(scheme, source);
        self
    }
}

impl Source for Sources {
    fn fetch<'a>(
        &'a self,
        reference: &'a Reference,
        origin: Option<&'a Origin>,
    ) -> BoxFuture<'a, Result<Obtained, FetchError>> {
        match self.by_scheme.get(reference.scheme()) {
            Some(source) => source.fetch(reference, origin),
            None => Box::pin(ready(Err(FetchError::NoSource(reference.clone())))),
        }
    }
}

/// Why a secret could not be had. Never contains any of its text.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FetchError {
    /// The variable is not set, or the file does not exist.
    #[error("{0} does not exist")]
    Missing(Reference),
    /// There is one, with nothing in it.
    #[error("{0} is empty")]
    Empty(Reference),
    /// A key is one line of printable ASCII; this is something else.
    #[error("{0} holds line breaks, control characters or non-ASCII text, so it cannot be a key")]
    NotAKey(Reference),
    /// The file exists but cannot be read.
    #[error("{reference} cannot be read")]
    Unreadable {
        /// Which file.
        reference: Reference,
        /// What the system said.
        source: io::Error,
    },
    /// The store does not hand it out.
    #[error("{reference} cannot be had")]
    Store {
        /// Which secret.
        reference: Reference,
        /// Why not.
        source: Box<StoreError>,
    },
    /// Nobody is there to be asked.
    #[error("{0} cannot be had: there is no such place here, or it is not open")]
    NoSource(Reference),
}

/// The current version, if it may be sent to the origin.
impl Source for Store {
    fn fetch<'a>(
        &'a self,
        reference: &'a Reference,
        origin: Option<&'a Origin>,
    ) -> BoxFuture<'a, Result<Obtained, FetchError>> {
        Box::pin(async move {
            let Reference::Stored(name) = reference else {
                return Err(FetchError::NoSource(reference.clone()));
            };
            let ask = Ask {
                origin: origin.cloned(),
                ..Ask::current(name.clone())
            };
            let fetched = Self::fetch(self, &ask).await;
            let fetched = fetched.map_err(|source| FetchError::Store {
                reference: reference.clone(),
                source: Box::new(source),
            })?;
            Ok(Obtained {
                secret: key(reference, fetched.secret.expose())?,
                version: Some(fetched.entry.version),
                entry: Some(fetched.entry.id),
                expires_ms: fetched.entry.expires_ms,
            })
        })
    }
}

/// What a text without its line end is as a key.
pub(crate) fn key(reference: &Reference, text: &str) -> Result<Secret, FetchError> {
    let key = text.trim();
    if key.is_empty() {
        return Err(FetchError::Empty(reference.clone()));
    }
    if !key.bytes().all(|b| b.is_ascii_graphic() || b == b' ') {
        return Err(FetchError::NotAKey(reference.clone()));
    }
    Ok(Secret::copy_of(key))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Variables;

    #[tokio::test]
    async fn each_scheme_has_its_source_and_others_have_none() {
        let variables = Variables::from_pairs([("A", "the key")]);
        let sources = Sources::default().with("env", Arc::new(variables));
        let fetch = async |text: &str| {
            let reference: Reference = text.parse().unwrap();
            let origin = "https://a.example".parse().unwrap();
            let obtained = sources.fetch(&reference, Some(&origin)).await;
            obtained.map(|obtained| obtained.secret.expose().to_owned())
        };
        assert_eq!(fetch("env:A").await.unwrap(), "the key");
        assert!(matches!(fetch("env:B").await, Err(FetchError::Missing(_))));
        for text in ["store:A", "file:/A"] {
            assert!(matches!(fetch(text).await, Err(FetchError::NoSource(_))));
        }
    }
}
