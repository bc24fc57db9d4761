//! From making a provider to deleting it.

use std::time::Duration;

use orchestra_testkit::{Behaviour, Script};
use serde_json::{Value, json};

use super::{CHAT, FIRST_KEY, SECOND_KEY, Shop, THIRD_KEY, ask, at, chat};
use crate::client::{Client, request_with};
use crate::stage::{CLIENT_KEY, soon};

#[tokio::test]
async fn a_virtual_key_is_used_at_once_in_every_way_that_there_is() {
    let shop = Shop::open().await;
    let made = shop.make(&shop.key("night", SECOND_KEY)).await;
    assert_eq!(
        (&made["slug"], &made["data"]["slug"], &made["success"]),
        (&json!("night"), &json!("night"), &json!(true))
    );
    let inline = json!({ "provider": "@night" }).to_string();
    for (model, header) in [
        ("gpt-5-mini", "x-portkey-virtual-key: night\r\n".to_owned()),
        ("gpt-5-mini", "x-portkey-provider: @night\r\n".to_owned()),
        ("gpt-5-mini", format!("x-portkey-config: {inline}\r\n")),
        ("@night/gpt-5-mini", String::new()),
        ("night/gpt-5-mini", String::new()),
    ] {
        let answer = chat(&shop.stage, model, &header).await;
        assert_eq!(answer.status, 200, "{model} {header}: {}", answer.text());
    }
    for entry in shop.stage.upstream.log() {
        let sent = entry.header("authorization");
        assert_eq!(sent, Some(format!("Bearer {SECOND_KEY}").as_str()));
    }
    // No name but its own leads there.
    let answer = chat(&shop.stage, "gpt-5-mini", "").await;
    assert_eq!(answer.status, 401, "the configured provider's key is wrong");
    let sent = shop.stage.upstream.log();
    let last = sent.last().and_then(|entry| entry.header("authorization"));
    assert_eq!(last, Some(format!("Bearer {FIRST_KEY}").as_str()));
}

#[tokio::test]
async fn it_is_shown_without_its_key_wherever_providers_are() {
    let shop = Shop::open().await;
    shop.make(&shop.key("night", SECOND_KEY)).await;
    let paths = [
        "/v1/virtual-keys/night",
        "/v1/providers/night",
        "/v1/virtual-keys?",
        "/v1/providers?current_page=0&page_size=50",
        "/health/providers?probe=false",
        "/health/night?probe=false",
        "/v1/models",
        "/metrics",
    ];
    assert_eq!(at(&shop.stage, "night").await.status, 200);
    for path in paths {
        let answer = shop.get(path).await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.text());
        assert!(answer.text().contains("night"), "{path}: {}", answer.text());
        assert!(!answer.text().contains(SECOND_KEY), "{path}");
    }
    let shown = shop.get("/v1/virtual-keys/night").await.json();
    for (name, value) in [
        ("name", json!("Every Day")),
        ("ai_provider_name", json!("openai")),
        ("note", json!("of the\nnight shift")),
        ("custom_host", json!(shop.host)),
        ("key", json!("********")),
        ("status", json!("active")),
        ("owner_id", json!("default")),
        ("source", json!("saved")),
    ] {
        assert_eq!(shown[name], value, "{name}");
    }
    let list = shop.get("/v1/providers").await.json();
    assert_eq!(list["total"], 2, "{list}");
    assert_eq!(list["data"][0]["source"], "file", "{list}");
    // Names that the store's list gave are labels, and the call for it was counted.
    let metrics = shop.get("/metrics").await.text();
    for sample in [
        "orchestra_attempts_total{provider=\"night\"",
        "orchestra_rest_calls_total{operation=\"create_provider\",status=\"2xx\"} 1",
        "orchestra_rest_calls_total{operation=\"read_provider\",status=\"2xx\"} 3",
    ] {
        assert!(metrics.contains(sample), "{sample}: {metrics}");
    }
}

