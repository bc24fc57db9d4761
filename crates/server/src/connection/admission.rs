//! How many connections there may be, in all and from one address, and which of them are for calls.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// How many connections there may be.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds {
    /// For everything.
    pub(super) usual: usize,
    /// From one address, the reserve among them.
    pub(super) per_ip: usize,
    /// Beyond the usual ones, for whoever asks how the server fares, and for operators.
    pub(super) reserve: usize,
}

impl Bounds {
    /// How many of the reserve one address may hold: a quarter, so that no single one holds all of it.
    fn reserve_per_ip(&self) -> usize {
        self.reserve.div_ceil(4)
    }
}

/// What a connection may be used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// Everything.
    Usual,
    /// Health, metrics and what operators do, once.
    Reserve,
}

/// Counts open connections.
#[derive(Debug)]
pub(super) struct Admission {
    bounds: Bounds,
    open: Mutex<Open>,
}

#[derive(Debug, Default)]
struct Open {
    usual: usize,
    reserve: usize,
    by_ip: HashMap<IpAddr, OfIp>,
}

/// What one address has open.
#[derive(Debug, Default)]
struct OfIp {
    all: usize,
    reserve: usize,
}

/// One admitted connection; counted until dropped.
#[derive(Debug)]
pub(super) struct Admitted {
    admission: Arc<Admission>,
    ip: IpAddr,
    pub(super) place: Place,
}

impl Admission {
    pub(super) fn new(bounds: Bounds) -> Arc<Self> {
        Arc::new(Self {
            bounds,
            open: Mutex::default(),
        })
    }

    /// Admits a connection from `ip` if there is room, in the reserve if nowhere else.
    pub(super) fn admit(self: &Arc<Self>, ip: IpAddr) -> Option<Admitted> {
        let mut open = self.open();
        let place = open.place(&self.bounds, ip)?;
        let of_ip = open.by_ip.entry(ip).or_default();
        of_ip.all += 1;
        match place {
            Place::Usual => open.usual += 1,
            Place::Reserve => {
                of_ip.reserve += 1;
                open.reserve += 1;
            }
        }
        Some(Admitted {
            admission: Arc::clone(self),
            ip,
            place,
        })
    }

    fn open(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Open {
    /// What the next connection from `ip` gets.
    fn place(&self, bounds: &Bounds, ip: IpAddr) -> Option<Place> {
        let of_ip = self.by_ip.get(&ip);
        let has = |count: fn(&OfIp) -> usize| of_ip.map_or(0, count);
        if has(|of_ip| of_ip.all) >= bounds.per_ip {
            None
        } else if self.usual < bounds.usual {
            Some(Place::Usual)
        } else {
            let room = self.reserve < bounds.reserve
                && has(|of_ip| of_ip.reserve) < bounds.reserve_per_ip();
            room.then_some(Place::Reserve)
        }
    }
}

impl Drop for Admitted {
    fn drop(&mut self) {
        let reserved = usize::from(self.place == Place::Reserve);
        let mut open = self.admission.open();
        open.usual = open.usual.saturating_sub(1 - reserved);
        open.reserve = open.reserve.saturating_sub(reserved);
        if let Some(of_ip) = open.by_ip.get_mut(&self.ip) {
            of_ip.all = of_ip.all.saturating_sub(1);
            of_ip.reserve = of_ip.reserve.saturating_sub(reserved);
            if of_ip.all == 0 {
                open.by_ip.remove(&self.ip);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn admission(usual: usize, per_ip: usize, reserve: usize) -> Arc<Admission> {
        Admission::new(Bounds {
            usual,
            per_ip,
            reserve,
        })
    }

    fn ip(last: u8) -> IpAddr {
        IpAddr::from([10, 0, 0, last])
    }

    #[test]
    fn both_limits_hold_and_places_come_back() {
        let admission = admission(3, 2, 0);
        let first = admission.admit(ip(1)).unwrap();
        let _second = admission.admit(ip(1)).unwrap();
        assert!(admission.admit(ip(1)).is_none(), "a third from one address");
        let _third = admission.admit(ip(2)).unwrap();
        assert!(admission.admit(ip(2)).is_none(), "a fourth in all");
        drop(first);
        assert!(admission.admit(ip(2)).is_some());
    }

    #[test]
    fn the_reserve_comes_last_and_no_address_has_more_than_a_quarter_of_it() {
        let admission = admission(1, 100, 8);
        let place = |last| admission.admit(ip(last));
        let usual = place(1).unwrap();
        assert_eq!(usual.place, Place::Usual);
        let mut reserve: Vec<Admitted> = Vec::new();
        for last in 1..=4 {
            reserve.extend([place(last).unwrap(), place(last).unwrap()]);
            assert!(place(last).is_none(), "a third from {last}");
        }
        assert!(reserve.iter().all(|one| one.place == Place::Reserve));
        assert!(place(5).is_none(), "a ninth in all");
        reserve.pop();
        assert_eq!(place(5).unwrap().place, Place::Reserve);
        drop(usual);
        assert_eq!(place(1).unwrap().place, Place::Usual);
        drop(reserve);
        assert!(admission.open().by_ip.is_empty());
    }

    #[test]
    fn the_bound_of_an_address_holds_for_the_reserve() {
        let admission = admission(1, 2, 8);
        let _usual = admission.admit(ip(1)).unwrap();
        let _reserve = admission.admit(ip(1)).unwrap();
        assert!(admission.admit(ip(1)).is_none());
    }
}
