//! How much is left of a key's rate limits, as the answers to its calls say.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use orchestra_providers::Counted;
use orchestra_types::ModelId;

use super::millis;
use crate::quota::Left;

/// The share of a key of which everything is left, or nothing is known.
pub(super) const WHOLE: u64 = 1024;

/// The least share: a key with next to nothing left is still drawn now and then, so that what is known of it stays true.
const LEAST: u64 = WHOLE / 100;

/// How long is believed what an answer says without a reset. Most limits are by the minute.
const UNSAID_RESET: Duration = Duration::from_secs(60);

/// The models of which something is known at one time: names that clients make up push out those that were heard of first.
const MOST_MODELS: usize = 64;

/// What is left of one limit of a key, for dashboards.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QuotaReport {
    /// What it counts.
    pub counted: Counted,
    /// How much there is in all, if the provider says.
    pub limit: Option<u64>,
    /// How much was left with the last answer that spoke of it.
    pub remaining: u64,
    /// How long until there is as much as that again; a minute after the answer if the provider does not say.
    pub resets_in: Duration,
}

/// What is known of one key's limits, by model: most providers count each model by itself.
///
/// Times are those of the gateway's monotonic clock. A key of which nothing is known costs one atomic read.
#[derive(Debug, Default)]
pub(super) struct Quota {
    /// Until when something is known, in milliseconds.
    until_ms: AtomicU64,
    known: Mutex<Vec<Known>>,
}

/// What the last answer for one model said.
#[derive(Debug)]
struct Known {
    model: ModelId,
    at: Duration,
    left: Vec<Left>,
}

impl Quota {
    /// Takes note of what an answer for the model said at the time `now`.
    pub(super) fn note(&self, model: &ModelId, left: Vec<Left>, now: Duration) {
        let mut known = self.known();
        if let Some(known) = known.iter_mut().find(|known| known.model == *model) {
            (known.at, known.left) = (now, left);
        } else {
            known.retain(|known| known.until() > now);
            if known.len() >= MOST_MODELS {
                known.remove(0);
            }
            known.push(Known {
                model: model.clone(),
                at: now,
                left,
            });
        }
        let last = known.iter().map(Known::until).max().unwrap_or_default();
        self.until_ms.store(millis(last), Ordering::Relaxed);
    }

    /// Which part of its weight the key has for the model: what is left of that limit of which the least is left, from
    /// [`LEAST`] to [`WHOLE`].
    ///
    /// What is left grows evenly until the reset, and then everything is. So it is where limits are buckets (OpenAI's and
    /// Anthropic's), and where they are windows the next answer corrects it.
    pub(super) fn share(&self, model: &ModelId, now: Duration) -> u64 {
        if millis(now) >= self.until_ms.load(Ordering::Relaxed) {
            return WHOLE;
        }
        let known = self.known();
        let of_model = known.iter().find(|known| known.model == *model);
        of_model.map_or(WHOLE, |known| known.share(now))
    }

    /// Of each thing that is counted, the limit of which the least is left, for whichever model.
    pub(super) fn reports(&self, now: Duration) -> Vec<QuotaReport> {
        let known = self.known();
        let limits = known.iter().flat_map(|known| {
            let current = known.left.iter().filter(move |left| known.ends(left) > now);
            current.map(move |left| (known.share_of(left, now), known, left))
        });
        let mut limits: Vec<_> = limits.collect();
        limits.sort_by_key(|(share, _, left)| (left.counted, *share));
        limits.dedup_by_key(|(_, _, left)| left.counted);
        let report = |(_, known, left): (u64, &Known, &Left)| QuotaReport {
            counted: left.counted,
            limit: left.limit,
            remaining: left.remaining,
            resets_in: known.ends(left).saturating_sub(now),
        };
        limits.into_iter().map(report).collect()
    }

