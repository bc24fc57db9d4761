//! Spreads TLS calls over several clients, because one HTTP/2 connection has a ceiling.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Calls that a lane takes before the next lane is opened. Servers commonly allow 100
/// streams on one HTTP/2 connection (RFC 9113, section 6.5.2, recommends no fewer), and a
/// client with more waits in a queue that nobody sees.
const CALLS_PER_LANE: usize = 90;

/// A set of interchangeable clients, filled one after the other: a quiet gateway keeps one
/// warm connection per origin, a busy one opens as many as it needs.
#[derive(Debug)]
pub(super) struct Lanes<C> {
    lanes: Box<[(C, Arc<AtomicUsize>)]>,
}

/// A call's place in its lane, given back on drop.
#[derive(Debug)]
pub(super) struct Place(Arc<AtomicUsize>);

impl Drop for Place {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl<C> Lanes<C> {
    /// `count` lanes, at least one.
    pub(super) fn new(count: usize, client: impl Fn() -> C) -> Self {
        Self {
            lanes: (0..count.max(1))
                .map(|_| (client(), Arc::default()))
                .collect(),
        }
    }

    /// The first lane with room, else the emptiest.
    pub(super) fn enter(&self) -> (&C, Place) {
        let load = |lane: &&(C, Arc<AtomicUsize>)| lane.1.load(Ordering::Relaxed);
        let lane = self
            .lanes
            .iter()
            .find(|lane| load(lane) < CALLS_PER_LANE)
            .or_else(|| self.lanes.iter().min_by_key(load))
            .unwrap_or(&self.lanes[0]);
        lane.1.fetch_add(1, Ordering::Relaxed);
        (&lane.0, Place(Arc::clone(&lane.1)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lane_fills_before_the_next_opens_and_empties_again() {
        let next = AtomicUsize::new(0);
        let lanes = Lanes::new(2, || next.fetch_add(1, Ordering::Relaxed));
        let mut places: Vec<Place> = Vec::new();
        for _ in 0..CALLS_PER_LANE {
            let (lane, place) = lanes.enter();
            assert_eq!(*lane, 0);
            places.push(place);
        }
        assert_eq!(*lanes.enter().0, 1);
        places.pop();
        assert_eq!(*lanes.enter().0, 0);
    }

    #[test]
    fn with_all_lanes_full_the_emptiest_takes_the_call() {
        let next = AtomicUsize::new(0);
        let lanes = Lanes::new(2, || next.fetch_add(1, Ordering::Relaxed));
        let places: Vec<Place> = (0..2 * CALLS_PER_LANE + 1)
            .map(|_| lanes.enter().1)
            .collect();
        assert_eq!(*lanes.enter().0, 1);
        drop(places);
        assert_eq!(*lanes.enter().0, 0);
    }
}
