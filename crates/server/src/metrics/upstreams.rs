//! Attempts and tokens, by provider and model.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwap;
use orchestra_gateway::{CallRecord, KnownModels};
use orchestra_types::{ModelId, ProviderId};

use super::histogram::{CALLS, Histogram};
use super::series::{Budget, ModelSeries};
use super::text::{Kind, Label, Text};

/// Stands for every name that is not known.
const OTHER: &str = "other";
/// Stands for every series beyond the most that there may be. No provider is called so.
const OVERFLOW: &str = "(overflow)";
/// Names longer than that are no names.
const MOST_NAME_BYTES: usize = 200;
/// Names of one provider that are known at one time; the longest list today (OpenRouter's) has some 500.
const MOST_NAMES: usize = 10_000;

/// Providers that are known by name, those that are gone among them.
const MOST_PROVIDERS: usize = 1_000;

/// What is counted of one provider.
#[derive(Debug)]
struct Upstream {
    /// Attempts that brought an answer in one piece.
    whole: Histogram,
    /// Attempts that brought a stream.
    first_token: Histogram,
    /// Every model that has been asked for. Exchanged as a whole when one is added, which is rare, so that counting
    /// takes no lock.
    models: ArcSwap<HashMap<ModelId, Arc<ModelSeries>>>,
    adding: Mutex<()>,
    known: ArcSwap<BTreeSet<ModelId>>,
    other: ModelSeries,
}

impl Upstream {
    fn new() -> Self {
        Self {
            whole: Histogram::new(&CALLS),
            first_token: Histogram::new(&CALLS),
            models: ArcSwap::default(),
            adding: Mutex::default(),
            known: ArcSwap::default(),
            other: ModelSeries::new(),
        }
    }

    /// Knows these names from now on, and those that it knew before.
    fn learn(&self, names: &BTreeSet<ModelId>) {
        let before = self.known.load();
        if names.is_subset(&before) {
            return;
        }
        let sound = |name: &&ModelId| (1..=MOST_NAME_BYTES).contains(&name.as_str().len());
        let both = names.iter().filter(sound).chain(before.iter());
        self.known
            .store(Arc::new(both.take(MOST_NAMES).cloned().collect()));
    }

    /// Counts with the series of a model.
    fn with(&self, model: &ModelId, budget: &Budget, count: impl FnOnce(&ModelSeries)) {
        let models = self.models.load();
        if let Some(series) = models.get(model) {
            return count(series);
        }
        if model.as_str() == OTHER || !self.known.load().contains(model) {
            count(&self.other);
        } else if budget.is_spent() {
            count(budget.overflow());
        } else {
            count(&self.add(model));
        }
    }

    fn add(&self, model: &ModelId) -> Arc<ModelSeries> {
        let _one_at_a_time = self.adding.lock().unwrap_or_else(PoisonError::into_inner);
        let models = self.models.load();
        if let Some(series) = models.get(model) {
            return Arc::clone(series);
        }
        let mut more = HashMap::clone(&models);
        let series = Arc::new(ModelSeries::new());
        more.insert(model.clone(), Arc::clone(&series));
        self.models.store(Arc::new(more));
        series
    }

    fn each(&self, mut show: impl FnMut(&str, &ModelSeries)) {
        let models = self.models.load();
        let sorted: BTreeMap<_, _> = models.iter().collect();
        for (model, series) in sorted {
            show(model.as_str(), series);
        }
        show(OTHER, &self.other);
    }
}

/// The providers that the gateway has or had, and one tally for all others.
#[derive(Debug)]
pub(super) struct Upstreams {
    /// Exchanged as a whole when one is added.
    known: ArcSwap<BTreeMap<ProviderId, Arc<Upstream>>>,
    adding: Mutex<()>,
    others: Upstream,
    budget: Budget,
}

impl Upstreams {
    pub(super) fn new(providers: impl Iterator<Item = ProviderId>, series: usize) -> Self {
        let known = providers.map(|id| (id, Arc::new(Upstream::new())));
        Self {
            known: ArcSwap::from_pointee(known.collect()),
            adding: Mutex::default(),
            others: Upstream::new(),
            budget: Budget::new(series),
        }
    }

