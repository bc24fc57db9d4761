//! What second attempts are paid from.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard};

use orchestra_routing::Share;

use crate::providers::bounded;

/// One account for each name of a model that clients use and each share: every call that might be hedged pays its share in,
/// every hedge takes a whole one out. An account begins with nothing, so hedges are never more than that share of the calls.
#[derive(Debug, Default)]
pub(crate) struct Accounts {
    /// What is in them, in millionths of a hedge.
    open: Mutex<Open>,
}

type Open = BTreeMap<String, Vec<(Share, u32)>>;

impl Accounts {
    /// Hedges that may be saved up. With more, a bad hour after a good day would be hedged call by call, when targets can bear
    /// it least.
    const MOST_SAVED: u32 = 10 * Share::WHOLE;
    /// Names that are kept. Clients choose them, so there is no end to them.
    const MOST: usize = 1_024;

    /// A call that might be hedged is sent.
    pub(crate) fn deposit(&self, model: &str, share: Share) {
        let model = bounded(model);
        let Some(mut open) = self.open() else {
            return;
        };
        if !open.contains_key(model) {
            make_room(&mut open);
            open.insert(model.to_owned(), Vec::with_capacity(1));
        }
        let Some(accounts) = open.get_mut(model) else {
            return;
        };
        let more = share.as_millionths();
        match accounts.iter_mut().find(|(known, _)| *known == share) {
            Some((_, saved)) => *saved = saved.saturating_add(more).min(Self::MOST_SAVED),
            None => {
                // Callers may write a share of their own with every call.
                if accounts.len() >= Self::MOST_SHARES {
                    accounts.remove(0);
                }
                accounts.push((share, more));
            }
        }
    }

    /// The most shares of one name.
    const MOST_SHARES: usize = 8;

    /// Whether a call may be hedged now; if so, that is paid for.
    pub(crate) fn withdraw(&self, model: &str, share: Share) -> bool {
        let model = bounded(model);
        let Some(mut open) = self.open() else {
            return false;
        };
        let mut accounts = open.get_mut(model).into_iter().flatten();
        let Some((_, saved)) = accounts.find(|(known, _)| *known == share) else {
            return false;
        };
        match saved.checked_sub(Share::WHOLE) {
            Some(left) => *saved = left,
            None => return false,
        }
        true
    }

    /// `None` if somebody left them half-done: then nobody pays, and nobody hedges.
    fn open(&self) -> Option<MutexGuard<'_, Open>> {
        self.open.lock().ok()
    }
}

/// Closes the account with the least in it when there are too many. What is lost with it are hedges that are not made.
fn make_room(open: &mut Open) {
    if open.len() < Accounts::MOST {
        return;
    }
    let saved = |accounts: &[(Share, u32)]| accounts.iter().map(|(_, saved)| *saved).max();
    let least = open.iter().min_by_key(|(_, accounts)| saved(accounts));
    if let Some(name) = least.map(|(name, _)| name.clone()) {
        open.remove(&name);
    }
}

#[cfg(test)]
mod tests {
    use std::panic::{AssertUnwindSafe, catch_unwind};

    use super::*;

    const SHARE: Share = Share::TWO_PERCENT;

    #[test]
    fn hedges_are_never_more_than_their_share_of_the_calls() {
        let accounts = Accounts::default();
        assert!(!accounts.withdraw("m", SHARE));
        let mut hedges = 0;
        for call in 1_u32..=10_000 {
            accounts.deposit("m", SHARE);
            hedges += u32::from(accounts.withdraw("m", SHARE));
            assert!(hedges * 50 <= call, "{hedges} of {call}");
        }
        assert_eq!(hedges, 200);
    }

    #[test]
    fn few_are_saved_up() {
        let accounts = Accounts::default();
        for _ in 0..100_000 {
            accounts.deposit("m", SHARE);
        }
        let hedges = (0..100).filter(|_| accounts.withdraw("m", SHARE)).count();
        assert_eq!(hedges, 10);
    }

    #[test]
    fn nobody_hedges_at_anothers_cost() {
        let accounts = Accounts::default();
        let whole = Share::of(1.0).unwrap();
        accounts.deposit("m", whole);
        assert!(!accounts.withdraw("other", whole));
        assert!(!accounts.withdraw("m", SHARE));
        assert!(accounts.withdraw("m", whole));
    }

    #[test]
    fn names_without_end_are_forgotten_but_for_those_with_savings() {
        let accounts = Accounts::default();
        for _ in 0..100 {
            accounts.deposit("m", SHARE);
        }
        for number in 0..Accounts::MOST * 2 {
            accounts.deposit(&number.to_string(), SHARE);
        }
        assert_eq!(accounts.open().unwrap().len(), Accounts::MOST);
        assert!(accounts.withdraw("m", SHARE));
        for share in 1..100 {
            accounts.deposit("m", Share::millionths(share).unwrap());
        }
        assert_eq!(accounts.open().unwrap()["m"].len(), Accounts::MOST_SHARES);
        accounts.deposit(&"x".repeat(100_000), Share::of(1.0).unwrap());
        let longest = accounts.open().unwrap().keys().map(String::len).max();
        assert!(longest.unwrap() <= 256);
        assert!(accounts.withdraw(&"x".repeat(100_000), Share::of(1.0).unwrap()));
    }

    #[test]
    fn accounts_that_were_left_half_done_pay_for_nothing() {
        let accounts = Accounts::default();
        accounts.deposit("m", Share::of(1.0).unwrap());
        let panicked = catch_unwind(AssertUnwindSafe(|| {
            let _open = accounts.open();
            panic!("half-done");
        }));
        assert!(panicked.is_err());
        accounts.deposit("m", Share::of(1.0).unwrap());
        assert!(!accounts.withdraw("m", Share::of(1.0).unwrap()));
    }
}
