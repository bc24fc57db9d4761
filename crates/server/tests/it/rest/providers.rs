//! Providers of the configuration, and what a gateway without a secret store says of others.

use serde_json::json;

use super::{ask, folder, get, refused, stage};

#[tokio::test]
async fn providers_are_listed_without_keys_and_made_elsewhere() {
    let folder = folder();
    let stage = stage(folder.path(), "").await;
    for path in [
        "/v1/providers?current_page=0&page_size=50",
        "/v1/virtual-keys?",
    ] {
        let list = get(&stage, path).await.json();
        assert_eq!(list["total"], 2, "{list}");
        let openai = &list["data"][1];
        assert_eq!(
            (&openai["slug"], &openai["status"]),
            (&json!("openai"), &json!("active")),
            "{list}"
        );
        assert_eq!(openai["key"], "********");
    }
    assert_eq!(
        get(&stage, "/v1/virtual-keys/openai").await.json()["slug"],
        "openai"
    );
    refused(&get(&stage, "/v1/providers/nobody").await, 404, "not_found");
    let answer = ask(
        &stage,
        "PUT",
        "/v1/virtual-keys/openai",
        &json!({ "key": "sk-new" }),
    )
    .await;
    // It stands in the environment.
    assert!(refused(&answer, 409, "conflict").contains("env:OPENAI_API_KEY"));
    let made = json!({ "name": "x", "provider": "openai", "key": "sk-new" });
    let answer = ask(&stage, "POST", "/v1/virtual-keys", &made).await;
    let message = refused(&answer, 501, "no_secret_store");
    assert!(message.contains("orchestra secrets init"), "{message}");
    assert!(!answer.text().contains("sk-new"));
    let named = json!({ "key": "sk-new", "note": "x" });
    let answer = ask(&stage, "PUT", "/v1/providers/openai", &named).await;
    assert!(refused(&answer, 400, "invalid_request").contains("[[providers]]"));
}
