//! A client that leaves takes its call upstream with it, within a second.

use std::time::{Duration, Instant};

use orchestra_dialects::Endpoint;
use orchestra_testkit::{At, Behaviour, How, Script};

use crate::client::{Client, request};
use crate::endpoints::{paths, sound_body, streamed_body};
use crate::stage::{Stage, soon};

const AT_ONCE: Duration = Duration::from_secs(1);

/// The time from the client's leaving until the upstream noticed.
async fn time_to_notice(stage: &Stage, client: Client) -> Duration {
    let left = Instant::now();
    drop(client);
    soon("the upstream to notice", stage.upstream.wait_for_gone()).await;
    left.elapsed()
}

#[tokio::test]
async fn before_an_answer() {
    for endpoint in Endpoint::SERVED {
        for path in paths(endpoint) {
            let stage = Stage::open(Script::new().otherwise(Behaviour::hang())).await;
            let mut client = Client::to(stage.address).await;
            client
                .send(&request("POST", &path, sound_body(endpoint).as_bytes()))
                .await;
            soon("the call upstream", stage.upstream.wait_for(1)).await;
            let took = time_to_notice(&stage, client).await;
            assert!(took < AT_ONCE, "{path}: {took:?}");
        }
    }
}

#[tokio::test]
async fn in_the_middle_of_a_stream() {
    let hanging = Behaviour::answer()
        .chunks(30)
        .interrupt(At::AfterEvents(8), How::Hang);
    let mut longest = Duration::ZERO;
    for endpoint in [
        Endpoint::ChatCompletions,
        Endpoint::Completions,
        Endpoint::Responses,
        Endpoint::Messages,
    ] {
        let stage = Stage::open(Script::new().otherwise(hanging.clone())).await;
        let mut client = Client::to(stage.address).await;
        client
            .send(&request(
                "POST",
                endpoint.path(),
                streamed_body(endpoint).as_bytes(),
            ))
            .await;
        assert_eq!(client.head().await.expect("an answer").status, 200);
        client
            .chunk()
            .await
            .expect("the stream goes on")
            .expect("an event");
        longest = longest.max(time_to_notice(&stage, client).await);
        assert!(longest < AT_ONCE, "{endpoint}: {longest:?}");
    }
    println!("an upstream noticed that the client had left after {longest:?} at most");
}

#[tokio::test]
async fn in_the_middle_of_a_flowing_stream() {
    let endless = Behaviour::answer()
        .chunks(30)
        .gap(Duration::from_millis(5))
        .endless();
    let stage = Stage::open(Script::new().otherwise(endless)).await;
    let mut client = Client::to(stage.address).await;
    client
        .send(&request(
            "POST",
            "/v1/messages",
            streamed_body(Endpoint::Messages).as_bytes(),
        ))
        .await;
    client.head().await.expect("an answer");
    client
        .chunk()
        .await
        .expect("the stream goes on")
        .expect("an event");
    let took = time_to_notice(&stage, client).await;
    assert!(took < AT_ONCE, "{took:?}");
}

#[tokio::test]
async fn in_the_middle_of_a_download() {
    let hanging = Behaviour::raw(200, "application/octet-stream", vec![b'a'; 100_000])
        .interrupt(At::AfterBytes(50_000), How::Hang);
    let stage = Stage::open(Script::new().otherwise(hanging)).await;
    let mut client = Client::to(stage.address).await;
    client
        .send(&request("GET", "/openai/v1/files/one/content", b""))
        .await;
    assert_eq!(client.head().await.expect("an answer").status, 200);
    let took = time_to_notice(&stage, client).await;
    assert!(took < AT_ONCE, "{took:?}");
}

#[tokio::test]
async fn in_the_middle_of_an_upload() {
    let stage = Stage::open(Script::new()).await;
    let mut client = Client::to(stage.address).await;
    let whole = request("POST", "/openai/v1/files", &[b'a'; 1_000_000]);
    client.send(&whole[..500_000]).await;
    soon("the upload's beginning upstream", async {
        while stage.upstream.connections() == 0 {
            tokio::task::yield_now().await;
        }
    })
    .await;
    // The upstream notes a request when its body ends, in this case by a break.
    let took = time_to_notice(&stage, client).await;
    assert!(took < AT_ONCE, "{took:?}");
}