#[tokio::test]
async fn note_and_key_are_exchanged_each_by_itself() {
    let shop = Shop::open().await;
    shop.make(&shop.key("night", SECOND_KEY)).await;
    let path = "/v1/virtual-keys/night";
    let note = json!({ "note": "of the day", "name": "Sun", "slug": "night" });
    let changed = ask(&shop.stage, "PUT", path, &note).await;
    assert_eq!(changed.status, 200, "{}", changed.text());
    let shown = shop.get(path).await.json();
    assert_eq!(
        (&shown["note"], &shown["name"]),
        (&json!("of the day"), &json!("Sun"))
    );
    assert_eq!(at(&shop.stage, "night").await.status, 200, "the same key");

    let key = json!({ "key": THIRD_KEY });
    let changed = ask(&shop.stage, "PUT", "/v1/providers/night", &key).await;
    assert_eq!(changed.status, 200, "{}", changed.text());
    assert_eq!(at(&shop.stage, "night").await.status, 200);
    let sent = shop.stage.upstream.log();
    let last = sent.last().and_then(|entry| entry.header("authorization"));
    assert_eq!(last, Some(format!("Bearer {THIRD_KEY}").as_str()));
    let shown = shop.get(path).await.json();
    assert_eq!(shown["note"], "of the day");
    assert!(shown["last_updated_at"].as_str() > shown["created_at"].as_str());
    let none = json!({ "note": null });
    assert_eq!(ask(&shop.stage, "PUT", path, &none).await.status, 200);
    assert_eq!(shop.get(path).await.json()["note"], Value::Null);
}

#[tokio::test]
async fn what_is_deleted_is_gone_for_later_calls_and_its_name_is_free() {
    let shop = Shop::open().await;
    shop.make(&shop.key("night", SECOND_KEY)).await;
    assert_eq!(at(&shop.stage, "night").await.status, 200);
    let path = "/v1/virtual-keys/night";
    let gone = ask(&shop.stage, "DELETE", path, &Value::Null).await;
    assert_eq!(gone.status, 200, "{}", gone.text());
    let before = shop.stage.upstream.requests();
    let answer = at(&shop.stage, "night").await;
    assert_eq!(answer.status, 404, "{}", answer.text());
    assert_eq!(answer.json()["error"]["code"], "model_not_found");
    for header in ["x-portkey-virtual-key: night", "x-portkey-provider: @night"] {
        let answer = chat(&shop.stage, "gpt-5-mini", &format!("{header}\r\n")).await;
        assert!(
            answer.status == 404 && answer.text().contains("night"),
            "{}",
            answer.text()
        );
    }
    assert_eq!(shop.stage.upstream.requests(), before, "nothing was sent");
    assert_eq!(shop.get(path).await.status, 404);
    let again = ask(&shop.stage, "DELETE", path, &Value::Null).await;
    assert_eq!(again.status, 404);

    shop.make(&shop.key("night", THIRD_KEY)).await;
    assert_eq!(at(&shop.stage, "night").await.status, 200);

    let entries = shop.house.operator.audit_entries(0, 1000).await;
    let entries = entries.expect("the audit log");
    let done: Vec<&str> = entries
        .iter()
        .filter(|entry| entry.actor == "client key default")
        .map(|entry| entry.action.as_str())
        .collect();
    assert_eq!(done, ["secret.set", "secret.removed", "secret.set"]);
}

#[tokio::test]
async fn a_call_that_is_under_way_ends_whole_though_its_provider_is_deleted() {
    let slow = Behaviour::answer().delay(Duration::from_secs(4));
    let script = Script::new().otherwise(slow);
    let shop = Shop::with(script).await;
    shop.make(&shop.key("night", SECOND_KEY)).await;
    let mut waiting = Client::to(shop.stage.address).await;
    let headers = format!("x-portkey-api-key: {CLIENT_KEY}\r\nx-portkey-provider: @night\r\n");
    let body = r#"{"model":"gpt-5-mini","messages":[{"role":"user","content":"Hi"}]}"#;
    waiting
        .send(&request_with("POST", CHAT, &headers, body.as_bytes()))
        .await;
    soon(
        "the call to arrive",
        shop.stage.upstream.wait_until(|_| true),
    )
    .await;
    let path = "/v1/virtual-keys/night";
    let gone = ask(&shop.stage, "DELETE", path, &Value::Null).await;
    assert_eq!(gone.status, 200, "{}", gone.text());
    assert_eq!(at(&shop.stage, "night").await.status, 404);
    // The call holds its provider.
    let read = shop.get("/metrics").await.text();
    assert!(read.contains("orchestra_calls_in_flight 1"), "{read}");
    let answer = waiting.answer().await;
    assert_eq!(answer.status, 200, "{}", answer.text());
}
