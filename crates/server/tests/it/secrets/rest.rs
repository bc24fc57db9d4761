//! A provider's key that is exchanged by way of Portkey's REST interface.

use orchestra_testkit::Upstream;
use serde_json::{Value, json};

use super::house::{FIRST_KEY, FROM_STORE, House, SECOND_KEY, accepting, until_ready};
use crate::client::{Answer, call, request_with};
use crate::stage::{CLIENT_KEY, Stage};

async fn ask(stage: &Stage, method: &str, path: &str, body: &Value) -> Answer {
    let headers = format!("x-portkey-api-key: {CLIENT_KEY}\r\n");
    let body = body.to_string();
    call(
        stage,
        &request_with(method, path, &headers, body.as_bytes()),
    )
    .await
}

async fn chat(stage: &Stage) -> Answer {
    let body =
        json!({ "model": "openai/gpt-5-mini", "messages": [{ "role": "user", "content": "Hi" }] });
    ask(stage, "POST", "/v1/chat/completions", &body).await
}

async fn serve(house: &mut House) -> Stage {
    let usual = ("ORCHESTRA_CLIENT_KEY".to_owned(), CLIENT_KEY.to_owned());
    house.variables.push(usual);
    let rest = "[portkey]\nadmin_keys = [\"default\"]\n";
    let upstream = Upstream::start(accepting(&[SECOND_KEY])).expect("loopback has a free port");
    let stage = house.serve_before(FROM_STORE, rest, upstream).await;
    until_ready(&stage, None).await;
    stage
}

#[tokio::test]
async fn a_key_is_exchanged_at_once_and_revoked_and_the_store_knows_by_whom() {
    let mut house = House::build().await;
    let stage = serve(&mut house).await;
    assert_eq!(
        chat(&stage).await.status,
        401,
        "the provider knows another key"
    );
    let path = "/v1/virtual-keys/openai";
    let changed = ask(&stage, "PUT", path, &json!({ "key": SECOND_KEY })).await;
    assert_eq!(changed.status, 200, "{}", changed.text());
    assert!(!changed.text().contains(SECOND_KEY));
    assert_eq!(chat(&stage).await.status, 200);
    let shown = ask(&stage, "GET", path, &Value::Null).await;
    assert!(!shown.text().contains(SECOND_KEY) && !shown.text().contains(FIRST_KEY));
    assert_eq!(shown.json()["status"], "active");

    let gone = ask(&stage, "DELETE", path, &Value::Null).await;
    assert_eq!(gone.status, 200, "{}", gone.text());
    assert_ne!(chat(&stage).await.status, 200);
    let shown = ask(&stage, "GET", path, &Value::Null).await.json();
    assert_eq!(
        (&shown["status"], &shown["key"]),
        (&json!("inactive"), &json!(""))
    );

    let entries = house
        .operator
        .audit_entries(0, 100)
        .await
        .expect("the audit log");
    let by_client = entries
        .iter()
        .filter(|entry| entry.actor == "client key default");
    let actions: Vec<&str> = by_client.map(|entry| entry.action.as_str()).collect();
    assert!(actions.contains(&"secret.set"), "{actions:?}");
    assert!(actions.contains(&"secret.revoked"), "{actions:?}");
}

#[tokio::test]
async fn nothing_is_exchanged_while_the_store_is_sealed_and_no_error_repeats_a_key() {
    let mut house = House::build().await;
    let stage = serve(&mut house).await;
    let path = "/v1/virtual-keys/openai";
    for body in [
        json!({ "name": SECOND_KEY }),
        json!({ "key": [SECOND_KEY] }),
        json!({ "key": SECOND_KEY, "usage_limits": {} }),
        json!([SECOND_KEY]),
    ] {
        let answer = ask(&stage, "PUT", path, &body).await;
        assert_eq!(answer.status, 400, "{body}");
        assert!(!answer.text().contains(SECOND_KEY), "{}", answer.text());
    }
    house.seal().await;
    let answer = ask(&stage, "PUT", path, &json!({ "key": SECOND_KEY })).await;
    assert_eq!(
        (answer.status, &answer.json()["error"]["code"]),
        (503, &json!("sealed"))
    );
    house.unseal().await;
    assert_eq!(chat(&stage).await.status, 401, "it is still the first key");
}
