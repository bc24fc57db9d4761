//! More calls than can be served at one time: they wait in order, within bounds, and are sent away with a word. Without a
//! network, and in a time that passes only while everybody waits.

use std::fmt;
use std::future::Future;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::join_all;
use futures_util::{StreamExt, stream};
use http::header::{ACCEPT, CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderMap, Method, Request, Response};
use http_body::Frame;
use http_body_util::StreamBody;
use orchestra_dialects::Endpoint;
use orchestra_gateway::{
    CallRecord, OutgoingBody, Overload, Priority, RawCall, SendFuture, Settings, ShedAt,
    ShedReason, Transport, UpstreamBody,
};
use orchestra_types::ProviderId;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};

use crate::harness::PausedClock;
use crate::harness::{Ask, EVERYONE, Got, NAMES, Stage, row};
use crate::wire;

const CHAT: Endpoint = Endpoint::ChatCompletions;

const fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// What an upstream that is full says.
#[derive(Clone, Copy, Debug)]
enum Full {
    /// Not for a second.
    Wait,
    /// Nothing of when.
    No,
}

/// Upstreams that need two seconds for an answer and work on so many at one time.
struct Hall {
    capacity: usize,
    full: Full,
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    busy: [usize; 3],
    busiest: usize,
    refused: usize,
    /// Which calls were served, by what their clients call them.
    served: Vec<String>,
}

impl fmt::Debug for Hall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hall").finish_non_exhaustive()
    }
}

/// One that is worked on.
struct Work(Arc<Mutex<State>>, usize);

impl Drop for Work {
    fn drop(&mut self) {
        self.0.lock().unwrap().busy[self.1] -= 1;
    }
}

impl Hall {
    fn begin(&self, request: &Request<OutgoingBody>) -> Option<Work> {
        let host = request.uri().host().unwrap();
        let at = NAMES
            .iter()
            .position(|name| host.starts_with(name))
            .unwrap();
        let mut state = self.state.lock().unwrap();
        if state.busy[at] == self.capacity {
            state.refused += 1;
            return None;
        }
        state.busy[at] += 1;
        state.busiest = state.busiest.max(state.busy[at]);
        let called = request.headers().get("x-client-request-id");
        state
            .served
            .extend(called.map(|name| name.to_str().unwrap().to_owned()));
        Some(Work(Arc::clone(&self.state), at))
    }

    fn refusal(&self) -> Response<UpstreamBody> {
        let mut answer = answer("application/json", r#"{"error":{"message":"no"}}"#, None);
        *answer.status_mut() = http::StatusCode::SERVICE_UNAVAILABLE;
        if matches!(self.full, Full::Wait) {
            *answer.status_mut() = http::StatusCode::TOO_MANY_REQUESTS;
            let second = "1".parse().unwrap();
            answer.headers_mut().insert(RETRY_AFTER, second);
        }
        answer
    }
}

impl Transport for Hall {
    fn send(&self, request: Request<OutgoingBody>) -> SendFuture {
        let streams = request.headers()[ACCEPT] == "text/event-stream";
        let Some(work) = self.begin(&request) else {
            let refusal = self.refusal();
            return Box::pin(async { Ok(refusal) });
        };
        Box::pin(async move {
            if streams {
                let whole = wire::recorded(CHAT).whole();
                return Ok(answer("text/event-stream", &whole, Some(work)));
            }
            sleep(secs(2)).await;
            drop(work);
            Ok(answer("application/json", wire::answer(CHAT), None))
        })
    }
}

/// A stream takes two seconds after its first events.
fn answer(kind: &str, text: &str, work: Option<Work>) -> Response<UpstreamBody> {
    let half = text.len() / 2;
    let (one, other) = text.split_at(half);
    let frame = |text: &str| Ok(Frame::data(Bytes::from(text.to_owned())));
    let slow = work.is_some();
    let rest = frame(other);
    let last = stream::once(async move {
        if slow {
            sleep(secs(2)).await;
        }
        drop(work);
        rest
    });
    let body: UpstreamBody = Box::pin(StreamBody::new(stream::iter([frame(one)]).chain(last)));
    let mut answer = Response::new(body);
    answer
        .headers_mut()
        .insert(CONTENT_TYPE, kind.parse().unwrap());
    answer
}

/// A gateway before such upstreams.
struct Crowd {
    stage: Arc<Stage>,
    state: Arc<Mutex<State>>,
}

impl Crowd {
    fn new(upstreams: usize, capacity: usize, full: Full, mut overload: Overload) -> Self {
        overload.priorities.most = Priority::High;
        let state: Arc<Mutex<State>> = Arc::default();
        let hall = Hall {
            capacity,
            full,
            state: Arc::clone(&state),
        };
        let rows: Vec<_> = NAMES[..upstreams]
            .iter()
            .map(|name| row(&format!("http://{name}.example")))
            .collect();
        let settings = Settings {
            overload,
            ..Settings::default()
        };
        let clock = Arc::new(PausedClock(Instant::now()));
        let stage = Stage::timed(Arc::new(hall), clock, settings, &rows);
        Self {
            stage: Arc::new(stage),
            state,
        }
    }

