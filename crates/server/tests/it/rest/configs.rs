//! Configs that are saved while the gateway runs.

use serde_json::{Value, json};

use super::{ask, ask_as, chat, create, folder, get, refused, stage};
use crate::stage::CLIENT_KEY;

#[tokio::test]
async fn a_saved_config_is_used_at_once_and_after_a_restart() {
    let folder = folder();
    let stage = stage(folder.path(), "").await;
    let config =
        json!({ "provider": "@anthropic", "override_params": { "model": "claude-plain" } });
    let slug = create(&stage, &config).await;
    assert!(slug.starts_with("pc-everyd-"), "{slug}");
    let answer = chat(&stage, &slug).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(answer.header("x-portkey-provider"), Some("anthropic"));

    let shown = get(&stage, &format!("/v1/configs/{slug}")).await.json();
    assert_eq!(
        (&shown["config"], &shown["name"]),
        (&config, &json!("Every Day"))
    );
    assert_eq!(
        (&shown["owner_id"], &shown["status"]),
        (&json!("app"), &json!("active"))
    );

    // From now on it leads elsewhere.
    let path = format!("/v1/configs/{slug}");
    let next = json!({ "config": { "provider": "@openai" }, "slug": slug });
    let changed = ask(&stage, "PUT", &path, &next).await.json();
    assert_ne!(changed["version_id"], shown["version_id"]);
    assert_eq!(
        chat(&stage, &slug).await.header("x-portkey-provider"),
        Some("openai")
    );
    let versions = get(&stage, &format!("{path}/versions")).await.json();
    assert_eq!(
        (&versions["total"], &versions["data"][1]["config"]),
        (&json!(2), &config)
    );

    let (serving, _upstream) = stage.stop();
    serving.await.expect("it stops");
    let stage = self::stage(folder.path(), "").await;
    assert_eq!(
        chat(&stage, &slug).await.header("x-portkey-provider"),
        Some("openai")
    );

    // What is put away is not used, and what is deleted is gone.
    let away = json!({ "status": "archived" });
    assert_eq!(ask(&stage, "PUT", &path, &away).await.status, 200);
    let answer = chat(&stage, &slug).await;
    assert!(
        answer.status == 400 && answer.text().contains("archived"),
        "{}",
        answer.text()
    );
    assert_eq!(
        ask_as(CLIENT_KEY, &stage, "DELETE", &path, "").await.status,
        200
    );
    let answer = chat(&stage, &slug).await;
    assert!(answer.text().contains("pc-written"), "{}", answer.text());
    refused(&get(&stage, &path).await, 404, "not_found");
}

#[tokio::test]
async fn configs_of_the_file_are_shown_without_their_keys_and_changed_there() {
    let folder = folder();
    let stage = stage(folder.path(), "").await;
    let slug = create(&stage, &json!({ "provider": "@openai" })).await;
    let list = get(&stage, "/v1/configs?").await.json();
    let slugs: Vec<&Value> = list["data"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|c| &c["slug"])
        .collect();
    assert_eq!(slugs, [&json!("pc-written"), &json!(slug)]);
    let written = get(&stage, "/v1/configs/pc-written").await;
    assert_eq!(written.json()["config"]["provider"], "openai");
    assert!(
        !written.text().contains("a-written-secret"),
        "{}",
        written.text()
    );
    for (method, body) in [("PUT", r#"{"name":"x"}"#), ("DELETE", "")] {
        let answer = ask_as(CLIENT_KEY, &stage, method, "/v1/configs/pc-written", body).await;
        assert!(refused(&answer, 409, "conflict").contains("[configs]"));
    }
}

#[tokio::test]
async fn what_cannot_be_saved_is_refused_with_its_place() {
    let folder = folder();
    let stage = stage(folder.path(), "").await;
    let key = json!({ "strategy": { "mode": "fallback" }, "targets": [
        { "provider": "@openai" }, { "provider": "openai", "api_key": "sk-in-the-clear" },
    ] });
    for (body, code, place, words) in [
        (
            json!({ "name": "x", "config": key }),
            "invalid_config",
            "config.targets[1].api_key",
            "orchestra secrets set",
        ),
        (
            json!({ "name": "x", "config": { "provider": "@nobody" } }),
            "invalid_config",
            "config",
            "nobody",
        ),
        (
            json!({ "name": "x", "config": { "retyr": 3 } }),
            "invalid_config",
            "config.retyr",
            "no such member",
        ),
        (
            json!({ "name": "x", "config": "{" }),
            "invalid_request",
            "config",
            "JSON",
        ),
        (
            json!({ "name": "x" }),
            "invalid_request",
            "config",
            "missing",
        ),
        (
            json!({ "config": { "provider": "@openai" } }),
            "invalid_request",
            "name",
            "name",
        ),
        (
            json!({ "name": "x", "config": {}, "is_default": 1 }),
            "invalid_request",
            "is_default",
            "x-portkey-config",
        ),
        (
            json!({ "name": "x", "config": {}, "limits": 1 }),
            "invalid_request",
            "limits",
            "nothing is known",
        ),
    ] {
        let answer = ask(&stage, "POST", "/v1/configs", &body).await;
        let message = refused(&answer, 400, code);
        assert!(message.contains(words), "{message}");
        assert_eq!(answer.json()["error"]["param"], place, "{message}");
        assert!(!answer.text().contains("sk-in-the-clear"));
    }
    let total = &get(&stage, "/v1/configs").await.json()["total"];
    assert_eq!(total, 1, "nothing was saved");
    let kept = std::fs::read(folder.path().join("kept.db")).expect("the file");
    let clear = b"sk-in-the-clear";
    assert!(!kept.windows(clear.len()).any(|window| window == clear));
}
