//! Asking providers whether they are there, and not more often than needed.
//!
//! A probe asks for the list of models, which costs no tokens. Its result is kept; one probe at a time asks a provider,
//! and whoever wants to know meanwhile waits for it. It runs in a task of its own, so that one who leaves does not
//! make the next one ask again.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use orchestra_gateway::{Gateway, KeyStanding, Member, ProviderCheck};
use orchestra_types::ProviderId;
use tokio::sync::watch;

use super::tally::Tally;

/// How long a good result is good; also how long a real success makes a probe needless.
const FRESH: Duration = Duration::from_secs(60);
/// After a bad result the next probe waits this long.
const RETRY: Duration = Duration::from_secs(10);

/// What a provider said when it was asked.
#[derive(Clone, Debug)]
pub(crate) struct Probe {
    /// When, on the gateway's monotonic clock.
    pub(crate) at: Duration,
    pub(crate) check: ProviderCheck,
}

impl Probe {
    pub(super) fn is_fresh(&self, now: Duration) -> bool {
        let lasts = match self.check {
            ProviderCheck::Working { .. } | ProviderCheck::Unlisted { .. } => FRESH,
            ProviderCheck::Failing { .. } => RETRY,
        };
        now.saturating_sub(self.at) < lasts
    }
}

/// The last probe of every provider that was asked. They come and go with the gateway's providers.
#[derive(Clone, Debug, Default)]
pub(crate) struct Probes {
    slots: Arc<Mutex<BTreeMap<ProviderId, Arc<Slot>>>>,
}

#[derive(Debug, Default)]
struct Slot(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    last: Option<Probe>,
    /// Closed when the probe that is under way has ended, however it ended.
    running: Option<watch::Receiver<()>>,
}

impl Slot {
    fn state(&self) -> MutexGuard<'_, State> {
        // Nobody who holds the lock can leave it half written.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Probes {
    fn slot(&self, provider: &ProviderId) -> Option<Arc<Slot>> {
        let slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        slots.get(provider).cloned()
    }

    /// The slot of a provider that is asked now. Those that the gateway has no more are forgotten.
    fn slot_for(&self, gateway: &Gateway, provider: &ProviderId) -> Arc<Slot> {
        let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(slot) = slots.get(provider) {
            return Arc::clone(slot);
        }
        let providers = gateway.providers();
        slots.retain(|id, _| providers.member(id.as_str()).is_some());
        Arc::clone(slots.entry(provider.clone()).or_default())
    }

    /// What is known of a provider.
    pub(crate) fn last(&self, provider: &ProviderId) -> Option<Probe> {
        self.slot(provider)?.state().last.clone()
    }

    /// Makes sure that what is known of a provider is fresh, unless it cannot be called or real calls tell enough.
    pub(crate) async fn refresh(&self, gateway: &Gateway, member: &Member) {
        let callable = matches!(
            member.key_standing(),
            KeyStanding::Ready | KeyStanding::NotNeeded
        );
        if !callable || tells_enough(member, gateway.now()) {
            return;
        }
        if let Some(mut running) = self.begin(gateway, member.provider.id()) {
            // It is closed, not changed.
            let _ = running.changed().await;
        }
    }

    /// The probe to wait for: the one that is under way, or a new one. `None` if what is known is fresh.
    fn begin(&self, gateway: &Gateway, provider: &ProviderId) -> Option<watch::Receiver<()>> {
        let slot = self.slot_for(gateway, provider);
        let mut state = slot.state();
        let fresh = |probe: &Probe| probe.is_fresh(gateway.now());
        if state.last.as_ref().is_some_and(fresh) {
            return None;
        }
        if let Some(running) = &state.running
            && running.has_changed().is_ok()
        {
            return Some(running.clone());
        }
        let (ending, running) = watch::channel(());
        state.running = Some(running.clone());
        drop(state);
        let (probes, gateway, provider) = (self.clone(), gateway.clone(), provider.clone());
        tokio::spawn(async move {
            let check = gateway.check(&provider).await;
            probes.keep(&provider, check, gateway.now());
            drop(ending);
        });
        Some(running)
    }

    fn keep(&self, provider: &ProviderId, check: ProviderCheck, at: Duration) {
        if let Some(slot) = self.slot(provider) {
            slot.state().last = Some(Probe { at, check });
        }
    }
}

/// Whether a real call has just gone well.
fn tells_enough(member: &Member, now: Duration) -> bool {
    let tally = Tally::of(&member.target_reports(now), now);
    let well = tally.well_since();
    well.is_some_and(|since| now.saturating_sub(since) < FRESH)
}
