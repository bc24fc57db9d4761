//! A key is exchanged while calls run, and none of them is lost.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use futures_util::future::join_all;
use http::Request;
use orchestra_gateway::{
    Ending, Gateway, KeyName, KeySource, Keys, OutgoingBody, Parts, RefreshFuture, Refreshed,
    SendFuture, Transport,
};
use orchestra_testkit::{Behaviour, Script};
use orchestra_types::ProviderId;
use tokio::sync::Semaphore;

use super::{CHAT, HEAVY, Pools, key, keys, refusing};
use crate::harness::{Ask, MODEL, faults, soon, within};
use crate::wire;

const CALLS: usize = 200;

/// A transport that holds requests back until its gate is opened.
#[derive(Debug)]
struct Gate {
    open: Arc<Semaphore>,
    held: AtomicU64,
    behind: Arc<dyn Transport>,
}

impl Transport for Gate {
    fn send(&self, request: Request<OutgoingBody>) -> SendFuture {
        self.held.fetch_add(1, Ordering::SeqCst);
        let (open, behind) = (Arc::clone(&self.open), Arc::clone(&self.behind));
        Box::pin(async move {
            drop(open.acquire().await.expect("the gate is never closed"));
            behind.send(request).await
        })
    }
}

/// A store in which newer versions of keys may lie.
#[derive(Debug, Default)]
struct Store {
    gateway: OnceLock<Gateway>,
    /// The newest version; zero if there is none, or the store does not answer.
    newest: AtomicU64,
    asked: AtomicU64,
    silent: bool,
}

impl KeySource for Store {
    fn refused(
        &self,
        provider: &ProviderId,
        name: &KeyName,
        version: Option<u32>,
    ) -> RefreshFuture<'_> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        let (provider, name) = (provider.clone(), name.as_str().to_owned());
        Box::pin(async move {
            if self.silent {
                std::future::pending::<()>().await;
            }
            tokio::task::yield_now().await;
            let newest = u32::try_from(self.newest.load(Ordering::SeqCst)).unwrap();
            if Some(newest) <= version {
                return Refreshed::Unchanged;
            }
            let gateway = self.gateway.get().expect("the gateway is known by now");
            let member = gateway
                .providers()
                .member(provider.as_str())
                .cloned()
                .unwrap();
            let name = name.trim_start_matches("store:");
            member
                .set_keys(Keys::Ready(vec![key(name, newest, 1)]))
                .unwrap();
            Refreshed::Renewed
        })
    }
}

/// A provider whose only key is in its first version, and a store.
fn pools_with(store: Store, script: Script) -> (Pools, Arc<Store>) {
    let store = Arc::new(store);
    let source = Arc::clone(&store) as Arc<dyn KeySource>;
    let pools = Pools::with([script], |parts| Parts {
        keys: Some(source),
        ..parts
    })
    .holding(vec![key("a", 1, 1)]);
    store.gateway.set(pools.stage.gateway.clone()).unwrap();
    (pools, store)
}

/// Every second one streamed, in all dialects by turns.
fn ask(number: usize) -> Ask {
    Ask::new(
        wire::SPOKEN[number % wire::SPOKEN.len()],
        MODEL,
        number.is_multiple_of(2),
    )
}

/// Makes calls at once and reads their answers; says how many attempts it took.
async fn many(pools: &Pools) -> usize {
    let call = |number| async move {
        let answer = pools.stage.gateway.call(ask(number).into_incoming()).await;
        assert_eq!(answer.status(), 200, "call {number}");
        http_body_util::BodyExt::collect(answer.into_body())
            .await
            .unwrap();
    };
    within(Duration::from_secs(30), join_all((0..CALLS).map(call))).await;
    let records = pools.stage.records.take();
    assert_eq!(records.len(), CALLS);
    for record in &records {
        assert_eq!(record.ending, Ending::Completed, "{:?}", faults(record));
    }
    records.iter().map(|record| record.attempts.len()).sum()
}

#[tokio::test]
async fn calls_that_were_under_way_with_the_old_key_are_made_again_with_the_new_one() {
    let open = Arc::new(Semaphore::new(0));
    let mut gate = None;
    let pools = Pools::with([Script::new()], |parts| {
        let behind = Arc::clone(&parts.transport);
        let (open, held) = (Arc::clone(&open), AtomicU64::new(0));
        let made = Arc::new(Gate { open, held, behind });
        gate = Some(Arc::clone(&made));
        Parts {
            transport: made,
            ..parts
        }
    })
    .holding(vec![key("a", 1, 1)]);
    let gate = gate.unwrap();
    let rotate = async {
        while gate.held.load(Ordering::SeqCst) < CALLS as u64 {
            tokio::task::yield_now().await;
        }
        pools.set(vec![key("a", 2, 1)]);
        pools.stage.upstreams[0].set_script(refusing(401, &[("a", 1)]));
        open.add_permits(CALLS);
    };
    let (attempts, ()) = tokio::join!(many(&pools), rotate);
    assert_eq!(attempts, 2 * CALLS, "each was refused once");
    assert_eq!(
        pools.benched("a"),
        None,
        "the new version was never refused"
    );
    assert!(pools.is_well());
}

