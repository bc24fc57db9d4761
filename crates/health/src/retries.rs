//! How often the same target may be asked again.

use std::time::Duration;

use crate::window::Window;

/// A share of the calls, and a few more for targets with little to do.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RetryPolicy {
    /// Retries for each call, 0.1 by default: a target that fails altogether gets 1.1 times its calls, not 3 times.
    pub share: f64,
    /// Retries a second that are free. Ten by default, Finagle's and tower's figure.
    pub reserve_per_second: f64,
    /// How long what was not used may still be used.
    pub ttl: Duration,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self {
            share: 0.1,
            reserve_per_second: 10.0,
            ttl: Duration::from_secs(10),
        }
    }
}

/// One target's account: calls pay in, retries are paid from it.
#[derive(Clone, Debug)]
pub(crate) struct RetryBudget {
    account: Window,
}

impl RetryBudget {
    pub(crate) fn new(policy: &RetryPolicy) -> Self {
        Self {
            account: Window::new(policy.ttl),
        }
    }

    /// A call, not a retry, was sent.
    pub(crate) fn deposit(&mut self, now: Duration) {
        self.account.add(now, 1.0, 0.0);
    }

    /// Whether one more retry may be sent; if so, it is paid for.
    pub(crate) fn withdraw(&mut self, policy: &RetryPolicy, now: Duration) -> bool {
        let affordable = self.affords(policy, now);
        if affordable {
            self.account.add(now, 0.0, 1.0);
        }
        affordable
    }

    /// Whether one more retry could be sent.
    pub(crate) fn affords(&self, policy: &RetryPolicy, now: Duration) -> bool {
        let counts = self.account.counts(now);
        let reserve = policy.reserve_per_second * policy.ttl.as_secs_f64();
        let allowed = counts.good.mul_add(policy.share, reserve);
        counts.bad + 1.0 <= allowed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retries_are_a_share_of_the_calls() {
        let policy = RetryPolicy {
            reserve_per_second: 0.0,
            ..RetryPolicy::default()
        };
        let mut budget = RetryBudget::new(&policy);
        let now = Duration::from_secs(100);
        assert!(!budget.withdraw(&policy, now));
        for _ in 0..100 {
            budget.deposit(now);
        }
        let paid = (0..100).filter(|_| budget.withdraw(&policy, now)).count();
        assert_eq!(paid, 10);
        let later = now + Duration::from_secs(11);
        assert!(!budget.withdraw(&policy, later));
    }

    #[test]
    fn a_quiet_target_may_be_retried_all_the_same() {
        let policy = RetryPolicy::default();
        let mut budget = RetryBudget::new(&policy);
        let now = Duration::from_secs(100);
        let paid = (0..1000).filter(|_| budget.withdraw(&policy, now)).count();
        assert_eq!(paid, 100);
    }
}
