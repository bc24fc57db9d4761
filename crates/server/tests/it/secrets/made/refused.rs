//! What is not made, and why.

use serde_json::{Value, json};

use super::{FIRST_KEY, SECOND_KEY, Shop, ask, at};
use crate::client::Answer;

fn refused(answer: &Answer, status: u16, code: &str) -> String {
    let body = answer.json();
    assert_eq!(
        (answer.status, body["error"]["code"].as_str()),
        (status, Some(code)),
        "{body}"
    );
    assert!(!answer.text().contains(SECOND_KEY), "{body}");
    assert_eq!(body["status"], "failure", "{body}");
    body["message"].as_str().expect("a message").to_owned()
}

/// The body with one member exchanged.
fn with(body: &Value, name: &str, value: Value) -> Value {
    let mut body = body.clone();
    body[name] = value;
    body
}

#[tokio::test]
async fn what_cannot_be_meant_is_refused_with_its_place() {
    let shop = Shop::open().await;
    let good = shop.key("night", SECOND_KEY);
    let null = Value::Null;
    for (name, value, place, words) in [
        ("key", null.clone(), "key", "integrations"),
        ("key", json!([SECOND_KEY]), "key", "a text"),
        ("key", json!(format!("{SECOND_KEY}\nx")), "key", "one line"),
        ("provider", json!("opnai"), "provider", "use one of"),
        ("provider", null, "provider", "integration_id"),
        (
            "integration_id",
            json!("anthropic"),
            "integration_id",
            "another vendor",
        ),
        ("slug", json!("No Good"), "slug", "no valid name"),
        ("slug", json!("health"), "slug", "paths of its own"),
        ("slug", json!("anthropic"), "slug", "name of a vendor"),
        ("slug", json!("google"), "slug", "name of a vendor"),
        (
            "custom_host",
            json!("https://elsewhere.example/v1"),
            "custom_host",
            "custom_hosts",
        ),
        (
            "custom_host",
            json!("http://169.254.169.254/v1"),
            "custom_host",
            "custom_hosts",
        ),
        ("custom_host", json!("no address"), "custom_host", "address"),
        ("resourceName", json!("x"), "resourceName", "[[providers]]"),
        (
            "usage_limits",
            json!({ "credit_limit": 1 }),
            "usage_limits",
            "leave it out",
        ),
        (
            "expires_at",
            json!("2001-01-01T00:00:00Z"),
            "expires_at",
            "over",
        ),
        ("expires_at", json!("soon"), "expires_at", "a time such as"),
        ("note", json!("x".repeat(2000)), "note", "1024"),
        ("nmae", json!("x"), "nmae", "nothing is known"),
    ] {
        let body = with(&good, name, value);
        let answer = ask(&shop.stage, "POST", "/v1/virtual-keys", &body).await;
        let message = refused(&answer, 400, "invalid_request");
        assert!(message.contains(words), "{name}: {message}");
        assert_eq!(answer.json()["error"]["param"], place, "{message}");
    }
    // An address on this machine is none of the vendor's to give, either.
    let local = json!({ "name": "x", "provider": "ollama", "key": "none" });
    let answer = ask(&shop.stage, "POST", "/v1/providers", &local).await;
    assert!(refused(&answer, 400, "invalid_request").contains("custom_hosts"));
    let total = &shop.get("/v1/virtual-keys").await.json()["total"];
    assert_eq!(total, 1, "nothing was made");
}

#[tokio::test]
async fn a_name_is_taken_once_and_the_configurations_stay_its_own() {
    let shop = Shop::open().await;
    shop.make(&shop.key("night", SECOND_KEY)).await;
    let again = shop.key("night", FIRST_KEY);
    let answer = ask(&shop.stage, "POST", "/v1/virtual-keys", &again).await;
    assert!(refused(&answer, 409, "conflict").contains("already"));
    assert_eq!(at(&shop.stage, "night").await.status, 200, "the first key");
    let written = json!({ "slug": "openai", "provider": "openai", "key": SECOND_KEY });
    let answer = ask(&shop.stage, "POST", "/v1/providers", &written).await;
    assert!(refused(&answer, 409, "conflict").contains("configuration"));
    for (path, body, code, words) in [
        (
            "openai",
            json!({ "note": "x" }),
            "invalid_request",
            "[[providers]]",
        ),
        ("night", json!({}), "invalid_request", "nothing to change"),
        (
            "night",
            json!({ "slug": "day" }),
            "invalid_request",
            "it stays",
        ),
        (
            "night",
            json!({ "provider": "groq" }),
            "invalid_request",
            "nothing is known",
        ),
    ] {
        let path = format!("/v1/providers/{path}");
        let answer = ask(&shop.stage, "PUT", &path, &body).await;
        assert!(refused(&answer, 400, code).contains(words), "{path} {body}");
    }
    let answer = ask(
        &shop.stage,
        "PUT",
        "/v1/providers/day",
        &json!({ "note": "x" }),
    )
    .await;
    refused(&answer, 404, "not_found");
}

#[tokio::test]
async fn those_without_a_slug_get_one_of_their_name() {
    let shop = Shop::open().await;
    let mut body = shop.key("", SECOND_KEY);
    body["slug"] = Value::Null;
    let slug = |made: Value| made["slug"].as_str().expect("a slug").to_owned();
    let (one, other) = (slug(shop.make(&body).await), slug(shop.make(&body).await));
    assert!(
        one.starts_with("every-day-") && one != other,
        "{one} {other}"
    );
    assert_eq!(at(&shop.stage, &one).await.status, 200);
}

#[tokio::test]
async fn while_the_store_is_sealed_nothing_is_made_and_its_providers_say_so() {
    let shop = Shop::open().await;
    shop.make(&shop.key("night", SECOND_KEY)).await;
    shop.house.seal().await;
    let answer = ask(
        &shop.stage,
        "POST",
        "/v1/virtual-keys",
        &shop.key("day", SECOND_KEY),
    )
    .await;
    refused(&answer, 503, "sealed");
    let path = "/v1/virtual-keys/night";
    for (method, body) in [("PUT", json!({ "note": "x" })), ("DELETE", Value::Null)] {
        let answer = ask(&shop.stage, method, path, &body).await;
        refused(&answer, 503, "sealed");
    }
    let answer = at(&shop.stage, "night").await;
    assert_eq!(
        (answer.status, &answer.json()["error"]["code"]),
        (503, &json!("sealed"))
    );
    shop.house.unseal().await;
    assert_eq!(at(&shop.stage, "night").await.status, 200);
}
