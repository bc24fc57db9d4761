//! The series of one model, and how many there may be in all.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use orchestra_types::{Money, Usage};

use super::text::{Label, Text};

/// Series with a model's name that there may be. Prometheus keeps each of them in memory; its authors advise against
/// more than some thousands for one instance.
pub(crate) const MOST_SERIES: usize = 2_000;

/// How attempts end: `none` for success, the gateway's words for faults, and `other` for a word that is not known here.
pub(super) const FAULTS: [&str; 24] = [
    "none",
    "invalid_request",
    "context_length",
    "content_policy",
    "policy",
    "authentication",
    "permission",
    "billing",
    "model_not_found",
    "rate_limited",
    "overloaded",
    "upstream_timeout",
    "server",
    "connect",
    "broken",
    "timeout_first_byte",
    "timeout_idle",
    "timeout_total",
    "malformed",
    "truncated",
    "incomplete_body",
    "abandoned",
    "cancelled",
    "other",
];

/// Kinds of tokens: the disjoint counters of [`Usage`].
pub(super) const TOKENS: [&str; 8] = [
    "input",
    "cache_read",
    "cache_write_5m",
    "cache_write_1h",
    "audio_input",
    "output",
    "reasoning",
    "audio_output",
];

/// More than any call can use. The numbers come from outside, and one that is absurd must not make a sum useless.
const MOST_TOKENS: u64 = 1 << 32;

/// Billionths of a dollar that no single call costs: a million dollars.
const MOST_COST: u64 = 1_000_000_000_000_000;

const PICO_PER_NANO: i128 = 1_000;

/// How many series may still begin, and where everything is counted that came too late.
#[derive(Debug)]
pub(super) struct Budget {
    left: AtomicUsize,
    overflow: ModelSeries,
}

impl Budget {
    pub(super) const fn new(series: usize) -> Self {
        Self {
            left: AtomicUsize::new(series),
            overflow: ModelSeries::new(),
        }
    }

    pub(super) fn is_spent(&self) -> bool {
        self.left.load(Ordering::Relaxed) == 0
    }

    pub(super) const fn overflow(&self) -> &ModelSeries {
        &self.overflow
    }

    fn take(&self) -> bool {
        let less = |left: usize| left.checked_sub(1);
        let taken = self
            .left
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, less);
        taken.is_ok()
    }

    /// Adds to a series if it has begun or may begin, else to that of the overflow.
    fn add(&self, series: &AtomicU64, overflow: &AtomicU64, more: u64) {
        // Two threads that begin the same series at once pay twice; the bound holds all the same.
        if series.load(Ordering::Relaxed) != 0 || self.take() {
            series.fetch_add(more, Ordering::Relaxed);
        } else {
            overflow.fetch_add(more, Ordering::Relaxed);
        }
    }
}

/// What is counted of one model of one provider.
#[derive(Debug)]
pub(super) struct ModelSeries {
    attempts: [AtomicU64; FAULTS.len()],
    tokens: [AtomicU64; TOKENS.len()],
    /// In billionths of a dollar.
    cost: AtomicU64,
}

impl ModelSeries {
    pub(super) const fn new() -> Self {
        Self {
            attempts: [const { AtomicU64::new(0) }; FAULTS.len()],
            tokens: [const { AtomicU64::new(0) }; TOKENS.len()],
            cost: AtomicU64::new(0),
        }
    }

    /// Counts an attempt that ended with this fault.
    pub(super) fn attempt(&self, fault: Option<&str>, budget: &Budget) {
        let fault = fault.unwrap_or(FAULTS[0]);
        let known = FAULTS.iter().position(|known| *known == fault);
        let at = known.unwrap_or(FAULTS.len() - 1);
        budget.add(&self.attempts[at], &budget.overflow.attempts[at], 1);
    }

    /// Counts the tokens of a call.
    pub(super) fn usage(&self, usage: &Usage, budget: &Budget) {
        for (at, tokens) in in_order(usage).into_iter().enumerate() {
            if tokens > 0 {
                let tokens = tokens.min(MOST_TOKENS);
                budget.add(&self.tokens[at], &budget.overflow.tokens[at], tokens);
            }
        }
    }

