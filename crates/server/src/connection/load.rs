//! How much is open.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// What clients have open at this moment.
#[derive(Debug, Default)]
pub(crate) struct Load {
    connections: Arc<AtomicUsize>,
    requests: Arc<AtomicUsize>,
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

    /// Requests whose answers have not been sent to their end.
    pub(crate) fn requests(&self) -> usize {
        self.requests.load(Ordering::Relaxed)
    }

    pub(super) fn connection(&self) -> Counted {
        Counted::new(&self.connections)
    }

    pub(super) fn request(&self) -> Counted {
        Counted::new(&self.requests)
    }
}
