//! Every fault at every place of a stream that says something and then calls a tool, from every kind of provider to every kind of
//! client. Before the first content the next target takes over and nobody notices; after it the client is told once, and nothing
//! of another target follows.

mod told;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::{StreamExt, stream};
use http::{HeaderValue, Request, Response};
use http_body::Frame;
use http_body_util::StreamBody;
use orchestra_dialects::Endpoint;
use orchestra_gateway::{
    BoxError, Ending, OutgoingBody, SendFuture, Settings, Transport, TransportError, UpstreamBody,
};
use tokio::time::Instant;

use super::{UPSTREAMS, speaking};
use crate::harness::{Ask, EVERYONE, PausedClock, Stage, impatient};
use crate::wire::{self, Parsed, SPOKEN};
use told::{Told, told};

/// How it goes wrong there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    /// There is no connection, or it breaks before the headers.
    Refused,
    Broken,
    /// Nothing comes before the headers.
    Mute,
    /// After this many whole events and perhaps half of the next one, the connection breaks, ends in good order, or is silent.
    Breaks(Cut),
    Ends(Cut),
    Hangs(Cut),
    /// After this many whole events something comes that is no event of the dialect.
    Garbage(usize),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Cut {
    events: usize,
    half: bool,
}

impl Fault {
    /// Whole events that come before it.
    const fn events(self) -> usize {
        match self {
            Self::Refused | Self::Broken | Self::Mute => 0,
            Self::Breaks(cut) | Self::Ends(cut) | Self::Hangs(cut) => cut.events,
            Self::Garbage(events) => events,
        }
    }

    /// Every fault of a stream with so many events.
    fn all(events: usize) -> Vec<Self> {
        let mut all = vec![Self::Refused, Self::Broken, Self::Mute];
        for events in 0..events {
            all.push(Self::Garbage(events));
            for half in [false, true] {
                let cut = Cut { events, half };
                all.extend([Self::Breaks(cut), Self::Ends(cut), Self::Hangs(cut)]);
            }
        }
        all
    }
}

/// Two providers: what the first one says goes wrong, the second one says the same in other words.
#[derive(Debug)]
struct Two {
    upstream: Endpoint,
    fault: std::sync::Mutex<Option<Fault>>,
}

impl Transport for Two {
    fn send(&self, request: Request<OutgoingBody>) -> SendFuture {
        let first = request.uri().host() == Some("one.example");
        let fault = self.fault.lock().unwrap().filter(|_| first);
        let events = told(self.upstream).events;
        let events = if first {
            events
        } else {
            let other = |event: String| event.replace("I look.", "I see.");
            events.into_iter().map(other).collect()
        };
        Box::pin(answer(events, fault))
    }
}

async fn answer(
    events: Vec<String>,
    fault: Option<Fault>,
) -> Result<Response<UpstreamBody>, TransportError> {
    let source = || -> BoxError { "the line went dead".into() };
    match fault {
        Some(Fault::Refused) => return Err(TransportError::Connect { source: source() }),
        Some(Fault::Broken) => return Err(TransportError::Broken { source: source() }),
        Some(Fault::Mute) => std::future::pending().await,
        _ => {}
    }
    let count = fault.map_or(events.len(), Fault::events);
    let mut pieces: Vec<Result<Bytes, BoxError>> = events[..count]
        .iter()
        .map(|event| Ok(Bytes::from(event.clone())))
        .collect();
    let mut hangs = false;
    match fault {
        Some(Fault::Breaks(cut) | Fault::Ends(cut) | Fault::Hangs(cut)) => {
            let next = &events[cut.events];
            pieces.extend(
                cut.half
                    .then(|| Ok(Bytes::from(next[..next.len() / 2].to_owned()))),
            );
            hangs = matches!(fault, Some(Fault::Hangs(_)));
            pieces.extend(matches!(fault, Some(Fault::Breaks(_))).then(|| Err(source())));
        }
        Some(Fault::Garbage(_)) => {
            pieces.push(Ok(Bytes::from_static(b"data: {\"choices\": [[[\n\n")))
        }
        _ => {}
    }
    let pieces = stream::iter(pieces).chain(stream::once(async move {
        if hangs {
            std::future::pending::<()>().await;
        }
        Ok(Bytes::new())
    }));
    let body: UpstreamBody = Box::pin(StreamBody::new(pieces.map(|piece| piece.map(Frame::data))));
    let mut response = Response::new(body);
    let kind = HeaderValue::from_static("text/event-stream");
    response.headers_mut().insert("content-type", kind);
    Ok(response)
}

/// Whether the client has seen something that cannot be taken back.
fn shown(told: &Told, fault: Fault) -> bool {
    fault.events() > told.before
}

struct Case {
    client: Endpoint,
    upstream: Endpoint,
    fault: Fault,
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} from {}, {:?}",
            self.client, self.upstream, self.fault
        )
    }
}

async fn sweep(client: Endpoint) -> usize {
    let mut cases = 0;
    for upstream in UPSTREAMS {
        let transport = Arc::new(Two {
            upstream,
            fault: std::sync::Mutex::default(),
        });
        let told = told(upstream);
        for fault in Fault::all(told.events.len()) {
            // A gateway of its own for each, in which nobody remembers the last one.
            let rows =
                ["one", "two"].map(|name| speaking(upstream, &format!("http://{name}.example")));
            let clock = Arc::new(PausedClock(Instant::now()));
            let settings = Settings {
                hold_back: Duration::from_secs(5),
                ..impatient()
            };
            let stage = Stage::timed(Arc::clone(&transport) as Arc<_>, clock, settings, &rows);
            *transport.fault.lock().unwrap() = Some(fault);
            let case = Case {
                client,
                upstream,
                fault,
            };
            check(&case, &stage, shown(&told, fault)).await;
            cases += 1;
        }
    }
    cases
}

async fn check(case: &Case, stage: &Stage, shown: bool) {
    let got = stage.ask(Ask::new(case.client, EVERYONE, true)).await;
    let expected = Parsed {
        terminals: usize::from(!shown),
        errors: usize::from(shown),
        unreadable: 0,
        closed: true,
    };
    let text = got.text();
    assert_eq!(got.status, 200, "{case}: {text}");
    assert_eq!(
        wire::parse(case.client, &got.body),
        expected,
        "{case}: {text}"
    );
    assert_eq!(text.contains("I look."), shown, "{case}: {text}");
    assert_eq!(text.contains("I see."), !shown, "{case}: {text}");
    let (ending, attempts) = if shown {
        (Ending::Interrupted, 1)
    } else {
        (Ending::Completed, 2)
    };
    assert_eq!(got.record.ending, ending, "{case}");
    assert_eq!(got.faults().len(), attempts, "{case}");
    assert_ne!(got.faults()[0], "-", "{case}");
}

#[tokio::test(start_paused = true)]
async fn at_every_place_on_the_way_to_a_client_of_chat() {
    assert!(sweep(SPOKEN[0]).await > 200);
}

#[tokio::test(start_paused = true)]
async fn at_every_place_on_the_way_to_a_client_of_responses() {
    assert!(sweep(SPOKEN[1]).await > 200);
}

#[tokio::test(start_paused = true)]
async fn at_every_place_on_the_way_to_a_client_of_messages() {
    assert!(sweep(SPOKEN[2]).await > 200);
}
