//! Numbers for Prometheus: counted from the records of calls, and looked up when they are asked for.
//!
//! Labels hold words of the gateway's own, names of configured providers and of their keys, and names of models that the operator, the
//! catalogue or a provider's list knows. Nothing that a client can invent becomes a label.

mod cache;
mod calls;
mod gauges;
mod hedges;
mod histogram;
mod overload;
mod quotas;
mod rest;
mod series;
mod text;
mod upstreams;

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use http::StatusCode;
use orchestra_gateway::{CallRecord, Gateway, KnownModels, Sink};
use orchestra_types::ProviderId;

use crate::connection::Load;
use crate::health::Standing;
use cache::Lookups;
use calls::Calls;
use hedges::Hedges;
use overload::Overload;
use rest::RestCalls;
use series::MOST_SERIES;
pub(crate) use text::CONTENT_TYPE;
use text::Text;
use upstreams::Upstreams;

/// All that is counted. Taking a record is some additions to atomics, without a lock; only the first call to a model
/// takes one.
#[derive(Debug)]
pub struct Metrics {
    started: Instant,
    started_unix: Duration,
    calls: Calls,
    upstreams: Upstreams,
    hedges: Hedges,
    overload: Overload,
    cache: Lookups,
    rest: RestCalls,
}

impl Metrics {
    /// Nothing counted yet. Providers that are not among these, and not learnt, are counted together.
    pub fn new(providers: impl IntoIterator<Item = ProviderId>) -> Self {
        Self {
            started: Instant::now(),
            started_unix: SystemTime::now()
                .duration_since(UNIX_EPOCH)
                .unwrap_or_default(),
            calls: Calls::new(),
            upstreams: Upstreams::new(providers.into_iter(), MOST_SERIES),
            hedges: Hedges::default(),
            overload: Overload::new(),
            cache: Lookups::default(),
            rest: RestCalls::default(),
        }
    }

    /// Names that may be labels from now on.
    pub fn learn(&self, known: &KnownModels) {
        self.upstreams.learn(known);
    }

    /// Counts a call.
    pub fn record(&self, record: &CallRecord) {
        self.calls.record(record);
        self.upstreams.record(record);
        self.hedges.record(record);
        self.overload.record(record);
        self.cache.record(record);
    }

    /// Counts a call to the REST interface.
    pub(crate) fn rest(&self, operation: &'static str, status: StatusCode) {
        self.rest.count(operation, status);
    }

    /// What was counted so far, in Prometheus' text format.
    #[must_use]
    pub fn counted(&self) -> String {
        self.begun().finish()
    }

    fn begun(&self) -> Text {
        let mut text = Text::default();
        self.calls.write(&mut text);
        self.upstreams.write(&mut text);
        self.hedges.write(&mut text);
        self.overload.write(&mut text);
        self.cache.write(&mut text);
        self.rest.write(&mut text);
        text
    }

    /// The same, and how providers and server stand now.
    pub(crate) fn text(&self, gateway: &Gateway, load: &Load) -> String {
        let mut text = self.begun();
        let standings = Standing::all(gateway, |_| None);
        gauges::providers(&mut text, &standings);
        quotas::write(&mut text, &standings);
        gauges::load(&mut text, load);
        gauges::calls(&mut text, gateway.load());
        cache::shelf(&mut text, gateway.cache_report());
        gauges::process(&mut text, self.started.elapsed(), self.started_unix);
        text.finish()
    }
}

/// Counts every call, and hands its record on.
#[derive(Debug)]
pub(crate) struct MeteredSink {
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) inner: Arc<dyn Sink>,
}

impl Sink for MeteredSink {
    fn settled(&self, record: CallRecord) {
        self.metrics.record(&record);
        self.inner.settled(record);
    }
}
