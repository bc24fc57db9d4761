//! Keys that are replaced while calls run.

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use orchestra_testkit::{Behaviour, Script};
use serde_json::json;

use super::house::{
    FIRST_KEY, FROM_STORE, House, NAME, SECOND_KEY, accepting, ask, soon, until_ready,
};
use crate::stage::Stage;

/// Calls at one time.
const CALLS: usize = 200;

/// Calls without a pause for this long, each as many as may be at one time; says how many there were.
async fn load(stage: &Stage, time: Duration) -> usize {
    let began = Instant::now();
    let worker = |_| async {
        let mut served = 0;
        while began.elapsed() < time {
            let answer = ask(stage).await;
            assert_eq!(answer.status, 200, "{}", answer.text());
            served += 1;
        }
        served
    };
    let served: Vec<usize> = join_all((0..CALLS).map(worker)).await;
    served.into_iter().sum()
}

/// Somebody else's process sets the new key, and from that moment the provider takes no other.
#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_is_rotated_under_load_loses_no_call() {
    let house = House::build().await;
    let stage = house.serve(FROM_STORE, accepting(&[FIRST_KEY])).await;
    until_ready(&stage, None).await;
    let rotating = async {
        tokio::time::sleep(Duration::from_millis(700)).await;
        // The provider makes a key before anybody can store it, and revokes the old one when it is stored.
        stage
            .upstream
            .set_script(accepting(&[FIRST_KEY, SECOND_KEY]));
        house.set(NAME, SECOND_KEY).await;
        stage.upstream.set_script(accepting(&[SECOND_KEY]));
    };
    let (served, ()) = tokio::join!(load(&stage, Duration::from_secs(3)), rotating);
    assert!(served > CALLS, "only {served} calls were served");
    let last = stage.upstream.log();
    let last = last.last().expect("there were calls");
    assert_eq!(
        last.header("authorization"),
        Some(format!("Bearer {SECOND_KEY}").as_str())
    );
}

/// The same through the socket, where the server knows at once.
#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_is_rotated_through_the_socket_loses_no_call() {
    let house = House::build().await;
    let stage = house.serve(FROM_STORE, accepting(&[FIRST_KEY])).await;
    until_ready(&stage, None).await;
    let rotating = async {
        tokio::time::sleep(Duration::from_millis(500)).await;
        stage
            .upstream
            .set_script(accepting(&[FIRST_KEY, SECOND_KEY]));
        let value = json!({ "value": SECOND_KEY });
        let rotated = house
            .control("POST", "/v1/secrets/openai/rotate", &value)
            .await;
        stage.upstream.set_script(accepting(&[SECOND_KEY]));
        rotated
    };
    let (_, (status, body)) = tokio::join!(load(&stage, Duration::from_secs(2)), rotating);
    assert_eq!(status, 200, "{body}");
    assert_eq!(body["secret"]["version"], 2, "{body}");
    let status = house.status().await;
    assert_eq!(status["providers"][0]["keys"][0]["version"], 2, "{status}");
}

