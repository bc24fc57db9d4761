//! A second target, asked while the first one is slow. Without a network, and in a time that passes only while everybody
//! waits.

mod budget;
mod failures;
mod race;
mod rules;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use futures_util::{StreamExt, stream};
use http::header::CONTENT_TYPE;
use http::{Request, Response};
use http_body::Frame;
use http_body_util::StreamBody;
use orchestra_dialects::Endpoint;
use orchestra_gateway::{
    CallRecord, HedgeAfter, HedgeOutcome, HedgeRules, Hedging, OutgoingBody, Retries, RetryRules,
    SendFuture, Settings, Share, Transport, UpstreamBody,
};
use orchestra_providers::{ModelFactsRow, Row};
use tokio::time::{Instant, sleep};

use crate::harness::{Ask, EVERYONE, Got, MODEL, NAMES, PausedClock, Stage, row};
use crate::wire;

const CHAT: Endpoint = Endpoint::ChatCompletions;

/// What an upstream does with a request. Times are in milliseconds.
#[derive(Clone, Copy, Debug)]
enum Act {
    /// The whole answer, after this time.
    Whole(u64),
    /// An error with this status, after this time.
    Error(u64, u16),
    /// The word that the call is too long, after this time.
    TooLong(u64),
    /// A stream: its opening after the first time, the rest after the second one.
    Stream(u64, u64),
    Never,
}

/// What an upstream saw, and when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Saw {
    Request,
    /// The exchange was dropped before its end.
    Gone,
}

type Log = Arc<Mutex<Vec<(&'static str, u128, Saw)>>>;

/// Upstreams that do one thing after another, the last one for ever.
struct Road {
    began: Instant,
    acts: Mutex<BTreeMap<&'static str, Vec<Act>>>,
    log: Log,
}

impl fmt::Debug for Road {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Road").finish_non_exhaustive()
    }
}

/// Tells when an exchange is dropped.
struct Watch {
    name: &'static str,
    began: Instant,
    log: Log,
    over: bool,
}

impl Watch {
    fn ends(&mut self) {
        self.over = true;
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        if !self.over {
            let at = self.began.elapsed().as_millis();
            self.log.lock().unwrap().push((self.name, at, Saw::Gone));
        }
    }
}

impl Road {
    fn next(&self, request: &Request<OutgoingBody>) -> (Act, Watch) {
        let host = request.uri().host().unwrap();
        let name = *NAMES.iter().find(|name| host.starts_with(**name)).unwrap();
        let at = self.began.elapsed().as_millis();
        self.log.lock().unwrap().push((name, at, Saw::Request));
        let mut acts = self.acts.lock().unwrap();
        let acts = acts.get_mut(name).unwrap();
        let act = if acts.len() > 1 {
            acts.remove(0)
        } else {
            acts[0]
        };
        let watch = Watch {
            name,
            began: self.began,
            log: Arc::clone(&self.log),
            over: false,
        };
        (act, watch)
    }
}

async fn pause(millis: u64) {
    sleep(Duration::from_millis(millis)).await;
}

impl Transport for Road {
    fn send(&self, request: Request<OutgoingBody>) -> SendFuture {
        let (act, mut watch) = self.next(&request);
        Box::pin(async move {
            match act {
                Act::Never => {
                    let () = std::future::pending().await;
                    drop(watch);
                    Ok(response(200, "text/plain", Vec::new(), None))
                }
                Act::Whole(after) => {
                    pause(after).await;
                    watch.ends();
                    let text = vec![(0, wire::answer(CHAT).to_owned())];
                    Ok(response(200, "application/json", text, None))
                }
                Act::Error(after, status) => {
                    pause(after).await;
                    watch.ends();
                    let text = r#"{"error":{"message":"no","type":"t"}}"#.to_owned();
                    Ok(response(status, "application/json", vec![(0, text)], None))
                }
                Act::TooLong(after) => {
                    pause(after).await;
                    watch.ends();
                    let text = r#"{"error":{"message":"no","code":"context_length_exceeded"}}"#;
                    let text = vec![(0, text.to_owned())];
                    Ok(response(400, "application/json", text, None))
                }
                Act::Stream(opening, rest) => {
                    let (first, more) = wire::recorded(CHAT).events.split_at(1);
                    let pieces = vec![(opening, first.concat()), (rest, more.concat())];
                    Ok(response(200, "text/event-stream", pieces, Some(watch)))
                }
            }
        })
    }
}

