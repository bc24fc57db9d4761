//! Secrets that may not be used: bound elsewhere, expired, revoked, or not there.

use std::time::{SystemTime, UNIX_EPOCH};

use orchestra_secrets::NewSecret;
use orchestra_testkit::{Script, Upstream};
use serde_json::json;

use super::house::{
    FIRST_KEY, FROM_STORE, House, NAME, SECOND_KEY, accepting, ask, named, ready, until_ready,
};
use crate::stage::Stage;

const NONE_IS_LEFT: Option<&str> = Some("no provider has a key that may be used");

/// Asserts that the provider's key may not be used, and that readiness, callers and operators are told why.
async fn assert_unusable(house: &House, stage: &Stage, words: &str) {
    let (status, body) = ready(stage).await;
    assert_eq!(status, 503, "{body}");
    let reason = body["unusable"][0]["reason"].to_string();
    assert!(reason.contains(words), "{body}");
    let answer = ask(stage).await;
    assert!(
        answer.status >= 400 && answer.text().contains(words),
        "{}",
        answer.text()
    );
    let status = house.status().await;
    assert_eq!(status["providers"][0]["state"], "missing", "{status}");
    assert!(stage.upstream.log().is_empty(), "it went out all the same");
}

fn now_ms() -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    i64::try_from(now.expect("after 1970").as_millis()).expect("before the year 292 million")
}

#[tokio::test]
async fn a_secret_goes_to_its_origin_and_nowhere_else() {
    let house = House::empty().await;
    let right = Upstream::start(accepting(&[FIRST_KEY])).expect("a port");
    let wrong = Upstream::start(accepting(&[FIRST_KEY])).expect("a port");
    let mut new = NewSecret::new(named(NAME));
    new.origin = Some(right.base_url().parse().expect("it is one"));
    house.keep(new, FIRST_KEY).await;

    let stage = house.serve_before(FROM_STORE, "", right).await;
    until_ready(&stage, None).await;
    assert_eq!(ask(&stage).await.status, 200);
    let (serving, right) = stage.stop();
    serving.await.expect("it does not panic");

    // The same configuration with another `base_url`, as somebody with a hand in it would write.
    let stage = house.serve_before(FROM_STORE, "", wrong).await;
    until_ready(&stage, NONE_IS_LEFT).await;
    assert_unusable(&house, &stage, "may only be sent to").await;

    // Entered again for the new address, it works without a restart.
    let set = json!({ "value": FIRST_KEY, "origin": stage.upstream.base_url() });
    let (status, body) = house.control("PUT", "/v1/secrets/openai", &set).await;
    assert_eq!(status, 200, "{body}");
    assert_eq!(ask(&stage).await.status, 200);
    drop(right);
}

#[tokio::test]
async fn a_secret_ends_when_its_time_is_over_though_nothing_changes() {
    let house = House::empty().await;
    let mut new = NewSecret::new(named(NAME));
    new.expires_ms = Some(now_ms() + 2_500);
    house.keep(new, FIRST_KEY).await;
    let stage = house.serve(FROM_STORE, accepting(&[FIRST_KEY])).await;
    until_ready(&stage, None).await;
    assert_eq!(ask(&stage).await.status, 200);
    stage.upstream.reset_log();
    until_ready(&stage, NONE_IS_LEFT).await;
    assert_unusable(&house, &stage, "expired").await;
    house.set(NAME, SECOND_KEY).await;
    stage.upstream.set_script(accepting(&[SECOND_KEY]));
    until_ready(&stage, None).await;
    assert_eq!(ask(&stage).await.status, 200);
}

#[tokio::test]
async fn a_secret_that_had_expired_before_the_start_is_told() {
    let house = House::empty().await;
    let mut new = NewSecret::new(named(NAME));
    new.expires_ms = Some(now_ms() - 1);
    house.keep(new, FIRST_KEY).await;
    let stage = house.serve(FROM_STORE, Script::new()).await;
    until_ready(&stage, NONE_IS_LEFT).await;
    assert_unusable(&house, &stage, "expired").await;
}

#[tokio::test]
async fn a_secret_that_is_revoked_is_used_no_more() {
    let house = House::build().await;
    let stage = house.serve(FROM_STORE, accepting(&[FIRST_KEY])).await;
    until_ready(&stage, None).await;
    assert_eq!(ask(&stage).await.status, 200);
    stage.upstream.reset_log();
    // Behind the server's back, as another process would.
    house
        .operator
        .revoke(&named(NAME), None)
        .await
        .expect("it is there");
    until_ready(&stage, NONE_IS_LEFT).await;
    assert_unusable(&house, &stage, "revoked").await;
}

#[tokio::test]
async fn a_secret_that_is_not_there_is_waited_for() {
    let house = House::empty().await;
    let stage = house.serve(FROM_STORE, accepting(&[FIRST_KEY])).await;
    until_ready(&stage, NONE_IS_LEFT).await;
    assert_unusable(&house, &stage, "store:openai does not exist").await;
    house.set(NAME, FIRST_KEY).await;
    until_ready(&stage, None).await;
    assert_eq!(ask(&stage).await.status, 200);
}

/// What no header can carry is told, and is not sent.
#[tokio::test]
async fn a_secret_that_is_no_key_is_told() {
    let house = House::empty().await;
    house.set(NAME, "two\nlines").await;
    let stage = house.serve(FROM_STORE, Script::new()).await;
    until_ready(&stage, NONE_IS_LEFT).await;
    assert_unusable(&house, &stage, "cannot be a key").await;
}
