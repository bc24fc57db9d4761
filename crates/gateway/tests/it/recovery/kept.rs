//! Streams that may be gone on with, where answers are kept for calls that ask the same.

use orchestra_dialects::{Continues, Endpoint};
use orchestra_gateway::{Cache, CacheMode, CacheWish};

use super::speakers::{Death, Speaks};
use super::{World, question, recovering, speaking, whole, within};
use crate::harness::{Ask, Got};

const CHAT: Endpoint = Endpoint::ChatCompletions;

async fn ask(world: &World) -> Got {
    let mut ask = Ask::body(CHAT, question(CHAT).to_string());
    ask.directions.cache = Some(Box::new(CacheWish {
        usual: Some(Cache {
            mode: CacheMode::Simple,
            max_age: None,
        }),
        ..CacheWish::default()
    }));
    world.send(ask).await.0
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_was_gone_on_with_is_not_kept() {
    let rows = [
        speaking(0, CHAT, Continues::Never),
        speaking(1, CHAT, Continues::Assistant),
    ];
    let cut = Speaks::cut(within(CHAT), Death::Break);
    let world = World::new(recovering(), &rows, [cut, Speaks::WHOLE]);
    let got = ask(&world).await;
    whole(CHAT, &got, "it is gone on with");
    assert_eq!(got.header("x-orchestra-cache"), "miss");
    assert_eq!(world.stage.gateway.cache_report().stored, 0);
}

#[tokio::test(start_paused = true)]
async fn one_that_need_not_be_is() {
    let rows = [
        speaking(0, CHAT, Continues::Never),
        speaking(1, CHAT, Continues::Assistant),
    ];
    let world = World::new(recovering(), &rows, [Speaks::WHOLE, Speaks::WHOLE]);
    let first = ask(&world).await;
    let again = ask(&world).await;
    whole(CHAT, &first, "the first");
    assert_eq!(again.header("x-orchestra-cache"), "hit");
    assert_eq!(again.text(), first.text());
}