    /// One target that is known to take four at a time, and works on four.
    async fn full(overload: Overload) -> (Self, Vec<JoinHandle<u16>>) {
        let crowd = Self::new(1, 4, Full::Wait, overload);
        join_all((0..5).map(|_| crowd.ask(&["normal"]))).await;
        sleep(secs(3)).await;
        let running = crowd.start(4, &["normal"]).await;
        crowd.stage.records.take();
        crowd.state.lock().unwrap().served.clear();
        (crowd, running)
    }

    /// Makes a call with such a priority and name; its status.
    fn ask(&self, words: &[&'static str]) -> impl Future<Output = u16> + Send + use<> {
        let mut ask = Ask::new(CHAT, EVERYONE, false);
        for (name, word) in ["x-orchestra-priority", "x-client-request-id"]
            .into_iter()
            .zip(words)
        {
            ask = ask.header(name, word);
        }
        let stage = Arc::clone(&self.stage);
        async move {
            stage
                .gateway
                .call(ask.into_incoming())
                .await
                .status()
                .as_u16()
        }
    }

    /// Begins so many, which go as far as they can without time.
    async fn start(&self, calls: usize, words: &[&'static str]) -> Vec<JoinHandle<u16>> {
        let begun = (0..calls).map(|_| tokio::spawn(self.ask(words))).collect();
        sleep(Duration::from_millis(1)).await;
        begun
    }

    /// What one call gets, in this dialect.
    async fn got(&self, endpoint: Endpoint) -> Got {
        let ask = Ask::new(endpoint, EVERYONE, false).into_incoming();
        let answer = self.stage.gateway.call(ask).await;
        self.stage.read(answer).await
    }

    fn waiting(&self) -> usize {
        let gateway = &self.stage.gateway;
        let providers = gateway.providers();
        let members = providers.members();
        let reports = members.flat_map(|member| member.target_reports(gateway.now()));
        reports.map(|target| target.report.waiting).sum()
    }
}

fn bounds(max_waiting: usize) -> Overload {
    Overload {
        max_waiting,
        ..Overload::default()
    }
}

fn shed(record: &CallRecord) -> Option<(ShedAt, ShedReason)> {
    record.shed.map(|shed| (shed.at, shed.reason))
}

#[tokio::test(start_paused = true)]
async fn what_a_queue_can_serve_is_served() {
    for upstreams in [1, 2] {
        let crowd = Crowd::new(upstreams, 4, Full::Wait, Overload::default());
        let calls = 8 * upstreams + 4;
        let statuses = join_all((0..calls).map(|_| crowd.ask(&[]))).await;
        assert_eq!(statuses, vec![200; calls]);
        let refused = crowd.state.lock().unwrap().refused;
        // Once it is known how many a target takes, nobody is sent there in vain but those who try whether it takes more.
        let more: Vec<u16> = join_all((0..calls).map(|_| crowd.ask(&[]))).await;
        assert_eq!(more, vec![200; calls]);
        let vain = crowd.state.lock().unwrap().refused - refused;
        assert!(vain <= calls / 4, "{vain} of {calls}");
        assert_eq!(crowd.waiting(), 0);
    }
}

#[tokio::test(start_paused = true)]
async fn who_waits_gets_the_first_place_and_the_record_says_how_long_it_took() {
    let (crowd, running) = Crowd::full(Overload::default()).await;
    let waits = crowd.start(1, &["normal"]).await;
    assert_eq!(crowd.waiting(), 1);
    assert_eq!(
        crowd.state.lock().unwrap().busy[0],
        4,
        "nobody is forced in"
    );
    for call in running.into_iter().chain(waits) {
        assert_eq!(call.await.unwrap(), 200);
    }
    let records = crowd.stage.records.take();
    let waited: Vec<_> = records.iter().filter_map(|record| record.waited).collect();
    assert_eq!(waited.len(), 1);
    assert!(
        (1_990..=2_010).contains(&waited[0].as_millis()),
        "{waited:?}"
    );
    assert_eq!(crowd.state.lock().unwrap().busiest, 4);
}

#[tokio::test(start_paused = true)]
async fn who_matters_more_comes_first() {
    let (crowd, _running) = Crowd::full(Overload::default()).await;
    let mut calls = Vec::new();
    for (priority, name) in [
        ("low", "l"),
        ("normal", "n"),
        ("high", "h"),
        ("low", "l2"),
        ("high", "h2"),
    ] {
        calls.extend(crowd.start(1, &[priority, name]).await);
    }
    for call in calls {
        assert_eq!(call.await.unwrap(), 200);
    }
    let served = crowd.state.lock().unwrap().served.clone();
    assert_eq!(served, ["h", "h2", "n", "l", "l2"]);
}

#[tokio::test(start_paused = true)]
async fn what_is_more_than_may_wait_is_told_at_once_in_the_caller_s_words() {
    let (crowd, _running) = Crowd::full(bounds(2)).await;
    let _waiting = crowd.start(2, &["normal"]).await;
    let began = Instant::now();
    for (endpoint, code) in [
        (CHAT, "/error/code"),
        (Endpoint::Responses, "/error/code"),
        (Endpoint::Messages, "/error/details/error_code"),
    ] {
        let got = crowd.got(endpoint).await;
        assert_eq!(got.status, 503, "{endpoint:?}");
        assert_eq!(got.header("retry-after"), "1");
        assert_eq!(got.json().pointer(code).unwrap(), "gateway_overloaded");
        assert_eq!(
            shed(&got.record),
            Some((ShedAt::Target, ShedReason::QueueFull))
        );
        assert!(got.record.attempts.is_empty());
    }
    assert_eq!(began.elapsed(), Duration::ZERO);
    let high = crowd.start(1, &["high"]).await;
    assert_eq!(crowd.waiting(), 2, "one that matters less has made room");
    let records = crowd.stage.records.take();
    assert_eq!(
        shed(&records[0]),
        Some((ShedAt::Target, ShedReason::Displaced))
    );
    for call in high {
        assert_eq!(call.await.unwrap(), 200);
    }
}

#[tokio::test(start_paused = true)]
async fn nobody_waits_for_longer_than_calls_may() {
    let overload = Overload {
        max_wait: secs(1),
        ..Overload::default()
    };
    let (crowd, _running) = Crowd::full(overload).await;
    let began = Instant::now();
    let got = crowd.got(CHAT).await;
    assert_eq!(got.status, 503);
    assert_eq!(
        shed(&got.record),
        Some((ShedAt::Target, ShedReason::WaitTimeout))
    );
    assert!((1_000..=1_002).contains(&began.elapsed().as_millis()));
    assert_eq!(crowd.waiting(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_client_that_leaves_leaves_the_line() {
    let (crowd, running) = Crowd::full(Overload::default()).await;
    let mut waits = crowd.start(3, &["normal"]).await;
    waits.remove(0).abort();
    sleep(Duration::from_millis(1)).await;
    assert_eq!(crowd.waiting(), 2);
    for call in running.into_iter().chain(waits) {
        assert_eq!(call.await.unwrap(), 200);
    }
}

#[tokio::test(start_paused = true)]
async fn a_burst_of_refusals_without_a_word_is_waited_out_as_well() {
    let crowd = Crowd::new(2, 8, Full::No, Overload::default());
    let statuses = join_all((0..20).map(|_| crowd.ask(&[]))).await;
    let served = statuses.iter().filter(|status| **status == 200).count();
    assert!(served >= 16, "{statuses:?}");
}

#[tokio::test(start_paused = true)]
async fn calls_to_other_endpoints_wait_too() {
    let crowd = Crowd::new(1, 4, Full::Wait, Overload::default());
    let raw = || async {
        let call = RawCall {
            provider: ProviderId::new("one").unwrap(),
            client: None,
            method: Method::GET,
            path_and_query: "/v1/files".to_owned(),
            headers: HeaderMap::from_iter([(ACCEPT, "application/json".parse().unwrap())]),
            body: None,
        };
        crowd.stage.gateway.pass(call).await.status().as_u16()
    };
    // They are not sent twice, but it is known then how many are too many.
    let statuses = join_all((0..5).map(|_| raw())).await;
    assert_eq!(statuses, [200, 200, 200, 200, 429]);
    let statuses = join_all((0..6).map(|_| raw())).await;
    assert_eq!(statuses, [200; 6]);
    assert_eq!(crowd.state.lock().unwrap().refused, 1);
}

#[tokio::test(start_paused = true)]
async fn the_gateway_serves_so_many_at_one_time_and_the_rest_wait() {
    let overload = Overload {
        max_calls: 2,
        max_waiting: 3,
        ..Overload::default()
    };
    let crowd = Crowd::new(1, 100, Full::No, overload);
    let calls = crowd.start(5, &["normal"]).await;
    let load = crowd.stage.gateway.load();
    assert_eq!((load.calls, load.waiting), (2, 3));
    let began = Instant::now();
    let got = crowd.got(CHAT).await;
    assert_eq!(got.status, 503);
    assert_eq!(got.json()["error"]["code"], "gateway_overloaded");
    assert_eq!(
        shed(&got.record),
        Some((ShedAt::Gateway, ShedReason::QueueFull))
    );
    assert_eq!(began.elapsed(), Duration::ZERO);
    for call in calls {
        assert_eq!(call.await.unwrap(), 200);
    }
    assert_eq!(crowd.state.lock().unwrap().busiest, 2);
    assert_eq!(crowd.stage.gateway.load().calls, 0);
}

#[tokio::test(start_paused = true)]
async fn a_stream_has_its_place_until_its_end() {
    let overload = Overload {
        max_calls: 1,
        ..Overload::default()
    };
    let crowd = Crowd::new(1, 100, Full::No, overload);
    let ask = Ask::new(CHAT, EVERYONE, true).into_incoming();
    let answer = crowd.stage.gateway.call(ask).await;
    assert_eq!(crowd.stage.gateway.load().calls, 1);
    let waits = crowd.start(1, &["normal"]).await;
    assert_eq!(crowd.stage.gateway.load().waiting, 1);
    let got = crowd.stage.read(answer).await;
    assert_eq!(got.text(), wire::recorded(CHAT).whole());
    assert_eq!(crowd.stage.gateway.load().waiting, 0);
    for call in waits {
        assert_eq!(call.await.unwrap(), 200);
    }
}

/// In a full line a higher one would make room for itself; who only says so does not.
#[tokio::test(start_paused = true)]
async fn who_may_not_ask_for_more_is_told_what_it_got() {
    let stage = Stage::timed(
        Arc::new(Hall {
            capacity: 4,
            full: Full::Wait,
            state: Arc::default(),
        }),
        Arc::new(PausedClock(Instant::now())),
        Settings::default(),
        &[row("http://one.example")],
    );
    for (asked, told) in [("high", Some("normal")), ("normal", None), ("low", None)] {
        let ask = Ask::new(CHAT, EVERYONE, false).header("x-orchestra-priority", asked);
        let answer = stage.gateway.call(ask.into_incoming()).await;
        let got = stage.read(answer).await;
        assert_eq!(got.status, 200);
        let header = got.headers.get("x-orchestra-priority");
        assert_eq!(header.map(|value| value.to_str().unwrap()), told, "{asked}");
        let lowered = got
            .record
            .priority_lowered_to
            .map(|priority| priority.as_str());
        assert_eq!(lowered, told, "{asked}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_priority_that_is_none_is_an_error_although_there_is_room() {
    let crowd = Crowd::new(1, 4, Full::Wait, Overload::default());
    assert_eq!(crowd.ask(&["urgent"]).await, 400);
}
