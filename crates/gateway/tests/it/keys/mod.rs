//! Several keys for each provider: which one a call gets, what becomes of one that is refused, and how they are
//! exchanged while calls run.

mod bench;
mod quota;
mod rotation;
mod sealed;
mod silence;
#[cfg(target_os = "linux")]
mod traces;
mod weights;

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use http::{HeaderMap, Method};
use orchestra_dialects::Endpoint;
use orchestra_gateway::{
    CallRecord, KeyName, KeyReport, Keys, Member, Parts, ProviderKey, RawCall, TargetReport,
};
use orchestra_health::Standing;
use orchestra_providers::Row;
use orchestra_secrets::Secret;
use orchestra_testkit::{Behaviour, Script, Upstream, When};
use orchestra_types::{Clock, ModelId, ProviderId};

use crate::harness::{Ask, Got, HandClock, MODEL, Stage, row, soon};

const CHAT: Endpoint = Endpoint::ChatCompletions;
/// So heavy beside a key of weight 1 that it is drawn first, whatever the draw.
const HEAVY: u32 = u32::MAX;

/// The text of a key.
fn secret(name: &str, version: u32) -> String {
    format!("the-secret-of-{name}-in-version-{version}")
}

/// A key of a store.
fn key(name: &str, version: u32, weight: u32) -> ProviderKey {
    ProviderKey {
        name: KeyName::new(&format!("store:{name}")).unwrap(),
        version: Some(version),
        weight: NonZeroU32::new(weight).unwrap(),
        secret: Arc::new(Secret::new(secret(name, version))),
        companions: Vec::new(),
    }
}

/// A script that refuses some keys with this status, and answers with all others.
fn refusing(status: u16, refused: &[(&str, u32)]) -> Script {
    let script = Script::new().otherwise(Behaviour::answer());
    refused.iter().fold(script, |script, (name, version)| {
        let with = When::header(
            "authorization",
            format!("Bearer {}", secret(name, *version)),
        );
        script.on(with, Behaviour::error(status))
    })
}

/// Providers with keys, behind scripted upstreams, and a clock that stands still.
struct Pools {
    stage: Stage,
    clock: Arc<HandClock>,
}

impl Pools {
    /// One provider for each script.
    fn new(scripts: impl IntoIterator<Item = Script>) -> Self {
        Self::with(scripts, |parts| parts)
    }

    fn with(
        scripts: impl IntoIterator<Item = Script>,
        arrange: impl FnOnce(Parts) -> Parts,
    ) -> Self {
        let upstreams: Vec<Upstream> = scripts
            .into_iter()
            .map(|script| Upstream::start(script).unwrap())
            .collect();
        let rows: Vec<Row> = upstreams.iter().map(|up| row(&up.base_url())).collect();
        let clock = Arc::new(HandClock::default());
        let stage = Stage::arranged(&rows, upstreams, |parts| {
            arrange(Parts {
                clock: Arc::clone(&clock) as Arc<dyn Clock>,
                ..parts
            })
        });
        Self { stage, clock }
    }

    /// With these keys for the first provider.
    fn holding(self, keys: Vec<ProviderKey>) -> Self {
        self.set(keys);
        self
    }

    fn set(&self, keys: Vec<ProviderKey>) {
        self.member().set_keys(Keys::Ready(keys)).unwrap();
    }

    fn member(&self) -> Arc<Member> {
        self.stage
            .gateway
            .providers()
            .member("one")
            .cloned()
            .unwrap()
    }

    fn advance(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
    }

    /// How the first provider's targets fare.
    fn targets(&self) -> Vec<TargetReport> {
        self.member().target_reports(self.clock.monotonic())
    }

    /// Whether a model of the first provider may be asked for with this key; of the raw calls' model if it has no name.
    fn is_well_with(&self, model: &str, key: &str) -> bool {
        let name = format!("store:{key}");
        let of = |target: &&TargetReport| {
            let key = target.key.as_ref().expect("every target has a key");
            target.model.as_str() == model && key.name.as_str() == name
        };
        let standing = self.targets().iter().find(of).map(|t| t.report.standing);
        !matches!(standing, Some(Standing::Out(_)))
    }

    /// Whether the first provider would be asked before others.
    fn is_well(&self) -> bool {
        self.member()
            .is_ready(&ModelId::new(MODEL), self.clock.monotonic())
    }

    async fn ask(&self) -> Got {
        self.stage.ask(Ask::new(CHAT, MODEL, false)).await
    }

    async fn pass(&self) -> Got {
        let call = RawCall {
            provider: ProviderId::new("one").unwrap(),
            client: None,
            method: Method::GET,
            path_and_query: "/v1/files".to_owned(),
            headers: HeaderMap::new(),
            body: None,
        };
        soon(async {
            let answer = self.stage.gateway.pass(call).await;
            self.stage.read(answer).await
        })
        .await
    }

    fn report(&self, name: &str) -> KeyReport {
        let name = format!("store:{name}");
        let mut reports = self.stage.gateway.key_reports().into_iter();
        reports
            .find(|report| report.provider.as_str() == "one" && report.name.as_str() == name)
            .expect("a report of every key")
    }

    /// How many seconds a key is still benched.
    fn benched(&self, name: &str) -> Option<u64> {
        self.report(name).benched_for.map(|left| left.as_secs())
    }
}

/// The keys of the attempts with what became of them, such as `a1 authentication` and `b1 -`.
fn keys(record: &CallRecord) -> Vec<String> {
    let word = |attempt: &orchestra_gateway::AttemptRecord| {
        let key = attempt.key.as_ref().expect("every attempt has a key");
        let name = key.name.as_str().trim_start_matches("store:");
        let version = key.version.unwrap_or_default();
        format!("{name}{version} {}", attempt.fault.unwrap_or("-"))
    };
    record.attempts.iter().map(word).collect()
}
