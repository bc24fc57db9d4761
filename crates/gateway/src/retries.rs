//! When the same target is asked again, and how long is waited before.

use std::collections::BTreeMap;
use std::time::Duration;

use orchestra_types::ProviderId;

/// How often one call may ask the same target again, and how long it waits before.
///
/// Another target is worth more than the same one again, so by default a call goes on at once and comes back only when no
/// other target is left. Whatever stands here, a call makes no more attempts than
/// [`Settings::max_attempts`](crate::Settings::max_attempts), ends at its deadline, and pays for each retry from
/// the target's budget ([`RetryPolicy`](orchestra_health::RetryPolicy)).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retries {
    /// Times before the next target is asked. The last attempt is left to the target that waits.
    pub before_others: u32,
    /// Times in all when no other target is left.
    pub as_last: u32,
    /// The wait before the first retry is drawn between zero and this, doubled for each further one ("full jitter").
    pub first_wait: Duration,
    /// Such a wait is never longer than this.
    pub max_wait: Duration,
    /// The longest `Retry-After` that is waited for. Who asks for more is not asked again by the same call.
    pub longest_pause: Duration,
}

impl Retries {
    /// No target is asked twice by one call.
    pub const NONE: Self = Self {
        before_others: 0,
        as_last: 0,
        first_wait: Duration::ZERO,
        max_wait: Duration::ZERO,
        longest_pause: Duration::ZERO,
    };

    /// The same waits, so many times: what a tree says of a target.
    pub(crate) const fn times(self, times: u32) -> Self {
        Self {
            before_others: times,
            as_last: times,
            ..self
        }
    }

    /// How long to wait before the target is asked again that was already asked again `retried` times by this call, and
    /// that asked for `pause`; `None` if that is too long. `draw` is chance, 0 to 1.
    pub(crate) fn wait(&self, pause: Duration, retried: u32, draw: f64) -> Option<Duration> {
        if pause > self.longest_pause {
            return None;
        }
        let doubled = 2_u32.saturating_pow(retried);
        let most = self.first_wait.saturating_mul(doubled).min(self.max_wait);
        let share = draw.clamp(0.0, 1.0) * most.as_secs_f64();
        // On top of what was asked for, so that those who wait for the same moment do not come together.
        Some(pause.saturating_add(Duration::try_from_secs_f64(share).unwrap_or(most)))
    }
}

impl Default for Retries {
    /// Never before others, twice as the last: the two retries of OpenAI's and Anthropic's own clients. Waits from 100 ms
    /// to 2 s, and ten seconds for a `Retry-After`: those clients wait for a minute themselves, if they are told.
    fn default() -> Self {
        Self {
            before_others: 0,
            as_last: 2,
            first_wait: Duration::from_millis(100),
            max_wait: Duration::from_secs(2),
            longest_pause: Duration::from_secs(10),
        }
    }
}

/// The retries of all calls.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RetryRules {
    /// Where nothing else is said.
    pub usual: Retries,
    /// For a provider's targets.
    pub providers: BTreeMap<ProviderId, Retries>,
    /// For calls of a model, by the name that clients use: an alias, or any other. Comes before the provider's.
    pub models: BTreeMap<String, Retries>,
}

impl RetryRules {
    /// The same for everyone.
    #[must_use]
    pub const fn all(usual: Retries) -> Self {
        Self {
            usual,
            providers: BTreeMap::new(),
            models: BTreeMap::new(),
        }
    }

    /// Whether something is said of this provider by its name.
    pub(crate) fn names(&self, provider: &ProviderId) -> bool {
        self.providers.contains_key(provider)
    }

    /// What holds for a call of this model when it is sent to this provider.
    pub(crate) fn of(&self, model: &str, provider: &ProviderId) -> Retries {
        let own = self.models.get(model);
        *own.or_else(|| self.providers.get(provider))
            .unwrap_or(&self.usual)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn millis(number: u64) -> Duration {
        Duration::from_millis(number)
    }

    #[test]
    fn waits_double_up_to_the_longest_and_are_drawn_from_zero() {
        let retries = Retries::default();
        let wait = |retried, draw| retries.wait(Duration::ZERO, retried, draw).unwrap();
        for (retried, most) in [(0, 100), (1, 200), (2, 400), (5, 2_000), (u32::MAX, 2_000)] {
            assert_eq!(wait(retried, 1.0), millis(most));
            assert_eq!(wait(retried, 0.5), millis(most / 2));
            assert_eq!(wait(retried, 0.0), Duration::ZERO);
        }
    }

    #[test]
    fn a_pause_is_kept_whole_or_not_waited_for() {
        let retries = Retries::default();
        assert_eq!(retries.wait(millis(3_000), 0, 0.5), Some(millis(3_050)));
        assert_eq!(
            retries.wait(retries.longest_pause, 0, 0.0),
            Some(millis(10_000))
        );
        assert_eq!(retries.wait(millis(10_001), 0, 0.0), None);
    }

    #[test]
    fn absurd_figures_harm_nothing() {
        let retries = Retries {
            first_wait: Duration::MAX,
            max_wait: Duration::MAX,
            longest_pause: Duration::MAX,
            ..Retries::default()
        };
        for draw in [f64::NAN, -1.0, 1.0, f64::INFINITY] {
            assert!(retries.wait(Duration::MAX, u32::MAX, draw).is_some());
        }
    }

    #[test]
    fn a_model_comes_before_its_provider() {
        let often = |as_last| Retries {
            as_last,
            ..Retries::default()
        };
        let (one, two) = (
            ProviderId::new("one").unwrap(),
            ProviderId::new("two").unwrap(),
        );
        let rules = RetryRules {
            usual: often(1),
            providers: BTreeMap::from([(one.clone(), often(2))]),
            models: BTreeMap::from([("m".to_owned(), often(3))]),
        };
        let of = |model, provider| rules.of(model, provider).as_last;
        assert_eq!([of("m", &one), of("n", &one), of("n", &two)], [3, 2, 1]);
    }
}
