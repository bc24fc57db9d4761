//! Feedback and logs.

use serde_json::{Value, json};

use super::{ask, ask_as, folder, get, refused, stage};
use crate::stage::{CLIENT_KEY, OTHER_KEY};

#[tokio::test]
async fn feedback_is_kept_changed_and_seen_by_whose_it_is() {
    let folder = folder();
    let stage = stage(folder.path(), "").await;
    let given = r#"{"trace_id":"t-1","value":5,"metadata":{"_user":"u"}}"#;
    let answer = ask_as(OTHER_KEY, &stage, "POST", "/v1/feedback", given).await;
    let told = answer.json();
    assert_eq!(
        (answer.status, &told["status"]),
        (200, &json!("success")),
        "{told}"
    );
    let id = told["feedback_ids"][0].as_str().expect("an id");
    let path = format!("/v1/feedback/{id}");
    let changed = ask_as(
        OTHER_KEY,
        &stage,
        "PUT",
        &path,
        r#"{"value":-2,"weight":0.5}"#,
    )
    .await;
    assert_eq!(changed.json()["feedback_ids"], json!([id]));

    // Several at once, also as Portkey's client for Node writes a list.
    let list = json!([{ "trace_id": "t-2", "value": 1 }, { "trace_id": "t-2", "value": 2 }]);
    let numbered =
        json!({ "0": { "traceID": "t-2", "value": 3 }, "1": { "traceID": "t-2", "value": 4 } });
    for list in [list, numbered] {
        let told = ask(&stage, "POST", "/v1/feedback", &list).await.json();
        assert_eq!(
            told["feedback_ids"].as_array().map(Vec::len),
            Some(2),
            "{told}"
        );
    }

    let own = ask_as(OTHER_KEY, &stage, "GET", "/v1/feedback", "")
        .await
        .json();
    assert_eq!(own["total"], 1, "{own}");
    let kept = &own["data"][0];
    assert_eq!(
        (&kept["value"], &kept["weight"], &kept["trace_id"]),
        (&json!(-2), &json!(0.5), &json!("t-1"))
    );
    assert_eq!(kept["metadata"], json!({ "_user": "u" }));
    // An administrator sees all, and changes nobody else's.
    let all = get(
        &stage,
        "/v1/feedback?trace_id=t-2&page_size=3&current_page=1",
    )
    .await
    .json();
    assert_eq!(
        (&all["total"], &all["data"][0]["value"]),
        (&json!(4), &json!(1)),
        "{all}"
    );
    assert_eq!(get(&stage, &path).await.json()["data"]["client"], "other");
    refused(
        &ask(&stage, "PUT", &path, &json!({ "value": 1 })).await,
        404,
        "not_found",
    );
    let foreign = all["data"][0]["id"].as_str().expect("an id");
    let answer = ask_as(
        OTHER_KEY,
        &stage,
        "GET",
        &format!("/v1/feedback/{foreign}"),
        "",
    )
    .await;
    refused(&answer, 404, "not_found");
}

#[tokio::test]
async fn logs_are_kept_without_the_keys_in_them() {
    let folder = folder();
    let stage = stage(folder.path(), "").await;
    let entry = json!({
        "request": { "url": "https://x.example", "headers": { "Authorization": "Bearer sk-logged", "accept": "*/*" } },
        "response": { "status": 200, "body": { "answer": 42 } },
        "metadata": { "traceId": "t-9", "_user": "u" },
    });
    let body = json!([entry, { "request": {}, "response": {} }]).to_string();
    let told = ask_as(OTHER_KEY, &stage, "POST", "/v1/logs", &body)
        .await
        .json();
    assert_eq!(told["status"], "success", "{told}");
    let id = told["ids"][0].as_str().expect("an id");
    let path = format!("/v1/logs/{id}");
    let kept = ask_as(OTHER_KEY, &stage, "GET", &path, "").await;
    let shown = &kept.json()["data"];
    assert_eq!(shown["response"], entry["response"]);
    assert_eq!(
        shown["request"]["headers"],
        json!({ "Authorization": "********", "accept": "*/*" })
    );
    assert_eq!(shown["trace_id"], "t-9");
    let file = std::fs::read(folder.path().join("kept.db-wal")).expect("the file's log");
    assert!(!file.windows(9).any(|window| window == b"sk-logged"));
    assert_eq!(
        get(&stage, "/v1/logs?trace_id=t-9").await.json()["total"],
        1
    );

    let (serving, _upstream) = stage.stop();
    serving.await.expect("it stops");
    let stage = self::stage(folder.path(), "").await;
    assert_eq!(
        ask_as(OTHER_KEY, &stage, "GET", &path, "").await.status,
        200
    );
}

#[tokio::test]
async fn what_clients_tell_is_checked_and_bounded() {
    let folder = folder();
    let stage = stage(folder.path(), "max_kept_bytes_per_client = 300\n").await;
    for (path, body, place, words) in [
        (
            "/v1/feedback",
            json!({ "value": 1 }),
            json!("trace_id"),
            "x-portkey-trace-id",
        ),
        (
            "/v1/feedback",
            json!({ "trace_id": "t" }),
            json!("value"),
            "missing",
        ),
        (
            "/v1/feedback",
            json!({ "trace_id": "t", "value": 11 }),
            json!("value"),
            "-10 to 10",
        ),
        (
            "/v1/feedback",
            json!({ "trace_id": "t", "value": 0.5 }),
            json!("value"),
            "whole",
        ),
        (
            "/v1/feedback",
            json!({ "trace_id": "t", "value": 1, "weight": 2 }),
            json!("weight"),
            "0 to 1",
        ),
        (
            "/v1/feedback",
            json!({ "trace_id": "t", "value": 1, "wieght": 1 }),
            json!("wieght"),
            "weight",
        ),
        (
            "/v1/feedback",
            json!([{ "trace_id": "t", "value": 1 }, { "trace_id": "t", "value": "good" }]),
            json!("[1].value"),
            "whole",
        ),
        ("/v1/feedback", json!([]), Value::Null, "nothing"),
        (
            "/v1/logs",
            json!({ "request": {} }),
            json!("response"),
            "missing",
        ),
        (
            "/v1/logs",
            json!({ "request": "x", "response": {} }),
            json!("request"),
            "object",
        ),
        (
            "/v1/logs",
            json!({ "request": { "body": "x".repeat(400) }, "response": {} }),
            Value::Null,
            "max_kept_bytes_per_client",
        ),
    ] {
        let answer = ask(&stage, "POST", path, &body).await;
        let message = refused(&answer, 400, "invalid_request");
        assert!(message.contains(words), "{message}");
        assert_eq!(answer.json()["error"]["param"], place, "{message}");
    }
    let answer = ask_as(CLIENT_KEY, &stage, "POST", "/v1/logs", "{").await;
    refused(&answer, 400, "invalid_json");
    let answer = ask_as(CLIENT_KEY, &stage, "DELETE", "/v1/logs", "").await;
    assert!(refused(&answer, 405, "method_not_allowed").contains("POST or GET"));
    let page = get(&stage, "/v1/logs?page_size=1000").await;
    refused(&page, 400, "invalid_request");

    let large = json!({ "request": { "body": "x".repeat(100) }, "response": {} });
    for _ in 0..3 {
        assert_eq!(ask(&stage, "POST", "/v1/logs", &large).await.status, 200);
    }
    assert_eq!(get(&stage, "/v1/logs").await.json()["total"], 1);
}
