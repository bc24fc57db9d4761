//! How much is open.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use super::admission::Place;

/// What clients have open at this moment.
#[derive(Debug, Default)]
pub(crate) struct Load {
    connections: Arc<AtomicUsize>,
    reserve: Arc<AtomicUsize>,
    requests: Arc<AtomicUsize>,
    turned_away: AtomicU64,
}

/// One of those that are open; counted until dropped.
#[derive(Debug)]
pub(super) struct Counted(Arc<AtomicUsize>);

impl Counted {
    fn new(count: &Arc<AtomicUsize>) -> Self {
        count.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(count))
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Load {
    pub(crate) fn connections(&self) -> usize {
        self.connections.load(Ordering::Relaxed)
    }

    /// Those of the reserve among them.
    pub(crate) fn reserve(&self) -> usize {
        self.reserve.load(Ordering::Relaxed)
    }

    /// Connections for which there was no room, since the start.
    pub(crate) fn all_turned_away(&self) -> u64 {
        self.turned_away.load(Ordering::Relaxed)
    }

    /// Requests whose answers have not been sent to their end.
    pub(crate) fn requests(&self) -> usize {
        self.requests.load(Ordering::Relaxed)
    }

    pub(super) fn connection(&self, place: Place) -> (Counted, Option<Counted>) {
        let reserve = (place == Place::Reserve).then(|| Counted::new(&self.reserve));
        (Counted::new(&self.connections), reserve)
    }

    pub(super) fn turned_away(&self) {
        self.turned_away.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn request(&self) -> Counted {
        Counted::new(&self.requests)
    }
}
