//! A gateway between a test and its scripted upstreams.

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Response, StatusCode};
use http_body_util::BodyExt;
use orchestra_dialects::Endpoint;
use orchestra_gateway::{
    AnswerBody, CallRecord, Conversations, Directions, Gateway, Incoming, KeyName, Keys, Parts,
    PooledTransport, ProviderKey, Providers, Retries, RetryRules, Roster, Settings, Sink,
    Transport,
};
use orchestra_providers::{
    ByFamily, Catalogue, Provider, RateLimitRow, Registry, ResetFormat, Row,
};
use orchestra_secrets::Secret;
use orchestra_testkit::{Behaviour, Script, Upstream};
use orchestra_types::{Clock, KeyId, ProviderId, SeededRng, SystemClock};

use crate::wire;

/// The providers' names, in the order of the upstreams.
pub(crate) const NAMES: [&str; 3] = ["one", "two", "three"];
/// The model that all of them serve.
pub(crate) const MODEL: &str = "m-large";
/// Leads to that model at every provider, in their order.
pub(crate) const EVERYONE: &str = "everyone";

/// Fails a test that hangs.
pub(crate) async fn soon<T>(what: impl Future<Output = T>) -> T {
    within(Duration::from_secs(10), what).await
}

/// Fails a test when something takes longer than it should.
pub(crate) async fn within<T>(limit: Duration, what: impl Future<Output = T>) -> T {
    tokio::time::timeout(limit, what)
        .await
        .expect("it takes too long")
}

/// Limits so short that waiting for a silent upstream costs little. No target is asked twice: who wants that says so.
pub(crate) fn impatient() -> Settings {
    Settings {
        connect: Duration::from_secs(2),
        first_byte: Duration::from_millis(150),
        idle: Duration::from_millis(150),
        total: Duration::from_secs(8),
        stream_total: Duration::from_secs(8),
        max_event_bytes: 16 * 1024,
        retries: RetryRules::all(Retries::NONE),
        ..Settings::default()
    }
}

/// Limits of time that no upstream reaches which says anything at all.
pub(crate) fn patient() -> Settings {
    Settings {
        first_byte: Duration::from_secs(30),
        idle: Duration::from_secs(30),
        total: Duration::from_secs(30),
        stream_total: Duration::from_secs(30),
        ..impatient()
    }
}

/// Limits that only a silence within an answer reaches.
pub(crate) fn short_of_idle() -> Settings {
    Settings {
        idle: Duration::from_millis(300),
        ..patient()
    }
}

/// Short limits where the fault to be found is a silence, so that a busy machine disturbs no other test.
pub(crate) fn limits(word: &str) -> Settings {
    match word {
        "timeout_idle" => short_of_idle(),
        word if word.starts_with("timeout") => impatient(),
        _ => patient(),
    }
}

/// A clock that moves only when a test moves it.
#[derive(Debug, Default)]
pub(crate) struct HandClock(AtomicU64);

impl HandClock {
    pub(crate) fn advance(&self, by: Duration) {
        let millis = u64::try_from(by.as_millis()).unwrap();
        self.0.fetch_add(millis, Ordering::Relaxed);
    }
}

impl Clock for HandClock {
    fn monotonic(&self) -> Duration {
        Duration::from_millis(self.0.load(Ordering::Relaxed))
    }

    fn unix(&self) -> Duration {
        self.monotonic()
    }
}

/// The time of tokio, which a test may pause.
#[derive(Debug)]
pub(crate) struct PausedClock(pub(crate) tokio::time::Instant);

impl Clock for PausedClock {
    fn monotonic(&self) -> Duration {
        self.0.elapsed()
    }

    fn unix(&self) -> Duration {
        self.0.elapsed()
    }
}

/// Keeps every record.
#[derive(Debug, Default)]
pub(crate) struct Records(Mutex<Vec<CallRecord>>);

impl Sink for Records {
    fn settled(&self, record: CallRecord) {
        self.0.lock().unwrap().push(record);
    }
}