    /// Counts what a call cost.
    pub(super) fn cost(&self, cost: Money, budget: &Budget) {
        let billionths = billionths(cost);
        if billionths > 0 {
            budget.add(&self.cost, &budget.overflow.cost, billionths);
        }
    }

    pub(super) fn write_cost(&self, text: &mut Text, name: &str, labels: [Label<'_>; 2]) {
        let billionths = self.cost.load(Ordering::Relaxed);
        if billionths > 0 {
            text.sample(name, &labels, dollars(billionths));
        }
    }

    pub(super) fn write_attempts(&self, text: &mut Text, name: &str, labels: [Label<'_>; 2]) {
        write(text, name, labels, "fault", &FAULTS, &self.attempts);
    }

    pub(super) fn write_tokens(&self, text: &mut Text, name: &str, labels: [Label<'_>; 2]) {
        write(text, name, labels, "kind", &TOKENS, &self.tokens);
    }
}

/// A sum of money in billionths of a dollar, rounded up.
pub(super) fn billionths(cost: Money) -> u64 {
    let pico = cost.pico().max(0).saturating_add(PICO_PER_NANO - 1);
    let billionths = u64::try_from(pico / PICO_PER_NANO);
    billionths.unwrap_or(MOST_COST).min(MOST_COST)
}

/// So many billionths of a dollar.
pub(super) fn dollars(billionths: u64) -> Money {
    Money::from_pico(i128::from(billionths) * PICO_PER_NANO)
}

/// The counters in the order of [`TOKENS`].
const fn in_order(usage: &Usage) -> [u64; TOKENS.len()] {
    [
        usage.input,
        usage.cache_read,
        usage.cache_write_5m,
        usage.cache_write_1h,
        usage.audio_input,
        usage.output,
        usage.reasoning,
        usage.audio_output,
    ]
}

fn write(
    text: &mut Text,
    name: &str,
    [provider, model]: [Label<'_>; 2],
    label: &str,
    values: &[&str],
    counts: &[AtomicU64],
) {
    for (value, count) in values.iter().zip(counts) {
        let count = count.load(Ordering::Relaxed);
        if count > 0 {
            text.sample(name, &[provider, model, (label, value)], count);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(series: &ModelSeries) -> u64 {
        let loaded = series.attempts.iter().map(|n| n.load(Ordering::Relaxed));
        loaded.sum()
    }

    #[test]
    fn what_comes_too_late_is_counted_together() {
        let budget = Budget::new(2);
        let (first, second) = (ModelSeries::new(), ModelSeries::new());
        first.attempt(None, &budget);
        first.attempt(Some("server"), &budget);
        assert!(budget.is_spent());
        second.attempt(None, &budget);
        first.attempt(None, &budget);
        assert_eq!(
            [&first, &second, budget.overflow()].map(count),
            [3, 0, 1],
            "a series that has begun goes on"
        );
    }

    #[test]
    fn a_fault_of_another_name_is_counted_as_other() {
        let budget = Budget::new(9);
        let series = ModelSeries::new();
        series.attempt(Some("something new"), &budget);
        let mut text = Text::default();
        series.write_attempts(&mut text, "a", [("p", "x"), ("m", "y")]);
        assert_eq!(text.finish(), "a{p=\"x\",m=\"y\",fault=\"other\"} 1\n");
    }

    #[test]
    fn costs_are_added_exactly_and_rounded_up() {
        let budget = Budget::new(9);
        let series = ModelSeries::new();
        for pico in [1_234_500_000, 1, i128::MAX, -1] {
            series.cost(Money::from_pico(pico), &budget);
        }
        let mut text = Text::default();
        series.write_cost(&mut text, "c", [("p", "x"), ("m", "y")]);
        assert_eq!(text.finish(), "c{p=\"x\",m=\"y\"} 1000000.001234501\n");
    }

    #[test]
    fn absurd_numbers_of_tokens_do_not_wrap() {
        let budget = Budget::new(9);
        let series = ModelSeries::new();
        let usage = Usage {
            input: u64::MAX,
            ..Usage::default()
        };
        series.usage(&usage, &budget);
        series.usage(&usage, &budget);
        assert_eq!(series.tokens[0].load(Ordering::Relaxed), 2 * MOST_TOKENS);
    }
}
