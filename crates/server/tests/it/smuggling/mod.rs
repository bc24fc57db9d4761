//! Requests that two HTTP readers could understand differently, and paths that try to leave the
//! place they were given.
//!
//! Each case has a gateway and an upstream of its own, so that the upstream's log tells exactly
//! what the case achieved.

mod cases;

use std::sync::Once;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures_util::future::join_all;
use orchestra_testkit::Script;

use crate::client::{Answer, Client, request};
use crate::stage::Stage;

/// Connections end quickly, so that every case ends by its connection's end.
const LIMITS: &str = "header_seconds = 0.3\nbody_seconds = 0.3\nkeep_alive_seconds = 0.3";

/// What may come of a case.
enum Want {
    /// Only refusals (4xx) or a closed connection, and nothing upstream.
    Refused,
    /// The statuses of the answers, and the paths asked for upstream.
    Served(&'static [u16], &'static [&'static str]),
    /// Refusals, but the call may have begun upstream: its head was in order.
    RefusedLate(&'static [&'static str]),
    /// Refused or served: the standard leaves it to the server.
    Either(&'static [u16], &'static [&'static str]),
}

use Want::{Either, Refused, RefusedLate, Served};
use cases::{chunks, filled_in, framing, heads, targets, upload};

struct Case {
    name: &'static str,
    bytes: Vec<u8>,
    want: Want,
}

impl Case {
    /// Replaces the whole request.
    fn with(mut self, text: &str) -> Self {
        self.bytes = filled_in(text);
        self
    }

    /// Plays the case; what is wrong with its outcome, if anything is.
    async fn fault(self) -> Option<String> {
        let stage = Stage::with(LIMITS, "", Script::new()).await;
        let mut client = Client::to(stage.address).await;
        client.send(&self.bytes).await;
        let mut answers: Vec<Answer> = Vec::new();
        if self.bytes.starts_with(b"HEAD") {
            // Its length is that of a body which does not come.
            answers.extend(client.head().await);
            client.closed().await;
        }
        while let Some(answer) = client.next().await {
            answers.push(answer);
        }
        let wrong_paths = stage.upstream_faults();
        let alive = crate::client::call(&stage, &request("GET", "/health/live", b"")).await;
        assert_eq!(alive.status, 200, "{}", self.name);
        let statuses: Vec<u16> = answers.iter().map(|answer| answer.status).collect();
        let paths: Vec<String> = stage
            .upstream
            .log()
            .into_iter()
            .map(|entry| entry.path)
            .collect();
        (!wrong_paths.is_empty() || !self.want.allows(&statuses, &paths))
            .then(|| format!("{}: {statuses:?} {paths:?}", self.name))
    }
}

impl Want {
    fn allows(&self, statuses: &[u16], paths: &[String]) -> bool {
        let refusals = statuses.iter().all(|status| (400..500).contains(status));
        let served =
            |wanted: &[u16], at: &[&str]| (wanted.is_empty() || statuses == wanted) && paths == at;
        match self {
            Refused => refusals && paths.is_empty(),
            RefusedLate(at) => refusals && (paths.is_empty() || paths == *at),
            Served(wanted, at) => served(wanted, at),
            Either(wanted, at) => refusals && paths.is_empty() || served(wanted, at),
        }
    }
}

static PANICS: AtomicUsize = AtomicUsize::new(0);

/// Counts panics outside the tests: in a connection's task nobody else would notice one.
fn count_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let usual = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            let place = panic.location().map_or("", |place| place.file());
            if !place.contains("tests/it") {
                PANICS.fetch_add(1, Ordering::Relaxed);
            }
            usual(panic);
        }));
    });
}

async fn assert_none_at_fault(cases: Vec<Case>) {
    count_panics();
    let faults = join_all(cases.into_iter().map(Case::fault)).await;
    let faults: Vec<String> = faults.into_iter().flatten().collect();
    assert!(faults.is_empty(), "{faults:#?}");
    assert_eq!(PANICS.load(Ordering::Relaxed), 0);
}

#[tokio::test]
async fn ambiguous_framing_hides_no_request() {
    assert_none_at_fault(framing()).await;
}

#[tokio::test]
async fn broken_chunks_hide_no_request() {
    assert_none_at_fault(chunks()).await;
}

#[tokio::test]
async fn odd_heads_are_refused_or_read_as_everybody_reads_them() {
    assert_none_at_fault(heads()).await;
}

#[tokio::test]
async fn no_path_leads_out_of_its_provider() {
    assert_none_at_fault(targets()).await;
}

/// The server must close the connection after a request that has a length and chunks
/// (RFC 9112, section 6.3), if it does not refuse it at once.
#[tokio::test]
async fn a_connection_with_a_length_and_chunks_is_not_used_again() {
    let stage = Stage::open(Script::new()).await;
    let mut client = Client::to(stage.address).await;
    let twice = upload(
        "",
        "content-length: 5\r\ntransfer-encoding: chunked\r\n",
        "0\r\n\r\n",
        Refused,
    );
    client.send(&twice.bytes).await;
    let first = client.answer().await;
    if first.status == 200 {
        client.send(&request("GET", "/openai/v1/hidden", b"")).await;
        assert!(
            client.next().await.is_none(),
            "the connection was used again"
        );
    }
}
