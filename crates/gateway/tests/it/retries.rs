//! The same target asked again: for which causes, after which wait, how often at most. Without a network, and in a time
//! that passes only while everybody waits.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use futures_util::{StreamExt, stream};
use http::header::CONTENT_TYPE;
use http::{Request, Response};
use http_body::Frame;
use http_body_util::{BodyStream, StreamBody};
use orchestra_dialects::Endpoint;
use orchestra_gateway::{
    BoxError, Ending, OutgoingBody, Retries, RetryRules, SendFuture, Settings, Transport,
    TransportError, UpstreamBody,
};
use orchestra_types::ProviderId;
use tokio::time::Instant;

use crate::harness::{Ask, EVERYONE, Got, MODEL, NAMES, PausedClock, Stage, row};
use crate::wire;

const CHAT: Endpoint = Endpoint::ChatCompletions;

/// What an upstream does with one request.
#[derive(Clone, Debug)]
enum Act {
    /// An error with this status, and with these headers.
    Error(u16, &'static [(&'static str, &'static str)]),
    NoConnection,
    Broken,
    Silence,
    /// A page instead of an answer.
    Page,
    /// This stream, which may end in a broken connection.
    Stream(String, bool),
    /// This beginning of a stream, and then nothing more.
    Stall(String),
    /// The whole answer.
    Good,
    /// The same with these headers.
    Telling(&'static [(&'static str, &'static str)]),
}

/// Upstreams that do one thing after another, the last one for ever.
struct Play {
    began: Instant,
    acts: Mutex<BTreeMap<&'static str, Vec<Act>>>,
    sent: Mutex<Vec<(&'static str, Duration)>>,
}

impl fmt::Debug for Play {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Play").finish_non_exhaustive()
    }
}

impl Play {
    fn next(&self, request: &Request<OutgoingBody>) -> Act {
        let host = request.uri().host().unwrap();
        let name = *NAMES.iter().find(|name| host.starts_with(**name)).unwrap();
        self.sent.lock().unwrap().push((name, self.began.elapsed()));
        let mut acts = self.acts.lock().unwrap();
        let acts = acts.get_mut(name).unwrap();
        if acts.len() > 1 {
            acts.remove(0)
        } else {
            acts[0].clone()
        }
    }
}

impl Transport for Play {
    fn send(&self, request: Request<OutgoingBody>) -> SendFuture {
        let act = self.next(&request);
        Box::pin(async move {
            match act {
                Act::NoConnection => Err(TransportError::Connect {
                    source: "no".into(),
                }),
                Act::Broken => Err(TransportError::Broken {
                    source: "no".into(),
                }),
                Act::Silence => std::future::pending().await,
                Act::Page => Ok(answer(200, "text/html", "<html>".to_owned(), false)),
                Act::Stream(events, breaks) => Ok(answer(200, "text/event-stream", events, breaks)),
                Act::Stall(events) => Ok(stalled(events)),
                Act::Good => Ok(answer(
                    200,
                    "application/json",
                    wire::answer(CHAT).into(),
                    false,
                )),
                Act::Telling(headers) => {
                    let text = wire::answer(CHAT).into();
                    let mut answer = answer(200, "application/json", text, false);
                    for (name, value) in headers {
                        answer.headers_mut().insert(*name, value.parse().unwrap());
                    }
                    Ok(answer)
                }
                Act::Error(status, headers) => {
                    let body = r#"{"error":{"message":"no","type":"t"}}"#;
                    let mut answer = answer(status, "application/json", body.to_owned(), false);
                    for (name, value) in headers {
                        answer.headers_mut().insert(*name, value.parse().unwrap());
                    }
                    Ok(answer)
                }
            }
        })
    }
}

fn answer(status: u16, kind: &str, text: String, breaks: bool) -> Response<UpstreamBody> {
    let end = breaks.then(|| Err::<_, BoxError>("the line went dead".into()));
    let frames = [Ok(Frame::data(Bytes::from(text)))].into_iter().chain(end);
    let body: UpstreamBody = Box::pin(StreamBody::new(stream::iter(frames)));
    let mut answer = Response::new(body);
    *answer.status_mut() = status.try_into().unwrap();
    answer
        .headers_mut()
        .insert(CONTENT_TYPE, kind.parse().unwrap());
    answer
}

fn stalled(events: String) -> Response<UpstreamBody> {
    let (head, body) = answer(200, "text/event-stream", events, false).into_parts();
    let frames = BodyStream::new(body).chain(stream::pending());
    Response::from_parts(head, Box::pin(StreamBody::new(frames)))
}

/// A gateway, and what its upstreams do.
struct Theatre {
    stage: Stage,
    play: Arc<Play>,
}

impl Theatre {
    /// One provider for each list of acts.
    fn new(settings: Settings, acts: impl IntoIterator<Item = Vec<Act>>) -> Self {
        let began = Instant::now();
        let acts: BTreeMap<_, _> = NAMES.into_iter().zip(acts).collect();
        let rows: Vec<_> = NAMES[..acts.len()]
            .iter()
            .map(|name| row(&format!("http://{name}.example")))
            .collect();
        let play = Arc::new(Play {
            began,
            acts: Mutex::new(acts),
            sent: Mutex::default(),
        });
        let transport = Arc::clone(&play) as Arc<dyn Transport>;
        let clock = Arc::new(PausedClock(began));
        let stage = Stage::timed(transport, clock, settings, &rows);
        Self { stage, play }
    }

    async fn ask(&self, stream: bool) -> Got {
        let call = self
            .stage
            .gateway
            .call(Ask::new(CHAT, EVERYONE, stream).into_incoming());
        self.stage.read(call.await).await
    }

    /// To whom requests went since the last time, and when, in milliseconds since the beginning.
    fn sent(&self) -> Vec<(&'static str, u128)> {
        let sent = std::mem::take(&mut *self.play.sent.lock().unwrap());
        let millis = |(name, at): (_, Duration)| (name, at.as_millis());
        sent.into_iter().map(millis).collect()
    }

    fn asked(&self) -> Vec<&'static str> {
        self.sent().into_iter().map(|(name, _)| name).collect()
    }
}

/// The usual limits, with these retries.
fn retrying(retries: Retries) -> Settings {
    Settings {
        retries: RetryRules::all(retries),
        ..Settings::default()
    }
}

/// The causes that may pass, and the word for each.
fn passing() -> Vec<(&'static str, Act)> {
    let status = |word, status| (word, Act::Error(status, &[]));
    vec![
        status("upstream_timeout", 408),
        status("server", 409),
        status("server", 500),
        status("server", 502),
        status("overloaded", 503),
        status("upstream_timeout", 504),
        status("overloaded", 529),
        ("connect", Act::NoConnection),
        ("broken", Act::Broken),
    ]
}

#[tokio::test(start_paused = true)]
async fn a_cause_that_may_pass_is_followed_by_the_same_target_when_it_is_the_last() {
    for (word, act) in passing() {
        let theatre = Theatre::new(Settings::default(), [vec![act.clone(), act, Act::Good]]);
        let got = theatre.ask(false).await;
        assert_eq!((got.status.as_u16(), got.text()), (200, wire::answer(CHAT)));
        assert_eq!(got.faults(), [word, word, "-"]);
        assert_eq!(got.header("x-orchestra-attempts"), "3");
        assert!(
            got.record
                .attempts
                .iter()
                .all(|a| a.provider.as_str() == NAMES[0])
        );
        let sent = theatre.sent();
        let waited = (sent[1].1 - sent[0].1, sent[2].1 - sent[1].1);
        // A timer rounds up to a whole millisecond.
        assert!(waited.0 <= 101 && waited.1 <= 201, "{word}: {waited:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_is_silent_is_asked_for_again() {
    let good = Act::Stream(wire::recorded(CHAT).whole(), false);
    let theatre = Theatre::new(Settings::default(), [vec![Act::Silence, good]]);
    let got = theatre.ask(true).await;
    assert_eq!(got.faults(), ["timeout_first_byte", "-"]);
    assert_eq!(got.record.attempts[0].took, Settings::default().first_byte);
    assert_eq!(got.text(), wire::recorded(CHAT).whole());
}

/// Whether it is told after it was held back or before, silence has one length.
#[tokio::test(start_paused = true)]
async fn a_silence_begins_with_the_last_bytes() {
    let opening = wire::recorded(CHAT).events[0].to_owned();
    let act = Act::Stall(opening);
    let theatre = Theatre::new(Settings::default(), [vec![act.clone()], vec![act]]);
    let got = theatre.ask(true).await;
    assert_eq!(got.faults(), ["timeout_idle"]);
    assert_eq!(got.record.ending, Ending::Interrupted);
    assert_eq!(got.record.took, Settings::default().idle);
}

#[tokio::test(start_paused = true)]
async fn an_answer_in_one_piece_has_all_the_time_where_no_other_target_waits() {
    let theatre = Theatre::new(Settings::default(), [vec![Act::Silence]]);
    let got = theatre.ask(false).await;
    assert_eq!(
        (got.status.as_u16(), got.faults()),
        (504, vec!["timeout_total"])
    );
    assert_eq!(got.record.took, Settings::default().total);
}

#[tokio::test(start_paused = true)]
async fn a_cause_that_stays_is_told_at_once() {
    const FINAL: &[(&str, &str)] = &[("x-should-retry", "false")];
    let acts = [400, 401, 402, 403, 404, 413, 422]
        .map(|status| Act::Error(status, &[]))
        .into_iter()
        .chain([Act::Error(500, FINAL), Act::Error(429, FINAL), Act::Page]);
    for act in acts {
        let theatre = Theatre::new(Settings::default(), [vec![act.clone(), Act::Good]]);
        let got = theatre.ask(false).await;
        assert_ne!(got.status, 200, "{act:?}");
        assert_eq!(theatre.sent(), [("one", 0)], "{act:?}");
        assert_eq!(theatre.play.began.elapsed(), Duration::ZERO, "{act:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_pause_that_fits_is_kept_whole() {
    const THREE: &[(&str, &str)] = &[("retry-after", "3")];
    const MILLIS: &[(&str, &str)] = &[("retry-after-ms", "1500")];
    for (act, least) in [
        (Act::Error(429, THREE), 3_000),
        (Act::Error(503, THREE), 3_000),
        (Act::Error(500, THREE), 3_000),
        (Act::Error(429, MILLIS), 1_500),
        // It does not say for how long.
        (Act::Error(429, &[]), 1_000),
    ] {
        let theatre = Theatre::new(Settings::default(), [vec![act.clone(), Act::Good]]);
        let got = theatre.ask(false).await;
        assert_eq!(got.status, 200, "{act:?}");
        let sent = theatre.sent();
        assert!(
            (least..=least + 101).contains(&sent[1].1),
            "{act:?}: {sent:?}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_pause_that_does_not_fit_is_not_waited_for() {
    const ELEVEN: &[(&str, &str)] = &[("retry-after", "11")];
    const FIVE: &[(&str, &str)] = &[("retry-after", "5")];
    let short = Settings {
        total: Duration::from_secs(5),
        ..Settings::default()
    };
    for (settings, pause, said) in [(Settings::default(), ELEVEN, "11"), (short, FIVE, "5")] {
        let theatre = Theatre::new(settings.clone(), [vec![Act::Error(429, pause), Act::Good]]);
        let got = theatre.ask(false).await;
        assert_eq!(
            (got.status.as_u16(), got.header("retry-after")),
            (429, said)
        );
        assert_eq!(theatre.sent(), [("one", 0)]);
        let first = vec![Act::Error(429, pause), Act::Good];
        let theatre = Theatre::new(settings, [first, vec![Act::Good]]);
        assert_eq!(theatre.ask(false).await.faults(), ["rate_limited", "-"]);
        assert_eq!(theatre.sent(), [("one", 0), ("two", 0)]);
    }
}

#[tokio::test(start_paused = true)]
async fn other_targets_come_first_and_the_shortest_pause_next() {
    const TWO: &[(&str, &str)] = &[("retry-after", "2")];
    let first = vec![Act::Error(429, TWO), Act::Good];
    let second = vec![Act::Error(500, &[]), Act::Good];
    let theatre = Theatre::new(Settings::default(), [first, second]);
    let got = theatre.ask(false).await;
    assert_eq!(got.faults(), ["rate_limited", "server", "-"]);
    let sent = theatre.sent();
    assert_eq!(sent[..2], [("one", 0), ("two", 0)]);
    assert!(sent[2].0 == "two" && sent[2].1 <= 101, "{sent:?}");
}

#[tokio::test(start_paused = true)]
async fn the_same_target_comes_first_where_that_is_wanted() {
    let failing = || vec![Act::Error(500, &[])];
    for (before_others, max_attempts, expected) in [
        (0, 3, ["one", "two", "three"].as_slice()),
        (1, 9, &["one", "one", "two", "two", "three", "three"]),
        // The last attempt is left to the one that waits.
        (1, 4, &["one", "one", "two", "three"]),
        (1, 3, &["one", "one", "two"]),
        (9, 3, &["one", "one", "two"]),
        (9, 1, &["one"]),
    ] {
        let retries = Retries {
            before_others,
            as_last: 0,
            ..Retries::default()
        };
        let settings = Settings {
            max_attempts,
            ..retrying(retries)
        };
        let theatre = Theatre::new(settings, [failing(), failing(), failing()]);
        assert_eq!(theatre.ask(false).await.status, 500);
        assert_eq!(theatre.asked(), expected, "{before_others} {max_attempts}");
    }
}

#[tokio::test(start_paused = true)]
async fn no_more_retries_are_made_than_are_wanted() {
    for (as_last, max_attempts, expected) in [(0, 9, 1), (1, 9, 2), (2, 9, 3), (9, 3, 3)] {
        let retries = Retries {
            as_last,
            ..Retries::default()
        };
        let settings = Settings {
            max_attempts,
            ..retrying(retries)
        };
        let theatre = Theatre::new(settings, [vec![Act::Error(500, &[])]]);
        let got = theatre.ask(false).await;
        assert_eq!(
            (got.status.as_u16(), theatre.asked().len()),
            (500, expected)
        );
        assert_eq!(got.record.attempts.len(), expected);
    }
}

#[tokio::test(start_paused = true)]
async fn models_and_providers_have_rules_of_their_own() {
    let never = RetryRules::all(Retries::NONE);
    let model = |name: &str| BTreeMap::from([(name.to_owned(), Retries::default())]);
    let provider = BTreeMap::from([(ProviderId::new("one").unwrap(), Retries::default())]);
    for (rules, expected) in [
        (never.clone(), 1),
        (
            RetryRules {
                models: model(EVERYONE),
                ..never.clone()
            },
            2,
        ),
        (
            RetryRules {
                models: model(MODEL),
                ..never.clone()
            },
            1,
        ),
        (
            RetryRules {
                providers: provider,
                ..never
            },
            2,
        ),
    ] {
        let settings = Settings {
            retries: rules,
            ..Settings::default()
        };
        let theatre = Theatre::new(settings, [vec![Act::Error(500, &[]), Act::Good]]);
        theatre.ask(false).await;
        assert_eq!(theatre.asked().len(), expected);
    }
}

/// A tenth of the calls, and a hundred in ten seconds.
#[tokio::test(start_paused = true)]
async fn the_target_s_budget_is_the_limit() {
    const NOW: &[(&str, &str)] = &[("retry-after", "0")];
    let at_once = Retries {
        first_wait: Duration::ZERO,
        ..Retries::default()
    };
    let theatre = Theatre::new(retrying(at_once), [vec![Act::Good]]);
    let ask = || async {
        let acts = vec![Act::Error(429, NOW), Act::Good];
        theatre.play.acts.lock().unwrap().insert("one", acts);
        theatre.ask(false).await.status.as_u16()
    };
    for call in 1..=111 {
        assert_eq!(ask().await, 200, "call {call}");
    }
    assert_eq!(ask().await, 429);
    tokio::time::advance(Duration::from_secs(11)).await;
    assert_eq!(ask().await, 200);
}

#[tokio::test(start_paused = true)]
async fn a_target_whose_breaker_opens_is_not_asked_again() {
    let settings = Settings {
        max_attempts: 9,
        ..retrying(Retries {
            as_last: 8,
            ..Retries::default()
        })
    };
    let theatre = Theatre::new(settings, [vec![Act::Error(500, &[])]]);
    theatre.ask(false).await;
    assert_eq!(theatre.asked().len(), 5);
}

#[tokio::test(start_paused = true)]
async fn a_lone_targets_stream_that_fails_before_its_first_event_is_asked_for_again() {
    let recorded = wire::recorded(CHAT);
    let whole = Act::Stream(recorded.whole(), false);
    for (word, breaks) in [("broken", true), ("truncated", false)] {
        let failing = Act::Stream(String::new(), breaks);
        let theatre = Theatre::new(Settings::default(), [vec![failing, whole.clone()]]);
        let got = theatre.ask(true).await;
        assert_eq!(got.faults(), [word, "-"]);
        assert_eq!(got.text(), recorded.whole(), "nothing of the first is seen");
        assert_eq!(got.record.ending, Ending::Completed);
    }
}

/// No other target stands ready, so that nothing is held back.
#[tokio::test(start_paused = true)]
async fn a_lone_targets_stream_that_fails_after_its_first_event_is_not() {
    let recorded = wire::recorded(CHAT);
    let (content, _) = recorded.at_content();
    let opening = recorded.events[0].to_owned();
    for (before, breaks) in [
        (&content, true),
        (&content, false),
        (&opening, true),
        (&opening, false),
    ] {
        let failing = Act::Stream(before.clone(), breaks);
        let whole = Act::Stream(recorded.whole(), false);
        let theatre = Theatre::new(Settings::default(), [vec![failing, whole]]);
        let got = theatre.ask(true).await;
        assert_eq!(got.record.ending, Ending::Interrupted);
        assert!(got.text().starts_with(before.as_str()) && got.text().contains("`one`"));
        assert_eq!(theatre.asked(), ["one"]);
    }
}

#[tokio::test(start_paused = true)]
async fn an_attempt_is_left_for_a_target_that_may_have_recovered() {
    let first = vec![Act::Error(500, &[])];
    let theatre = Theatre::new(Settings::default(), [first, vec![Act::Good]]);
    for _ in 0..5 {
        theatre.ask(false).await;
    }
    theatre.asked();
    let failing = vec![Act::Error(500, &[])];
    theatre
        .play
        .acts
        .lock()
        .unwrap()
        .extend([("one", vec![Act::Good]), ("two", failing)]);
    assert_eq!(theatre.ask(false).await.faults(), ["server", "server", "-"]);
    assert_eq!(theatre.asked(), ["two", "two", "one"]);
}

#[tokio::test(start_paused = true)]
async fn a_client_that_leaves_while_it_waits_ends_the_call() {
    const FIVE: &[(&str, &str)] = &[("retry-after", "5")];
    let theatre = Theatre::new(Settings::default(), [vec![Act::Error(429, FIVE)]]);
    let patience = Duration::from_secs(2);
    assert!(
        tokio::time::timeout(patience, theatre.ask(false))
            .await
            .is_err()
    );
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!(theatre.sent(), [("one", 0)]);
    let record = theatre.stage.record();
    assert_eq!(record.ending, Ending::ClientGone);
    assert_eq!(record.attempts[0].fault, Some("rate_limited"));
}

#[tokio::test(start_paused = true)]
async fn the_same_seed_waits_the_same() {
    let times = || async {
        let theatre = Theatre::new(Settings::default(), [vec![Act::Error(500, &[])]]);
        theatre.ask(false).await;
        theatre.sent()
    };
    assert_eq!(times().await, times().await);
}

/// A hundred retries a second or so are allowed. Those that found no place were none.
#[tokio::test(start_paused = true)]
async fn a_retry_that_is_not_sent_is_not_paid_for() {
    let mut acts = vec![Act::Error(500, &[]); 105];
    acts.extend([Act::Good, Act::Error(500, &[]), Act::Good]);
    let theatre = Theatre::new(Settings::default(), [acts]);
    let gateway = &theatre.stage.gateway;
    let call = || gateway.call(Ask::new(CHAT, EVERYONE, false).into_incoming());
    let failed = futures_util::future::join_all((0..105).map(|_| call())).await;
    assert!(failed.iter().all(|answer| answer.status() == 500));
    assert_eq!(theatre.sent().len(), 105, "it rests: nobody is sent again");
    theatre.stage.records.take();
    assert_eq!(theatre.ask(false).await.faults(), ["-"]);
    assert_eq!(theatre.ask(false).await.faults(), ["server", "-"]);
}

#[tokio::test(start_paused = true)]
async fn who_says_that_nothing_is_left_is_left_alone_without_having_to_refuse() {
    const NOTHING: &[(&str, &str)] = &[
        ("x-ratelimit-remaining-requests", "17"),
        ("x-ratelimit-remaining-tokens", "0"),
        ("x-ratelimit-reset-tokens", "1m20s"),
    ];
    let acts = [vec![Act::Telling(NOTHING), Act::Good], vec![Act::Good]];
    let theatre = Theatre::new(Settings::default(), acts);
    for wanted in ["one", "two", "two"] {
        assert_eq!(theatre.ask(false).await.status, 200);
        assert_eq!(theatre.asked(), [wanted]);
    }
    tokio::time::advance(Duration::from_secs(81)).await;
    theatre.ask(false).await;
    assert_eq!(theatre.asked(), ["one"]);
}
