//! What holds of every store.

use std::sync::Arc;
use std::time::Duration;

use orchestra_gateway::{Conversation, ConversationBounds, ConversationError, ConversationFuture};
use orchestra_types::{Rng, SeededRng};

use crate::harness::{conversation, key, stores};

/// Bounds that a few small conversations reach.
const SMALL: ConversationBounds = ConversationBounds {
    ttl: Duration::from_secs(100),
    entries: 4,
    bytes: 1000,
    client_bytes: 500,
    conversation_bytes: 300,
};

/// Only the number of conversations is bounded.
const FEW: ConversationBounds = ConversationBounds {
    bytes: 1 << 30,
    client_bytes: 1 << 30,
    conversation_bytes: 1 << 30,
    ..SMALL
};

#[tokio::test]
async fn what_is_kept_comes_back_as_it_was() {
    for store in stores(SMALL).await {
        let kept = conversation("é \u{1f600} \\u0000 \"'\n", 100);
        store.store.save(key("a", "x"), kept.clone()).await.unwrap();
        assert_eq!(store.load("a", "x").await, Some(kept), "{}", store.name);
        assert_eq!(store.load("a", "y").await, None, "{}", store.name);
    }
}

#[tokio::test]
async fn a_later_one_of_the_same_key_takes_its_place() {
    for store in stores(SMALL).await {
        for word in ["first", "second"] {
            let saved = store.store.save(key("a", "x"), conversation(word, 200));
            saved.await.unwrap();
        }
        assert_eq!(
            store.load("a", "x").await,
            Some(conversation("second", 200))
        );
        // The first one weighs nothing any more.
        store.save("a", "y", 300).await;
        assert_eq!(store.there("a", "xy").await, "xy", "{}", store.name);
    }
}

#[tokio::test]
async fn clients_do_not_meet() {
    for store in stores(SMALL).await {
        store.save("a", "x", 100).await;
        store.save("", "y", 100).await;
        for (client, there) in [("a", "x"), ("b", ""), ("", "y")] {
            assert_eq!(store.there(client, "xy").await, there, "{}", store.name);
        }
        assert!(!store.store.delete(key("b", "x")).await.unwrap());
        assert!(!store.store.delete(key("", "x")).await.unwrap());
        assert_eq!(store.there("a", "x").await, "x", "{}", store.name);
        // Two clients may have the same id.
        store.save("b", "x", 150).await;
        assert_eq!(store.load("a", "x").await, Some(conversation("x", 100)));
    }
}

#[tokio::test]
async fn what_is_deleted_is_gone_and_makes_room() {
    for store in stores(SMALL).await {
        store.save("a", "x", 250).await;
        store.save("a", "y", 250).await;
        assert!(store.store.delete(key("a", "x")).await.unwrap());
        assert!(!store.store.delete(key("a", "x")).await.unwrap());
        store.save("a", "z", 250).await;
        assert_eq!(store.there("a", "xyz").await, "yz", "{}", store.name);
    }
}

#[tokio::test]
async fn everything_ends_after_its_time_used_or_not() {
    for store in stores(SMALL).await {
        store.save("a", "x", 100).await;
        store.clock.advance(Duration::from_secs(60));
        store.save("a", "y", 100).await;
        assert_eq!(store.there("a", "xy").await, "xy", "{}", store.name);
        store.clock.advance(Duration::from_secs(39));
        assert_eq!(store.there("a", "xy").await, "xy", "{}", store.name);
        store.clock.advance(Duration::from_secs(1));
        assert_eq!(store.there("a", "xy").await, "y", "{}", store.name);
        assert!(!store.store.delete(key("a", "x")).await.unwrap());
        store.clock.advance(Duration::from_secs(60));
        assert_eq!(store.there("a", "xy").await, "", "{}", store.name);
    }
}

#[tokio::test]
async fn the_least_recently_used_goes_first() {
    for store in stores(FEW).await {
        for id in ["u", "v", "w", "x"] {
            store.save("a", id, 50).await;
        }
        assert_eq!(store.there("a", "u").await, "u");
        store.save("b", "y", 50).await;
        assert_eq!(store.there("a", "wxuv").await, "wxu", "{}", store.name);
        // Looking has used all but the last one saved.
        store.save("b", "z", 50).await;
        assert_eq!(store.there("b", "yz").await, "z", "{}", store.name);
        assert_eq!(store.there("a", "wxu").await, "wxu", "{}", store.name);
    }
}