/// An answer whose pieces come after these times; the exchange is over with the last one.
fn response(
    status: u16,
    kind: &str,
    pieces: Vec<(u64, String)>,
    mut watch: Option<Watch>,
) -> Response<UpstreamBody> {
    let last = pieces.len();
    let frames =
        stream::iter(pieces.into_iter().enumerate()).then(move |(number, (after, text))| {
            let watch = watch.take_if(|_| number + 1 == last);
            async move {
                pause(after).await;
                if let Some(mut watch) = watch {
                    watch.ends();
                }
                Ok(Frame::data(Bytes::from(text)))
            }
        });
    let body: UpstreamBody = Box::pin(StreamBody::new(frames));
    let mut answer = Response::new(body);
    *answer.status_mut() = status.try_into().unwrap();
    answer
        .headers_mut()
        .insert(CONTENT_TYPE, kind.parse().unwrap());
    answer
}

/// A gateway, and what its upstreams do.
struct Theatre {
    stage: Stage,
    road: Arc<Road>,
}

impl Theatre {
    /// One provider for each list of acts.
    fn new(settings: Settings, acts: impl IntoIterator<Item = Vec<Act>>) -> Self {
        let began = Instant::now();
        let acts: BTreeMap<_, _> = NAMES.into_iter().zip(acts).collect();
        let rows: Vec<_> = NAMES[..acts.len()]
            .iter()
            .map(|name| Row {
                facts: Some(vec![price()]),
                ..row(&format!("http://{name}.example"))
            })
            .collect();
        let road = Arc::new(Road {
            began,
            acts: Mutex::new(acts),
            log: Log::default(),
        });
        let transport = Arc::clone(&road) as Arc<dyn Transport>;
        let stage = Stage::timed(transport, Arc::new(PausedClock(began)), settings, &rows);
        Self { stage, road }
    }

    /// Each provider does one thing for ever, and a second target is asked after a second.
    fn racing<const N: usize>(acts: [Act; N]) -> Self {
        Self::new(after_a_second(), acts.map(|act| vec![act]))
    }

    async fn ask(&self, stream: bool) -> Got {
        self.call(Ask::new(CHAT, EVERYONE, stream)).await
    }

    async fn call(&self, ask: Ask) -> Got {
        let answer = self.stage.gateway.call(ask.into_incoming()).await;
        self.stage.read(answer).await
    }

    fn log(&self) -> Vec<(&'static str, u128, Saw)> {
        std::mem::take(&mut *self.road.log.lock().unwrap())
    }

    /// To whom requests went since the last time.
    fn asked(&self) -> Vec<&'static str> {
        let log = self.log();
        let requests = log.into_iter().filter(|(.., saw)| *saw == Saw::Request);
        requests.map(|(name, ..)| name).collect()
    }

    /// What is known of a provider's only target.
    fn report(&self, name: &str) -> orchestra_health::Report {
        let member = self
            .stage
            .gateway
            .providers()
            .member(name)
            .cloned()
            .unwrap();
        let now = self.road.began.elapsed();
        member.target_reports(now).remove(0).report
    }
}

/// Two dollars for a million tokens of input, ten for as many of output.
fn price() -> ModelFactsRow {
    let price = serde_json::json!({ "input": 2, "output": 10 });
    ModelFactsRow {
        models: vec![MODEL.to_owned()],
        context: None,
        price: Some(serde_json::from_value(price).unwrap()),
    }
}

fn hedging(after: HedgeAfter, most_extra: f64) -> Settings {
    let usual = Hedging {
        after,
        most_extra: Share::of(most_extra).unwrap(),
    };
    Settings {
        hedging: HedgeRules {
            usual,
            ..HedgeRules::default()
        },
        retries: RetryRules::all(Retries::NONE),
        ..Settings::default()
    }
}

fn after_a_second() -> Settings {
    hedging(HedgeAfter::Time(Duration::from_secs(1)), 1.0)
}

/// The provider, the fault and what came of it as a hedge, of each attempt.
fn attempts(record: &CallRecord) -> Vec<(&str, &'static str, Option<HedgeOutcome>)> {
    let mut told = Vec::new();
    for attempt in &record.attempts {
        let fault = attempt.fault.unwrap_or("-");
        told.push((attempt.provider.as_str(), fault, attempt.hedge));
    }
    told
}
