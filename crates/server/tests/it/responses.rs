//! Responses that the gateway keeps for models whose providers keep none.

use orchestra_testkit::{Behaviour, Script};
use serde_json::{Value, json};

use crate::client::{Answer, call, request, request_with};
use crate::stage::{OTHER_KEY, Stage};

async fn stage(rest: &str) -> Stage {
    let script = Script::new().otherwise(Behaviour::text("Hello there."));
    Stage::with("", rest, script).await
}

async fn post(stage: &Stage, body: Value) -> Answer {
    let bytes = body.to_string();
    call(stage, &request("POST", "/v1/responses", bytes.as_bytes())).await
}

async fn ask(stage: &Stage, method: &str, target: &str) -> Answer {
    call(stage, &request(method, target, b"")).await
}

fn first() -> Value {
    json!({"model": "claude-haiku-5-5", "input": [{"role": "user", "content": "One"}]})
}

fn next(previous: &Value) -> Value {
    json!({"model": "claude-haiku-5-5", "previous_response_id": previous["id"], "input": "Two"})
}

fn texts(list: &Value) -> Vec<String> {
    let data = list["data"].as_array().expect("a list").iter();
    let text = |item: &Value| match &item["content"] {
        Value::String(text) => text.clone(),
        parts => parts[0]["text"].as_str().expect("text").to_owned(),
    };
    data.map(text).collect()
}

#[tokio::test]
async fn a_response_can_be_read_and_deleted() {
    let stage = stage("").await;
    let answered = post(&stage, first()).await.json();
    let id = answered["id"].as_str().unwrap();
    for root in ["/v1", ""] {
        let got = ask(&stage, "GET", &format!("{root}/responses/{id}")).await;
        assert_eq!((got.status, got.json()), (200, answered.clone()));
        assert_eq!(got.header("content-type"), Some("application/json"));
    }
    let target = format!("/v1/responses/{id}");
    let other = request_with(
        "GET",
        &target,
        &format!("authorization: Bearer {OTHER_KEY}\r\n"),
        b"",
    );
    assert_eq!(call(&stage, &other).await.status, 404);
    let deleted = ask(&stage, "DELETE", &target).await;
    let told = json!({"id": id, "object": "response", "deleted": true});
    assert_eq!((deleted.status, deleted.json()), (200, told));
    for method in ["GET", "DELETE"] {
        let gone = ask(&stage, method, &target).await;
        assert_eq!(gone.status, 404);
        assert_eq!(gone.json()["error"]["code"], "route_not_found");
    }
    assert_eq!(post(&stage, next(&answered)).await.status, 400);
}

#[tokio::test]
async fn what_the_model_was_told_is_listed_in_pages() {
    let stage = stage("").await;
    let one = post(&stage, first()).await.json();
    let two = post(&stage, next(&one)).await.json();
    let target = format!("/v1/responses/{}/input_items", two["id"].as_str().unwrap());
    let all = ask(&stage, "GET", &target).await.json();
    assert_eq!(texts(&all), ["Two", "Hello there.", "One"]);
    assert_eq!(
        (&all["object"], &all["has_more"]),
        (&json!("list"), &json!(false))
    );
    let mut found = Vec::new();
    let mut after = String::new();
    for more in [true, true, false] {
        let query = format!("{target}?order=asc&limit=1{after}");
        let page = ask(&stage, "GET", &query).await.json();
        assert_eq!(page["has_more"], more);
        after = format!("&after={}", page["last_id"].as_str().unwrap());
        found.extend(texts(&page));
    }
    assert_eq!(found, ["One", "Hello there.", "Two"]);
}

#[tokio::test]
async fn nobody_reads_without_a_key() {
    let stage = stage("").await;
    let id = post(&stage, first()).await.json()["id"].clone();
    for method in ["GET", "DELETE"] {
        let target = format!("/v1/responses/{}", id.as_str().unwrap());
        let bytes = request_with(method, &target, "", b"");
        assert_eq!(call(&stage, &bytes).await.status, 401);
    }
}

#[tokio::test]
async fn a_file_outlives_the_server() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("kept.db");
    let rest = format!("[responses]\nstore = \"sqlite\"\npath = {path:?}\n");
    let before = stage(&rest).await;
    let one = post(&before, first()).await.json();
    before.stop().0.await.unwrap();
    let after = stage(&rest).await;
    let two = post(&after, next(&one)).await;
    assert_eq!(two.status, 200, "{}", two.text());
    let asked = after.upstream.log().pop().unwrap().json().unwrap();
    assert_eq!(asked["messages"].as_array().unwrap().len(), 3, "{asked}");
}

#[tokio::test]
async fn without_a_store_nothing_is_kept() {
    let stage = stage("[responses]\nstore = \"off\"\n").await;
    let one = post(&stage, first()).await;
    assert_eq!((one.status, one.header("x-orchestra-stored")), (200, None));
    let one = one.json();
    let got = ask(
        &stage,
        "GET",
        &format!("/v1/responses/{}", one["id"].as_str().unwrap()),
    )
    .await;
    assert_eq!(got.status, 404);
    let two = post(&stage, next(&one)).await;
    assert_eq!(two.json()["error"]["code"], "stateful_unsupported");
}