    pub(super) fn learn(&self, known: &KnownModels) {
        self.learn_providers(known);
        let upstreams = self.known.load();
        for (provider, names) in known {
            if let Some(upstream) = upstreams.get(provider) {
                upstream.learn(names);
            }
        }
    }

    /// What was counted of a provider stays when it goes, as counters must; so there is an end to how many are known.
    fn learn_providers(&self, known: &KnownModels) {
        let _one_at_a_time = self.adding.lock().unwrap_or_else(PoisonError::into_inner);
        let before = self.known.load();
        let mut more = known
            .keys()
            .filter(|id| !before.contains_key(*id))
            .peekable();
        if more.peek().is_none() {
            return;
        }
        let mut all = BTreeMap::clone(&before);
        let room = MOST_PROVIDERS.saturating_sub(all.len());
        let more = more.take(room);
        all.extend(more.map(|id| (id.clone(), Arc::new(Upstream::new()))));
        self.known.store(Arc::new(all));
    }

    pub(super) fn record(&self, record: &CallRecord) {
        let known = self.known.load();
        let upstream = |id: &ProviderId| known.get(id).map_or(&self.others, |known| &**known);
        for attempt in &record.attempts {
            let upstream = upstream(&attempt.provider);
            upstream.with(&attempt.model, &self.budget, |series| {
                series.attempt(attempt.fault, &self.budget);
            });
            let times = if record.streamed {
                &upstream.first_token
            } else {
                &upstream.whole
            };
            if attempt.fault.is_none() {
                times.observe(attempt.took);
            }
        }
        // Whoever was asked last has answered.
        if let (Some(last), Some(usage)) = (record.attempts.last(), &record.usage) {
            let upstream = upstream(&last.provider);
            upstream.with(&last.model, &self.budget, |series| {
                series.usage(usage, &self.budget);
                if let Some(cost) = record.cost {
                    series.cost(cost, &self.budget);
                }
            });
        }
    }

    fn each(&self, mut show: impl FnMut(&str, &Upstream)) {
        for (id, upstream) in self.known.load().iter() {
            show(id.as_str(), upstream);
        }
        show(OTHER_PROVIDER, &self.others);
    }

    pub(super) fn write(&self, text: &mut Text) {
        let name = "orchestra_attempts_total";
        text.family(
            name,
            Kind::Counter,
            "Sends to providers, by how they ended.",
        );
        self.write_series(text, name, ModelSeries::write_attempts);
        let name = "orchestra_tokens_total";
        text.family(
            name,
            Kind::Counter,
            "Tokens as providers counted them; no token is in two kinds.",
        );
        self.write_series(text, name, ModelSeries::write_tokens);
        let name = "orchestra_cost_dollars_total";
        let help =
            "What calls cost by list price, where tokens and price are known, in US dollars.";
        text.family(name, Kind::Counter, help);
        self.write_series(text, name, ModelSeries::write_cost);
        let name = "orchestra_time_to_first_token_seconds";
        let help = "From sending a streamed call to a provider to its first content, or to its first event where no other target stood ready.";
        text.family(name, Kind::Histogram, help);
        self.each(|provider, upstream| {
            upstream
                .first_token
                .write(text, name, &[("provider", provider)]);
        });
        let name = "orchestra_answer_duration_seconds";
        let help = "From sending a call to a provider to its whole answer in one piece; of a raw call, to the answer's headers.";
        text.family(name, Kind::Histogram, help);
        self.each(|provider, upstream| {
            upstream.whole.write(text, name, &[("provider", provider)]);
        });
    }

    fn write_series(
        &self,
        text: &mut Text,
        name: &str,
        write: fn(&ModelSeries, &mut Text, &str, [Label<'_>; 2]),
    ) {
        self.each(|provider, upstream| {
            upstream.each(|model, series| {
                write(
                    series,
                    text,
                    name,
                    [("provider", provider), ("model", model)],
                );
            });
        });
        let labels = [("provider", OVERFLOW), ("model", OVERFLOW)];
        write(self.budget.overflow(), text, name, labels);
    }
}

/// Stands for providers that are not known, such as those that a caller brings a key for. No provider can be called so.
const OTHER_PROVIDER: &str = "(other)";