#[tokio::test]
async fn one_client_pushes_out_its_own_first() {
    for store in stores(SMALL).await {
        store.save("b", "x", 200).await;
        store.save("a", "x", 250).await;
        store.save("a", "y", 250).await;
        // 500 of 500 bytes: the next one needs the room of the first.
        store.save("a", "z", 20).await;
        assert_eq!(store.there("a", "xyz").await, "yz", "{}", store.name);
        assert_eq!(store.there("b", "x").await, "x", "{}", store.name);
    }
}

#[tokio::test]
async fn all_together_are_bounded() {
    for store in stores(SMALL).await {
        for client in ["a", "b", "c"] {
            store.save(client, "x", 300).await;
        }
        store.save("d", "x", 101).await;
        for (client, there) in [("a", ""), ("b", "x"), ("c", "x"), ("d", "x")] {
            assert_eq!(store.there(client, "x").await, there, "{}", store.name);
        }
    }
}

#[tokio::test]
async fn what_is_too_large_is_refused_and_pushes_nothing_out() {
    for store in stores(SMALL).await {
        store.save("a", "x", 300).await;
        let error = store.refuses("a", "y", 301).await;
        let large = matches!(
            error,
            ConversationError::TooLarge {
                bytes: 301,
                limit: 300
            }
        );
        assert!(large, "{}: {error:?}", store.name);
        assert_eq!(store.there("a", "xy").await, "x", "{}", store.name);
    }
}

#[tokio::test]
async fn a_store_of_no_entries_keeps_nothing() {
    for store in stores(ConversationBounds {
        entries: 0,
        ..SMALL
    })
    .await
    {
        store.refuses("a", "x", 50).await;
        assert_eq!(store.there("a", "x").await, "", "{}", store.name);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_at_once_lose_nothing() {
    let bounds = ConversationBounds {
        entries: 1000,
        ..FEW
    };
    for store in stores(bounds).await {
        let store = Arc::new(store);
        let clients = (0..8).map(|client| {
            let store = Arc::clone(&store);
            tokio::spawn(async move {
                let client = format!("c{client}");
                for id in 0..25 {
                    let id = id.to_string();
                    store.save(&client, &id, 200).await;
                    let found = store.load(&client, &id).await;
                    assert_eq!(found, Some(conversation(&id, 200)), "{}", store.name);
                }
            })
        });
        for client in clients.collect::<Vec<_>>() {
            client.await.unwrap();
        }
        for client in 0..8 {
            for id in 0..25 {
                let found = store.load(&format!("c{client}"), &id.to_string()).await;
                assert!(found.is_some(), "{}", store.name);
            }
        }
    }
}

/// Whatever is done to them in whatever order, both keep the same and let go of the same.
#[tokio::test]
async fn stores_are_of_one_mind() {
    for seed in 0..20 {
        let rng = SeededRng::new(seed);
        let draw = |below: usize| usize::try_from(rng.next_u64() % below as u64).unwrap();
        let [one, two] = stores(SMALL).await;
        for step in 0..150 {
            let client = ["a", "b", ""][draw(3)];
            let id = draw(6).to_string();
            let bytes = 20 + draw(300);
            let told = match draw(8) {
                0 => {
                    let time = Duration::from_secs(draw(60) as u64);
                    one.clock.advance(time);
                    two.clock.advance(time);
                    continue;
                }
                1 => [&one, &two].map(|store| {
                    let deleted = store.store.delete(key(client, &id));
                    Told::Deleted(deleted)
                }),
                2..5 => [&one, &two].map(|store| {
                    let saved = store.store.save(key(client, &id), conversation(&id, bytes));
                    Told::Saved(saved)
                }),
                _ => [&one, &two].map(|store| Told::Loaded(store.store.load(key(client, &id)))),
            };
            let [first, second] = told;
            assert_eq!(first.words().await, second.words().await, "{seed}, {step}");
        }
    }
}

enum Told {
    Saved(ConversationFuture<()>),
    Deleted(ConversationFuture<bool>),
    Loaded(ConversationFuture<Option<Conversation>>),
}

impl Told {
    async fn words(self) -> String {
        match self {
            Self::Saved(saved) => format!("{:?}", saved.await),
            Self::Deleted(deleted) => format!("{:?}", deleted.await),
            Self::Loaded(loaded) => format!("{:?}", loaded.await),
        }
    }
}