#[tokio::test]
async fn a_change_of_the_store_is_followed_within_seconds_and_fetched_once() {
    let house = House::build().await;
    let stage = house
        .serve(FROM_STORE, accepting(&[FIRST_KEY, SECOND_KEY]))
        .await;
    until_ready(&stage, None).await;
    house.set(NAME, SECOND_KEY).await;
    let began = Instant::now();
    let followed = async {
        while house.status().await["providers"][0]["keys"][0]["version"] != 2 {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    soon("the new version to be used", followed).await;
    assert!(
        began.elapsed() < Duration::from_secs(5),
        "{:?}",
        began.elapsed()
    );
    // Changes of other secrets, and time, cost no further reading of this one.
    house.set("other", "nobody asks for this").await;
    tokio::time::sleep(Duration::from_millis(2_500)).await;
    let log = house
        .operator
        .audit_entries(0, 1000)
        .await
        .expect("it is sound");
    let reads = log
        .iter()
        .filter(|entry| entry.action.as_str() == "secret.read");
    assert_eq!(reads.count(), 2);
}

/// A key that its provider refuses, with nothing newer in the store, is reported by name.
#[tokio::test]
async fn keys_that_are_all_refused_are_reported() {
    let house = House::build().await;
    house.set("openai-b", SECOND_KEY).await;
    let keys = "keys = [{ key = \"store:openai\" }, { key = \"store:openai-b\" }]";
    let stage = house
        .serve(keys, Script::new().otherwise(Behaviour::error(401)))
        .await;
    until_ready(&stage, None).await;
    let answer = ask(&stage).await;
    assert!(answer.status >= 400, "{}", answer.text());
    let status = house.status().await;
    let keys = status["providers"][0]["keys"]
        .as_array()
        .expect("it has keys");
    assert_eq!(keys.len(), 2);
    for key in keys {
        assert!(key["benched_seconds"].as_u64() > Some(0), "{status}");
        assert_eq!(key["refusals"], 1, "{status}");
    }
}

/// A file that was replaced is read again when its key is refused.
#[tokio::test]
async fn a_key_in_a_file_is_read_again_when_it_is_refused() {
    let house = House::build().await;
    house.write("provider-key", FIRST_KEY, 0o600);
    let key = format!("key = \"file:{}\"", house.path("provider-key").display());
    let stage = house.serve(&key, accepting(&[FIRST_KEY])).await;
    until_ready(&stage, None).await;
    assert_eq!(ask(&stage).await.status, 200);
    house.write("provider-key", SECOND_KEY, 0o600);
    stage.upstream.set_script(accepting(&[SECOND_KEY]));
    assert_eq!(ask(&stage).await.status, 200);
}

/// The store learns how often its secrets served.
#[tokio::test]
async fn uses_are_told_when_the_server_stops() {
    let house = House::build().await;
    let stage = house.serve(FROM_STORE, accepting(&[FIRST_KEY])).await;
    until_ready(&stage, None).await;
    for _ in 0..7 {
        assert_eq!(ask(&stage).await.status, 200);
    }
    let (serving, _upstream) = stage.stop();
    soon("the server to stop", serving)
        .await
        .expect("it does not panic");
    let log = house
        .operator
        .audit_entries(0, 1000)
        .await
        .expect("it is sound");
    let used = log
        .iter()
        .find(|entry| entry.action.as_str() == "secret.used");
    let used = used.expect("the use was told");
    assert_eq!((used.number, used.version), (Some(7), Some(1)));
    let entries = house.operator.entries(None).await.expect("it is there");
    assert!(entries[0].last_used_ms.is_some());
    assert!(
        house
            .operator
            .checkpoint()
            .await
            .expect("it is sound")
            .is_none()
    );
}

/// Another process replaces the root key. The key file still opens the store, so nobody notices.
#[tokio::test]
async fn a_new_root_key_is_taken_over_by_what_unsealed_the_store_before() {
    let house = House::build().await;
    let stage = house
        .serve(FROM_STORE, accepting(&[FIRST_KEY, SECOND_KEY]))
        .await;
    until_ready(&stage, None).await;
    house.replace_root(true).await;
    house.set(NAME, SECOND_KEY).await;
    let followed = async {
        while house.status().await["providers"][0]["keys"][0]["version"] != 2 {
            let answer = ask(&stage).await;
            assert_eq!(answer.status, 200, "{}", answer.text());
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    soon("the new version to be used", followed).await;
}

/// And if it does not, the server stops and says why.
#[tokio::test]
async fn a_new_root_key_that_nothing_here_opens_seals_the_server() {
    let house = House::build().await;
    let stage = house.serve(FROM_STORE, accepting(&[FIRST_KEY])).await;
    until_ready(&stage, None).await;
    house.replace_root(false).await;
    until_ready(&stage, Some("sealed")).await;
    let why = house.status().await["why"].clone();
    assert!(
        why == "credential_refused" || why == "root_key_replaced",
        "{why}"
    );
    house.unseal().await;
    assert_eq!(ask(&stage).await.status, 200);
}
