//! Other servers of the same store, and the same one after a restart.

use orchestra_testkit::{Script, Upstream};
use serde_json::{Value, json};

use super::{SECOND_KEY, Shop, THIRD_KEY, ask, at, neighbour, until};
use crate::secrets::house::until_ready;

#[tokio::test]
async fn it_is_there_after_a_restart_sealed_or_not() {
    let shop = Shop::open().await;
    shop.make(&shop.key("night", SECOND_KEY)).await;
    let mut shop = shop.restart().await;
    assert_eq!(at(&shop.stage, "night").await.status, 200);
    let shown = shop.get("/v1/virtual-keys/night").await.json();
    assert_eq!(
        (&shown["name"], &shown["status"]),
        (&json!("Every Day"), &json!("active"))
    );

    // With nothing that unseals it the name is known, and the store is to blame.
    shop.house.secrets = "unlock = []".to_owned();
    let (serving, upstream) = shop.stage.stop();
    serving.await.expect("it stops");
    let rest = super::portkey(&upstream);
    let stage = shop
        .house
        .serve_before(super::FROM_STORE, &rest, upstream)
        .await;
    until_ready(&stage, Some("sealed")).await;
    let answer = at(&stage, "night").await;
    assert_eq!(
        answer.json()["error"]["code"],
        "sealed",
        "{}",
        answer.text()
    );
}

#[tokio::test]
async fn an_address_that_is_no_longer_listed_is_not_called_after_a_restart() {
    let shop = Shop::open().await;
    shop.make(&shop.key("night", SECOND_KEY)).await;
    let (serving, upstream) = shop.stage.stop();
    serving.await.expect("it stops");
    let rest = "[portkey]\nadmin_keys = [\"default\"]\n";
    let stage = shop
        .house
        .serve_before(super::FROM_STORE, rest, upstream)
        .await;
    until_ready(&stage, None).await;
    assert_eq!(at(&stage, "night").await.status, 404);
    let shown = ask(&stage, "GET", "/v1/providers/night", &Value::Null)
        .await
        .json();
    assert_eq!(shown["status"], "inactive", "{shown}");
    let reason = shown["reason"].as_str().expect("a reason");
    assert!(reason.contains("custom_hosts"), "{reason}");
    let gone = ask(&stage, "DELETE", "/v1/providers/night", &Value::Null).await;
    assert_eq!(gone.status, 200, "{}", gone.text());
}

#[tokio::test]
async fn another_server_of_the_store_follows_within_seconds() {
    let shop = Shop::open().await;
    let upstream = Upstream::start(Script::new()).expect("a port");
    let other = neighbour(&shop.house, &shop.stage.upstream, upstream).await;
    assert_eq!(at(&other, "night").await.status, 404);
    shop.make(&shop.key("night", SECOND_KEY)).await;
    until(&other, 200).await;
    // What the other one changes and deletes counts here.
    let path = "/v1/virtual-keys/night";
    let key = json!({ "key": "refused-key-canary-0123456789" });
    assert_eq!(ask(&other, "PUT", path, &key).await.status, 200);
    assert_eq!(at(&other, "night").await.status, 401);
    until(&shop.stage, 401).await;
    let key = json!({ "key": THIRD_KEY });
    assert_eq!(ask(&other, "PUT", path, &key).await.status, 200);
    until(&shop.stage, 200).await;
    assert_eq!(ask(&other, "DELETE", path, &Value::Null).await.status, 200);
    until(&shop.stage, 404).await;
    assert_eq!(shop.get(path).await.status, 404);
}
