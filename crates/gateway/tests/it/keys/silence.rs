//! No key is repeated: not to clients, and not in anything that is written down.

use std::cell::RefCell;
use std::fmt::{Debug, Write as _};
use std::rc::Rc;
use std::sync::Once;

use orchestra_dialects::Endpoint;
use orchestra_gateway::{Ending, Keys, ProviderKey};
use orchestra_testkit::{Behaviour, Script, When};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::subscriber::Interest;
use tracing::{Event, Metadata, Subscriber};

use super::{HEAVY, Pools, key, keys, refusing, secret};
use crate::harness::{Ask, MODEL};
use crate::wire;

thread_local! {
    /// Where the words of this thread's test go.
    static HEARD: RefCell<Option<Rc<RefCell<String>>>> = const { RefCell::new(None) };
}

/// Hears every word of every event and span, at all levels, on threads whose test listens. It is there for all
/// tests: what is decided once for a place in the code must not depend on which test comes there first.
struct Ears;

/// Adds fields to what was heard.
struct Writer;

impl Visit for Writer {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        HEARD.with_borrow(|heard| {
            if let Some(heard) = heard {
                let _ = write!(heard.borrow_mut(), "{field}={value:?} ");
            }
        });
    }
}

impl Subscriber for Ears {
    fn register_callsite(&self, _: &'static Metadata<'static>) -> Interest {
        Interest::sometimes()
    }

    fn enabled(&self, _: &Metadata<'_>) -> bool {
        HEARD.with_borrow(Option::is_some)
    }

    fn new_span(&self, attributes: &Attributes<'_>) -> Id {
        attributes.record(&mut Writer);
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, values: &Record<'_>) {
        values.record(&mut Writer);
    }

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        event.record(&mut Writer);
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

/// Listens on this thread from now on.
fn listen() -> Rc<RefCell<String>> {
    static INSTALLED: Once = Once::new();
    INSTALLED.call_once(|| {
        tracing::subscriber::set_global_default(Ears).expect("nobody else listens");
    });
    let heard = Rc::default();
    HEARD.set(Some(Rc::clone(&heard)));
    heard
}

fn pool() -> Vec<ProviderKey> {
    vec![key("a", 1, HEAVY), key("b", 1, 1)]
}

fn with(name: &str) -> When {
    When::header("authorization", format!("Bearer {}", secret(name, 1)))
}

#[tokio::test]
async fn no_key_is_written_down() {
    let log = listen();
    let echo = Behaviour::error_with(401, "odd", secret("a", 1));
    let pools = Pools::new([Script::new().on(with("a"), echo.clone())]).holding(pool());
    let mut said = String::new();
    for stream in [false, true] {
        let got = pools
            .stage
            .ask(Ask::new(Endpoint::Messages, MODEL, stream))
            .await;
        let _ = write!(said, "{:?} {:?}", got.record, got.headers);
    }
    pools.stage.upstreams[0].set_script(Script::new().otherwise(echo));
    for got in [pools.ask().await, pools.pass().await] {
        let _ = write!(said, "{:?} {:?} {}", got.record, got.headers, got.text());
    }
    let gateway = &pools.stage.gateway;
    gateway.models().await;
    let _ = write!(
        said,
        "{gateway:?} {:?} {:?}",
        pools.member(),
        gateway.key_reports()
    );
    let _ = write!(said, "{:?} {:?}", pool(), Keys::Ready(pool()));
    let log = log.borrow();
    for part in ["is benched", "key=store:a", "attempt failed", "refusals=1"] {
        assert!(log.contains(part), "the log lacks {part:?}: {log}");
    }
    assert!(
        said.contains("store:a") && said.contains("benched_for: Some"),
        "{said}"
    );
    for text in [&*said, &*log] {
        assert!(!text.contains("the-secret"), "{text}");
    }
}

/// Answers that repeat a text, whole and streamed.
fn repeating(endpoint: Endpoint, text: &str) -> [(bool, Behaviour); 4] {
    let event = wire::event(endpoint, &format!("{{\"x\":\"{text}\"}}"));
    let (before, behind) = wire::recorded(endpoint).at_content();
    [
        (false, Behaviour::json(200, format!("{{\"x\":\"{text}\"}}"))),
        (false, Behaviour::error_with(400, "odd", text)),
        (true, Behaviour::sse([&event, &*before, &behind].concat())),
        (true, Behaviour::sse([&*before, &event, &behind].concat())),
    ]
}

#[tokio::test]
async fn an_answer_that_repeats_another_key_of_the_pool_stays_here() {
    let other = secret("b", 1);
    for endpoint in wire::SPOKEN {
        for (stream, reply) in repeating(endpoint, &other) {
            let pools = Pools::new([Script::new().otherwise(reply)]).holding(pool());
            let got = pools.stage.ask(Ask::new(endpoint, MODEL, stream)).await;
            assert!(!got.text().contains(&other), "{}", got.text());
            assert_ne!(got.record.ending, Ending::Completed, "{}", got.text());
            assert_eq!(
                got.record.attempts[0].key.as_ref().unwrap().name.as_str(),
                "store:a"
            );
        }
    }
}

#[tokio::test]
async fn a_key_that_was_exchanged_during_the_call_is_still_looked_for() {
    let old = secret("a", 1);
    for endpoint in wire::SPOKEN {
        for (stream, reply) in repeating(endpoint, &old) {
            let hang = refusing(401, &[]).on(
                with("a"),
                Behaviour::error(401).delay(std::time::Duration::from_millis(100)),
            );
            let pools = Pools::new([hang.otherwise(reply)]).holding(vec![key("a", 1, 1)]);
            let exchange = async {
                pools.stage.upstreams[0].wait_for(1).await;
                pools.set(vec![key("a", 2, 1)]);
            };
            let ask = pools.stage.ask(Ask::new(endpoint, MODEL, stream));
            let (got, ()) = tokio::join!(ask, exchange);
            assert_eq!(keys(&got.record)[0], "a1 authentication");
            assert!(keys(&got.record)[1].starts_with("a2"));
            assert!(!got.text().contains(&old), "{}", got.text());
            assert_ne!(got.record.ending, Ending::Completed, "{}", got.text());
        }
    }
}