impl Records {
    /// The records since the last time.
    pub(crate) fn take(&self) -> Vec<CallRecord> {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

/// A row that speaks every endpoint at this address, as a catalogue's row would.
pub(crate) fn row(base_url: &str) -> Row {
    let words = |words: &[&str]| {
        words
            .iter()
            .map(|&word| word.to_owned())
            .collect::<Vec<_>>()
    };
    Row {
        base_url: Some(format!("{base_url}/v1")),
        endpoints: Some(Endpoint::SERVED.map(|e| e.name().to_owned()).into()),
        key_names: Some(words(&["SCRIPTED_KEY"])),
        forwards: Some(ByFamily {
            all: words(&["idempotency-key", "x-client-request-id"]),
            anthropic: words(&["anthropic-version", "anthropic-beta"]),
            ..ByFamily::default()
        }),
        headers: Some(ByFamily {
            anthropic: BTreeMap::from([("anthropic-version".to_owned(), "2023-06-01".to_owned())]),
            ..ByFamily::default()
        }),
        relays: Some(words(&[
            "request-id",
            "x-request-id",
            "retry-after",
            "retry-after-ms",
            "x-should-retry",
            "x-ratelimit-*",
            "anthropic-ratelimit-*",
        ])),
        models: Some(words(&[MODEL, "m-small"])),
        rate_limits: Some(RateLimitRow {
            headers: words(&["x-ratelimit-{}-requests", "x-ratelimit-{}-tokens"]),
            reset: ResetFormat::Duration,
            standard: None,
        }),
        ..Row::default()
    }
}

/// The provider's key: what the tests look for at the upstreams, and nowhere else.
pub(crate) fn key(provider: &str) -> String {
    format!("the-key-of-{provider}")
}

/// Providers in the order of [`NAMES`], and the alias that leads to all of them.
pub(crate) fn providers(rows: &[Row]) -> Arc<Roster> {
    let built = rows.iter().zip(NAMES).map(|(row, name)| {
        Provider::build(ProviderId::new(name).unwrap(), row).expect("a sound row")
    });
    let everyone = NAMES[..rows.len()]
        .iter()
        .map(|name| format!("{name}/{MODEL}"))
        .collect();
    let aliases = BTreeMap::from([(EVERYONE.to_owned(), everyone)]);
    let registry = Registry::build(built.collect(), &Catalogue::embedded(), &aliases).unwrap();
    let keys = |id: &ProviderId| {
        let name = KeyName::new("env:SCRIPTED_KEY").unwrap();
        Keys::Ready(vec![ProviderKey::new(name, Secret::new(key(id.as_str())))])
    };
    Arc::new(Roster::from(Providers::new(registry, keys).unwrap()))
}

fn parts(
    transport: Arc<dyn Transport>,
    settings: Settings,
    rows: &[Row],
    sink: Arc<dyn Sink>,
) -> Parts {
    Parts {
        providers: providers(rows),
        transport,
        sink,
        clock: Arc::new(SystemClock::new()),
        rng: Arc::new(SeededRng::new(7)),
        conversations: None,
        keys: None,
        routes: Arc::default(),
        settings,
    }
}

/// A gateway and what is around it.
pub(crate) struct Stage {
    pub(crate) gateway: Gateway,
    pub(crate) upstreams: Vec<Upstream>,
    pub(crate) records: Arc<Records>,
}

impl Stage {
    /// One upstream and provider for each behaviour.
    pub(crate) fn new(behaviours: impl IntoIterator<Item = Behaviour>) -> Self {
        let scripts = behaviours
            .into_iter()
            .map(|behaviour| Script::new().otherwise(behaviour));
        Self::with(patient(), scripts)
    }

    /// One upstream and provider for each script.
    pub(crate) fn with(settings: Settings, scripts: impl IntoIterator<Item = Script>) -> Self {
        let upstreams: Vec<_> = scripts
            .into_iter()
            .map(|s| Upstream::start(s).unwrap())
            .collect();
        let rows: Vec<Row> = upstreams
            .iter()
            .map(|upstream| row(&upstream.base_url()))
            .collect();
        Self::of(settings, &rows, upstreams)
    }

    /// Any rows; the upstreams are only kept alive.
    pub(crate) fn of(settings: Settings, rows: &[Row], upstreams: Vec<Upstream>) -> Self {
        let transport = Arc::new(PooledTransport::new(settings.connect));
        let mut stage = Self::over(transport, settings, rows);
        stage.upstreams = upstreams;
        stage
    }

    /// Any transport, and no upstream behind it that is known here.
    pub(crate) fn over(transport: Arc<dyn Transport>, settings: Settings, rows: &[Row]) -> Self {
        Self::of_parts(Vec::new(), |records| {
            parts(transport, settings, rows, records)
        })
    }

    /// Any transport, and a time of its own.
    pub(crate) fn timed(
        transport: Arc<dyn Transport>,
        clock: Arc<dyn Clock>,
        settings: Settings,
        rows: &[Row],
    ) -> Self {
        Self::of_parts(Vec::new(), |records| Parts {
            clock,
            ..parts(transport, settings, rows, records)
        })
    }

    /// Any rows, and a place for conversations.
    pub(crate) fn keeping(
        store: Arc<dyn Conversations>,
        rows: &[Row],
        upstreams: Vec<Upstream>,
    ) -> Self {
        Self::arranged(rows, upstreams, |parts| Parts {
            conversations: Some(store),
            ..parts
        })
    }

    /// Any rows, and parts that are not the usual ones.
    pub(crate) fn arranged(
        rows: &[Row],
        upstreams: Vec<Upstream>,
        arrange: impl FnOnce(Parts) -> Parts,
    ) -> Self {
        let settings = patient();
        let transport = Arc::new(PooledTransport::new(settings.connect));
        Self::of_parts(upstreams, |records| {
            arrange(parts(transport, settings, rows, records))
        })
    }

    fn of_parts(upstreams: Vec<Upstream>, parts: impl FnOnce(Arc<dyn Sink>) -> Parts) -> Self {
        let records = Arc::new(Records::default());
        let gateway = Gateway::new(parts(Arc::clone(&records) as Arc<dyn Sink>));
        Self {
            gateway,
            upstreams,
            records,
        }
    }

    /// Makes a call and reads its answer to the end.
    pub(crate) async fn ask(&self, ask: Ask) -> Got {
        soon(async {
            let answer = self.gateway.call(ask.into_incoming()).await;
            self.read(answer).await
        })
        .await
    }

    /// Reads an answer to its end.
    pub(crate) async fn read(&self, answer: Response<AnswerBody>) -> Got {
        let (head, body) = answer.into_parts();
        let body = body
            .collect()
            .await
            .expect("no call's body ends in an error")
            .to_bytes();
        Got {
            status: head.status,
            headers: head.headers,
            body,
            record: self.record(),
        }
    }

    /// The one record of the call that has ended.
    pub(crate) fn record(&self) -> CallRecord {
        let mut records = self.records.take();
        assert_eq!(
            records.len(),
            1,
            "a call settles exactly one record: {records:?}"
        );
        records.remove(0)
    }

    /// How many requests each upstream has received.
    pub(crate) fn requests(&self) -> Vec<u64> {
        self.upstreams.iter().map(Upstream::requests).collect()
    }
}

/// A call to be made.
#[derive(Clone, Debug)]
pub(crate) struct Ask {
    pub(crate) endpoint: Endpoint,
    pub(crate) headers: HeaderMap,
    pub(crate) query: Option<String>,
    pub(crate) provider: Option<&'static str>,
    pub(crate) client: Option<&'static str>,
    pub(crate) directions: Directions,
    pub(crate) body: Bytes,
}

impl Ask {
    /// A short prompt for a model.
    pub(crate) fn new(endpoint: Endpoint, model: &str, stream: bool) -> Self {
        Self::body(endpoint, wire::request(endpoint, model, stream))
    }

    /// Exactly this body.
    pub(crate) fn body(endpoint: Endpoint, body: impl Into<Bytes>) -> Self {
        Self {
            endpoint,
            headers: HeaderMap::new(),
            query: None,
            provider: None,
            client: None,
            directions: Directions::default(),
            body: body.into(),
        }
    }

    /// With another header.
    pub(crate) fn header(mut self, name: &'static str, value: &'static str) -> Self {
        self.headers
            .append(name, http::HeaderValue::from_static(value));
        self
    }

    pub(crate) fn into_incoming(self) -> Incoming {
        Incoming {
            endpoint: self.endpoint,
            provider: self.provider.map(|name| ProviderId::new(name).unwrap()),
            client: self.client.map(|name| KeyId::new(name).unwrap()),
            headers: self.headers,
            query: self.query,
            directions: self.directions,
            body: self.body,
        }
    }
}

/// What a client got, and what was recorded of it.
#[derive(Debug)]
pub(crate) struct Got {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    pub(crate) record: CallRecord,
}

impl Got {
    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).expect("text")
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).expect("JSON")
    }

    /// A header as text; empty if it is not there.
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .map_or("", |value| value.to_str().unwrap())
    }

    /// The words for the faults of the attempts, `-` for success.
    pub(crate) fn faults(&self) -> Vec<&'static str> {
        faults(&self.record)
    }
}

/// The words for the faults of the attempts, `-` for success.
pub(crate) fn faults(record: &CallRecord) -> Vec<&'static str> {
    record
        .attempts
        .iter()
        .map(|attempt| attempt.fault.unwrap_or("-"))
        .collect()
}