    fn known(&self) -> MutexGuard<'_, Vec<Known>> {
        // Nobody who holds the lock can leave it half written.
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Known {
    fn ends(&self, left: &Left) -> Duration {
        let reset = left.reset.unwrap_or(UNSAID_RESET);
        self.at.saturating_add(reset)
    }

    fn until(&self) -> Duration {
        let ends = self.left.iter().map(|left| self.ends(left));
        ends.max().unwrap_or_default()
    }

    fn share(&self, now: Duration) -> u64 {
        let shares = self.left.iter().map(|left| self.share_of(left, now));
        shares.min().unwrap_or(WHOLE)
    }

    fn share_of(&self, left: &Left, now: Duration) -> u64 {
        let Some(limit) = left.limit.filter(|limit| *limit > 0) else {
            // Of how much it is the rest nobody knows, but for nothing.
            let nothing = left.remaining == 0 && now < self.ends(left);
            return if nothing { LEAST } else { WHOLE };
        };
        let then = part(WHOLE, left.remaining.min(limit), limit);
        let whole = millis(self.ends(left)).saturating_sub(millis(self.at));
        let gone = millis(now).saturating_sub(millis(self.at)).min(whole);
        let regained = if whole == 0 {
            WHOLE - then
        } else {
            part(WHOLE - then, gone, whole)
        };
        (then + regained).clamp(LEAST, WHOLE)
    }
}

/// As much of `all` as `some` is of `whole`, rounded up. `some` is no more than `whole`, which is not zero.
fn part(all: u64, some: u64, whole: u64) -> u64 {
    let part = (u128::from(all) * u128::from(some)).div_ceil(u128::from(whole));
    u64::try_from(part).unwrap_or(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn left(counted: Counted, remaining: u64, limit: u64, reset: Option<u64>) -> Left {
        Left {
            counted,
            limit: (limit > 0).then_some(limit),
            remaining,
            reset: reset.map(at),
        }
    }

    fn noted(all: &[Left]) -> (Quota, ModelId) {
        let (quota, model) = (Quota::default(), ModelId::new("m"));
        quota.note(&model, all.to_vec(), at(100));
        (quota, model)
    }

    #[test]
    fn it_is_the_least_of_what_is_left_and_grows_until_the_reset() {
        let requests = left(Counted::Requests, 512, 1024, Some(10));
        let tokens = left(Counted::Tokens, 128, 1024, Some(80));
        let (quota, model) = noted(&[requests, tokens]);
        for (seconds, share) in [
            (100, 128),
            (140, 576),
            (179, 1013),
            (180, WHOLE),
            (999, WHOLE),
        ] {
            assert_eq!(quota.share(&model, at(seconds)), share, "{seconds}");
        }
        assert_eq!(quota.share(&ModelId::new("another"), at(100)), WHOLE);
    }

    #[test]
    fn no_key_is_starved_for_longer_than_until_its_reset() {
        for (remaining, limit, reset) in [
            (0, 100, Some(7)),
            (0, u64::MAX, Some(7)),
            (0, 0, Some(7)),
            (3, 100, Some(7)),
            (1, 0, Some(7)),
        ] {
            let (quota, model) = noted(&[left(Counted::Tokens, remaining, limit, reset)]);
            for millis in 0..7_000 {
                let share = quota.share(&model, at(100) + Duration::from_millis(millis));
                assert!(
                    (LEAST..=WHOLE).contains(&share),
                    "{remaining} of {limit}: {share}"
                );
            }
            assert_eq!(quota.share(&model, at(107)), WHOLE);
            assert_eq!(quota.reports(at(107)), []);
        }
        // Without a word of when, for a minute.
        let (quota, model) = noted(&[left(Counted::Tokens, 0, 100, None)]);
        assert_eq!(quota.share(&model, at(100)), LEAST);
        assert_eq!(quota.share(&model, at(160)), WHOLE);
    }

    #[test]
    fn odd_figures_are_borne() {
        for (remaining, limit, reset, share) in [
            (200, 100, Some(9), WHOLE),
            (u64::MAX, u64::MAX, Some(u64::MAX), WHOLE),
            (0, u64::MAX, Some(u64::MAX), LEAST),
            (5, 0, None, WHOLE),
            (0, 9, Some(0), WHOLE),
        ] {
            let (quota, model) = noted(&[left(Counted::Other, remaining, limit, reset)]);
            assert_eq!(
                quota.share(&model, at(100)),
                share,
                "{remaining} of {limit}"
            );
        }
    }

    #[test]
    fn a_later_answer_counts_and_the_scarcest_model_is_told() {
        let (quota, model) = noted(&[left(Counted::Requests, 1, 100, Some(60))]);
        quota.note(
            &model,
            vec![left(Counted::Requests, 90, 100, Some(60))],
            at(110),
        );
        assert_eq!(quota.share(&model, at(110)), 922);
        let scarce = vec![left(Counted::Requests, 20, 50, Some(30))];
        quota.note(&ModelId::new("n"), scarce, at(110));
        let report = QuotaReport {
            counted: Counted::Requests,
            limit: Some(50),
            remaining: 20,
            resets_in: at(25),
        };
        assert_eq!(quota.reports(at(115)), [report]);
        assert_eq!(quota.reports(at(150))[0].remaining, 90);
    }

    #[test]
    fn names_without_end_are_forgotten() {
        let quota = Quota::default();
        for number in 0..1_000 {
            let model = ModelId::new(&format!("m{number}"));
            quota.note(
                &model,
                vec![left(Counted::Requests, 1, 100, Some(60))],
                at(1),
            );
        }
        assert_eq!(quota.known().len(), MOST_MODELS);
        assert_eq!(quota.share(&ModelId::new("m0"), at(1)), WHOLE);
        assert_eq!(quota.share(&ModelId::new("m999"), at(1)), 11);
    }
}
