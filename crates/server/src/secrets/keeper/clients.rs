//! The keys that applications present.

use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::{ArcSwap, Guard};
use orchestra_ledger::{ClientKeys, InvalidKeys};
use orchestra_secrets::{Reference, Secret};
use zeroize::Zeroizing;

use super::held::{Held, Holding};
use crate::secrets::wants::ClientWants;

/// Who may call now.
#[derive(Clone, Debug)]
pub(crate) struct Clients {
    pub(crate) table: ClientKeys,
    /// Whether callers need a key. Then they do, even while none is known.
    pub(crate) required: bool,
    /// Whether some keys are in a store that is sealed.
    pub(crate) sealed: bool,
}

/// Where requests find out who is calling, and where that changes.
pub(crate) struct ClientDesk {
    wants: Vec<ClientWants>,
    pepper: Zeroizing<[u8; 64]>,
    now: ArcSwap<Clients>,
    /// What the table was last made of.
    told: Mutex<String>,
}

impl ClientDesk {
    /// A desk that knows nobody yet.
    ///
    /// # Errors
    /// [`InvalidKeys`] never, since there are no keys.
    pub(crate) fn new(wants: Vec<ClientWants>, pepper: [u8; 64]) -> Result<Self, InvalidKeys> {
        let nobody = Clients {
            table: ClientKeys::new(pepper, [])?,
            required: !wants.is_empty(),
            sealed: false,
        };
        Ok(Self {
            wants,
            pepper: Zeroizing::new(pepper),
            now: ArcSwap::from_pointee(nobody),
            told: Mutex::default(),
        })
    }

    pub(crate) fn wants(&self) -> &[ClientWants] {
        &self.wants
    }

    /// Who may call now.
    pub(crate) fn now(&self) -> Guard<Arc<Clients>> {
        self.now.load()
    }

    /// Whether callers need a key.
    pub(crate) fn required(&self) -> bool {
        !self.wants.is_empty()
    }

    /// Checks keys that were read before anybody calls.
    ///
    /// # Errors
    /// [`InvalidKeys`] for one that could be guessed, or two that are one.
    pub(crate) fn check(&self, keys: &[(ClientWants, Secret)]) -> Result<(), InvalidKeys> {
        let pairs = keys
            .iter()
            .map(|(want, key)| (want.id.clone(), key.expose()));
        ClientKeys::new(*self.pepper, pairs).map(drop)
    }

    /// Takes over what is held. The books are held meanwhile, so nobody else does this.
    pub(super) fn install(&self, held: &Held, sealed: bool, now_ms: i64) {
        let mut known = Vec::new();
        let mut words = format!("{sealed}");
        for want in &self.wants {
            let waits = sealed && matches!(want.reference, Reference::Stored(_));
            match held.get(&(want.reference.clone(), None)) {
                Some(Holding::Key(key)) if !waits && !key.is_expired(now_ms) => {
                    words.push_str(&format!(" {} {}", want.id, key.serial));
                    known.push((want, Arc::clone(&key.secret)));
                }
                Some(Holding::Unusable { reason, .. }) => words.push_str(&format!(" {reason}")),
                _ => {}
            }
        }
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        if *told != words {
            *told = words;
            self.exchange(&known, sealed);
        }
    }

    fn exchange(&self, known: &[(&ClientWants, Arc<Secret>)], sealed: bool) {
        let in_store = |want: &ClientWants| matches!(want.reference, Reference::Stored(_));
        let absent = self.wants.len() - known.len();
        if absent > 0 && !sealed {
            tracing::error!(
                "{absent} client keys cannot be had; callers that present them are refused"
            );
        }
        self.now.store(Arc::new(Clients {
            table: self.table(known),
            required: self.required(),
            sealed: sealed && self.wants.iter().any(in_store),
        }));
    }

    /// A key that was set to something weak, or to another client's, is left out; the others go on.
    fn table(&self, known: &[(&ClientWants, Arc<Secret>)]) -> ClientKeys {
        let build = |sound: &[&(&ClientWants, Arc<Secret>)]| {
            let pairs = sound
                .iter()
                .map(|(want, key)| (want.id.clone(), key.expose()));
            ClientKeys::new(*self.pepper, pairs)
        };
        let mut sound = Vec::with_capacity(known.len());
        let mut table = self.now.load().table.clone();
        if let Ok(empty) = build(&[]) {
            table = empty;
        }
        for key in known {
            sound.push(key);
            match build(&sound) {
                Ok(larger) => table = larger,
                Err(error) => {
                    tracing::error!("a client key is left out: {error}");
                    sound.pop();
                }
            }
        }
        table
    }
}