#[tokio::test]
async fn a_key_is_rotated_again_and_again_under_load() {
    let pools = Pools::new([Script::new()]).holding(vec![key("a", 1, 1)]);
    let rotate = async {
        for version in 2..=20 {
            tokio::time::sleep(Duration::from_millis(5)).await;
            pools.set(vec![key("a", version, 1)]);
            pools.stage.upstreams[0].set_script(refusing(401, &[("a", version - 1)]));
        }
    };
    let (attempts, ()) = tokio::join!(many(&pools), rotate);
    assert!(attempts >= CALLS);
    assert!(pools.is_well());
}

#[tokio::test]
async fn a_newer_version_is_fetched_and_the_call_made_again_with_it() {
    for number in 0..6 {
        let (pools, store) = pools_with(Store::default(), refusing(401, &[("a", 1)]));
        store.newest.store(2, Ordering::SeqCst);
        let got = pools.stage.ask(ask(number)).await;
        assert_eq!(
            (got.status.as_u16(), pools.stage.requests()),
            (200, vec![2])
        );
        assert_eq!(keys(&got.record), ["a1 authentication", "a2 -"]);
        assert_eq!(keys(&pools.ask().await.record), ["a2 -"]);
        assert_eq!(store.asked.load(Ordering::SeqCst), 1);
        assert!(pools.is_well());
    }
}

#[tokio::test]
async fn many_calls_that_are_refused_at_once_ask_once() {
    let (pools, store) = pools_with(Store::default(), refusing(401, &[("a", 1)]));
    store.newest.store(2, Ordering::SeqCst);
    let attempts = many(&pools).await;
    assert!(attempts > CALLS, "some began with the old key");
    assert_eq!(store.asked.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn with_nothing_newer_the_refusal_is_told() {
    let (pools, store) = pools_with(Store::default(), refusing(401, &[("a", 1)]));
    let got = pools.ask().await;
    assert_eq!(
        (got.status.as_u16(), pools.stage.requests()),
        (401, vec![1])
    );
    assert_eq!(got.json()["error"]["code"], "provider_key_rejected");
    assert_eq!(store.asked.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_store_that_does_not_answer_holds_a_call_for_two_seconds() {
    let silent = Store {
        silent: true,
        ..Store::default()
    };
    let (pools, store) = pools_with(silent, refusing(401, &[("a", 1)]));
    let began = std::time::Instant::now();
    let both = tokio::join!(
        pools.stage.gateway.call(ask(1).into_incoming()),
        pools.stage.gateway.call(ask(3).into_incoming())
    );
    let took = began.elapsed();
    assert_eq!(
        (both.0.status().as_u16(), both.1.status().as_u16()),
        (401, 401)
    );
    assert!((1_900..8_000).contains(&took.as_millis()), "{took:?}");
    assert_eq!(store.asked.load(Ordering::SeqCst), 1);
    pools.stage.records.take();
}

#[tokio::test]
async fn the_other_keys_serve_while_nothing_newer_is_known() {
    let (pools, store) = pools_with(Store::default(), refusing(401, &[("a", 1)]));
    pools.set(vec![key("a", 1, HEAVY), key("b", 1, 1)]);
    let got = pools.ask().await;
    assert_eq!(keys(&got.record), ["a1 authentication", "b1 -"]);
    assert_eq!(store.asked.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_call_that_is_passed_through_asks_for_nothing() {
    let (pools, store) = pools_with(Store::default(), refusing(401, &[("a", 1)]));
    store.newest.store(2, Ordering::SeqCst);
    assert_eq!(pools.pass().await.status, 401);
    assert_eq!(store.asked.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn a_client_that_leaves_while_the_store_is_asked_harms_nobody() {
    let silent = Store {
        silent: true,
        ..Store::default()
    };
    let (pools, store) = pools_with(silent, refusing(401, &[("a", 1)]));
    {
        let mut call = std::pin::pin!(pools.stage.gateway.call(ask(1).into_incoming()));
        soon(async {
            while store.asked.load(Ordering::SeqCst) == 0 {
                tokio::select! {
                    _ = &mut call => panic!("the store does not answer"),
                    () = tokio::task::yield_now() => {}
                }
            }
        })
        .await;
    }
    let record = pools.stage.record();
    assert_eq!(
        (record.ending, keys(&record)),
        (Ending::ClientGone, vec!["a1 authentication".to_owned()])
    );
    pools.stage.upstreams[0].set_script(Script::new().otherwise(Behaviour::answer()));
    assert_eq!(
        pools.stage.ask(Ask::new(CHAT, MODEL, false)).await.status,
        200
    );
}
