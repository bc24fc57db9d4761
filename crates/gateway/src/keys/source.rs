//! Asking for a newer version of a key that was refused.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::{Shared, WeakShared};
use orchestra_types::ProviderId;
use tokio::time::timeout;

use super::KeyName;
use super::pool::PoolKey;

/// How long a call waits for the answer. A secret store answers within milliseconds; a call that another target could
/// serve is not to wait for one that is out of order.
const PATIENCE: Duration = Duration::from_secs(2);

/// What came of the question after a newer version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refreshed {
    /// The provider's keys were exchanged.
    Renewed,
    /// There is nothing newer.
    Unchanged,
}

/// The answer of a source. Dropping it may leave the question unanswered.
pub type RefreshFuture<'a> = Pin<Box<dyn Future<Output = Refreshed> + Send + 'a>>;

/// Where keys come from, as far as the gateway must know: something that can be told that one was refused.
pub trait KeySource: fmt::Debug + Send + Sync {
    /// Looks for a newer version of a key that its provider refused, and hands it in with
    /// [`Member::set_keys`](crate::Member::set_keys) before it answers [`Refreshed::Renewed`].
    ///
    /// Asked once at a time for one version of a key, however many calls are refused with it. After two seconds the
    /// answer is no longer waited for, and the future is dropped.
    fn refused(
        &self,
        provider: &ProviderId,
        key: &KeyName,
        version: Option<u32>,
    ) -> RefreshFuture<'_>;
}

type Asking = Pin<Box<dyn Future<Output = Refreshed> + Send>>;

/// The question that is being asked, for all who want to know. It ends with the last of them.
#[derive(Default)]
pub(super) struct Inquiry(Mutex<Option<WeakShared<Asking>>>);

impl Inquiry {
    /// Joins the question after `key`, or begins it.
    pub(super) fn ask(
        &self,
        key: &PoolKey,
        source: &Arc<dyn KeySource>,
        provider: &ProviderId,
    ) -> Shared<Asking> {
        // Nobody who holds the lock can leave it half written.
        let mut slot = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(asking) = slot.as_ref().and_then(WeakShared::upgrade) {
            return asking;
        }
        let (name, version) = (key.name.clone(), key.version);
        let (source, provider) = (Arc::clone(source), provider.clone());
        let asking: Asking = Box::pin(async move {
            let answer = timeout(PATIENCE, source.refused(&provider, &name, version));
            answer.await.unwrap_or_else(|_| {
                tracing::warn!(%provider, key = %name, "no answer after a newer version of a refused key");
                Refreshed::Unchanged
            })
        });
        let asking = asking.shared();
        *slot = asking.downgrade();
        asking
    }
}

impl fmt::Debug for Inquiry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Inquiry")
    }
}
