//! The control socket, call by call.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use orchestra_secrets::{Credential, State};
use serde_json::{Value, json};

use super::house::{
    FIRST_KEY, FROM_STORE, House, KEY_FILE, NAME, PASSPHRASE, SECOND_KEY, accepting, ask, named,
    run, soon, thief, until_ready,
};
use crate::stage::Stage;

async fn opened(house: &House) -> Stage {
    let stage = house
        .serve(FROM_STORE, accepting(&[FIRST_KEY, SECOND_KEY]))
        .await;
    until_ready(&stage, None).await;
    stage
}

fn code(body: &Value) -> &str {
    body["error"]["code"].as_str().unwrap_or("none")
}

#[tokio::test]
async fn the_socket_is_its_owners_alone_and_goes_with_the_server() {
    let house = House::build().await;
    let stage = opened(&house).await;
    house.status().await;
    let socket = house.path("control.sock");
    let mode = fs::metadata(&socket)
        .expect("it is there")
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600);
    let (serving, _upstream) = stage.stop();
    soon("the server to stop", serving)
        .await
        .expect("it does not panic");
    assert!(!socket.exists());
}

#[tokio::test]
async fn a_second_server_takes_the_socket_over_when_the_first_has_gone() {
    let house = House::build().await;
    let first = opened(&house).await;
    house.status().await;
    let _second = opened(&house).await;
    let (serving, _upstream) = first.stop();
    serving.await.expect("it does not panic");
    // The second looks every two seconds.
    house.status().await;
}

#[tokio::test]
async fn secrets_are_set_listed_rotated_revoked_and_removed() {
    let house = House::build().await;
    let stage = opened(&house).await;
    let set = json!({
        "value": SECOND_KEY,
        "service": "a service",
        "origin": "https://api.example.com/",
        "labels": { "owner": "team a" },
        "expires_ms": 4_000_000_000_000_i64,
    });
    let (status, body) = house.control("PUT", "/v1/secrets/acme%2Fmail", &set).await;
    assert_eq!(status, 200, "{body}");
    assert_eq!(body["secret"]["name"], "acme/mail");
    assert_eq!(body["secret"]["origin"], "https://api.example.com");
    let rotate = json!({ "value": FIRST_KEY });
    let (status, body) = house
        .control("POST", "/v1/secrets/acme%2Fmail/rotate", &rotate)
        .await;
    assert_eq!(status, 200, "{body}");
    let kept = &body["secret"];
    assert_eq!(
        (&kept["version"], &kept["service"]),
        (&json!(2), &json!("a service"))
    );
    assert_eq!(
        (&kept["labels"]["owner"], &kept["expires_ms"]),
        (&json!("team a"), &Value::Null)
    );
    let (_, body) = house.control("GET", "/v1/secrets", &json!({})).await;
    let listed: Vec<_> = body["secrets"].as_array().expect("a list").iter().collect();
    let seen: Vec<_> = listed
        .iter()
        .map(|one| (&one["name"], &one["version"], &one["state"]))
        .collect();
    assert_eq!(
        seen,
        [
            (&json!("acme/mail"), &json!(1), &json!("previous")),
            (&json!("acme/mail"), &json!(2), &json!("current")),
            (&json!("openai"), &json!(1), &json!("current")),
        ]
    );
    let one = json!({ "version": 1 });
    let (status, body) = house
        .control("POST", "/v1/secrets/acme%2Fmail/revoke", &one)
        .await;
    assert_eq!(
        (status, body["revoked"].as_array().map(Vec::len)),
        (200, Some(1))
    );
    let (status, body) = house
        .control("DELETE", "/v1/secrets/acme%2Fmail", &json!({}))
        .await;
    assert_eq!((status, &body["removed"]), (200, &json!(2)));
    let (status, body) = house
        .control("DELETE", "/v1/secrets/acme%2Fmail", &json!({}))
        .await;
    assert_eq!((status, code(&body)), (404, "no_secret"));
    assert_eq!(ask(&stage).await.status, 200);
}

/// What somebody wrote into the database is not taken over into the next version.
#[tokio::test]
async fn a_rotation_does_not_take_over_what_was_tampered_with() {
    for revoked in [false, true] {
        let house = House::build().await;
        let _stage = opened(&house).await;
        if revoked {
            house
                .operator
                .revoke(&named(NAME), None)
                .await
                .expect("it is there");
        }
        rotate_forged(&house).await;
    }
}

async fn rotate_forged(house: &House) {
    let forged = "UPDATE secrets_entries SET origin = 'https://evil.example'".to_owned();
    run(&mut thief(house).await, forged).await;
    let rotate = json!({ "value": SECOND_KEY });
    let (status, body) = house
        .control("POST", "/v1/secrets/openai/rotate", &rotate)
        .await;
    assert_eq!((status, code(&body)), (500, "tampered"), "{body}");
}

#[tokio::test]
async fn the_audit_log_has_the_operator_by_name() {
    let house = House::build().await;
    let _stage = opened(&house).await;
    let set = json!({ "value": SECOND_KEY });
    house.control("PUT", "/v1/secrets/other", &set).await;
    let log = house
        .operator
        .audit_entries(0, 1000)
        .await
        .expect("it is sound");
    let set = log
        .iter()
        .rfind(|entry| entry.action.as_str() == "secret.set");
    let actor = &set.expect("it was set").actor;
    let uid = rustix::process::geteuid().as_raw();
    assert!(actor.contains(&format!("uid {uid}")), "{actor}");
}

/// A secret may be called as a path of the socket is.
#[tokio::test]
async fn no_name_is_taken_by_a_path() {
    let house = House::build().await;
    let _stage = opened(&house).await;
    for name in ["status", "check", "seal", "unseal", "rotate"] {
        let path = format!("/v1/secrets/{name}");
        let (status, body) = house
            .control("PUT", &path, &json!({ "value": "a value" }))
            .await;
        assert_eq!(status, 200, "{name}: {body}");
        let rotate = json!({ "value": "another" });
        let (status, body) = house
            .control("POST", &format!("{path}/rotate"), &rotate)
            .await;
        assert_eq!(status, 200, "{name}: {body}");
        let entries = house
            .operator
            .entries(Some(&named(name)))
            .await
            .expect("it is there");
        assert_eq!(
            entries.last().map(|entry| entry.state),
            Some(State::Current)
        );
        let (status, body) = house.control("DELETE", &path, &json!({})).await;
        assert_eq!(status, 200, "{name}: {body}");
    }
    assert_eq!(house.status().await["sealed"], false);
}

#[tokio::test]
async fn every_kind_of_credential_unseals() {
    use base64::Engine;
    let house = House::build().await;
    let _stage = opened(&house).await;
    let file = base64::engine::general_purpose::STANDARD.encode(KEY_FILE);
    let both = Credential::passphrase_and_key_file(PASSPHRASE, KEY_FILE.as_bytes());
    house.add_slot(both).await;
    for credential in [
        json!({ "passphrase": PASSPHRASE }),
        json!({ "key_file": file }),
        json!({ "passphrase": PASSPHRASE, "key_file": file }),
        json!({ "recovery_key": house.recovery.as_str() }),
    ] {
        house.seal().await;
        let (status, body) = house
            .control("POST", "/v1/secrets/unseal", &credential)
            .await;
        assert_eq!((status, &body["sealed"]), (200, &json!(false)), "{body}");
    }
}

#[tokio::test]
async fn what_cannot_be_done_has_a_code() {
    let house = House::build().await;
    let _stage = opened(&house).await;
    let long = "x".repeat(600 * 1024);
    for (method, path, body, status, wanted) in [
        ("GET", "/v1/nothing", json!({}), 404, "route_not_found"),
        (
            "GET",
            "/v1/secrets/openai",
            json!({}),
            405,
            "method_not_allowed",
        ),
        ("POST", "/v1/secrets", json!({}), 405, "method_not_allowed"),
        (
            "PUT",
            "/v1/secrets/a%20b",
            json!({ "value": "x" }),
            400,
            "invalid_name",
        ),
        ("PUT", "/v1/secrets/a", json!({}), 400, "invalid_request"),
        (
            "PUT",
            "/v1/secrets/a",
            json!({ "value": 7 }),
            400,
            "invalid_request",
        ),
        (
            "PUT",
            "/v1/secrets/a",
            json!({ "value": "x", "wrong": 1 }),
            400,
            "invalid_request",
        ),
        (
            "PUT",
            "/v1/secrets/a",
            json!({ "value": "x", "origin": "nowhere" }),
            400,
            "invalid_request",
        ),
        (
            "PUT",
            "/v1/secrets/a",
            json!({ "value": "x", "labels": { "": "x" } }),
            400,
            "invalid_request",
        ),
        ("PUT", "/v1/secrets/a", json!({ "value": "" }), 400, "empty"),
        (
            "PUT",
            "/v1/secrets/a",
            json!({ "value": long }),
            413,
            "too_large",
        ),
        (
            "POST",
            "/v1/secrets/a/rotate",
            json!({ "value": "x" }),
            404,
            "no_secret",
        ),
        ("POST", "/v1/secrets/a/revoke", json!({}), 404, "no_secret"),
        (
            "POST",
            "/v1/secrets/openai/revoke",
            json!({ "version": 9 }),
            404,
            "no_version",
        ),
        (
            "POST",
            "/v1/secrets/seal",
            json!({ "now": true }),
            400,
            "invalid_request",
        ),
        (
            "POST",
            "/v1/secrets/unseal",
            json!({}),
            400,
            "invalid_request",
        ),
        (
            "POST",
            "/v1/secrets/unseal",
            json!({ "recovery_key": "AAAA" }),
            400,
            "invalid_request",
        ),
        (
            "POST",
            "/v1/secrets/unseal",
            json!({ "key_file": "?" }),
            400,
            "invalid_request",
        ),
        (
            "POST",
            "/v1/secrets/unseal",
            json!({ "passphrase": "wrong wrong wrong" }),
            403,
            "credential_refused",
        ),
    ] {
        let (found, body) = house.control(method, path, &body).await;
        assert_eq!(
            (found, code(&body)),
            (status, wanted),
            "{method} {path}: {body}"
        );
    }
    house.seal().await;
    let set = json!({ "value": "x" });
    let (status, body) = house.control("PUT", "/v1/secrets/a", &set).await;
    assert_eq!((status, code(&body)), (503, "sealed"));
}

/// Errors about a body say where, and do not repeat it.
#[tokio::test]
async fn a_body_that_is_wrong_is_not_repeated() {
    let house = House::build().await;
    let _stage = opened(&house).await;
    let canary = "body-canary-0123456789";
    for body in [
        format!("{{\"value\": {{\"{canary}\": 1}}}}"),
        format!("{{\"value\": \"{canary}\", \"{canary}\": 2}}"),
        format!("{{\"value\": \"{canary}"),
        format!("\"{canary}\""),
        format!("{{\"value\": \"x\", \"expires_ms\": \"{canary}\"}}"),
        format!("{{\"value\": \"x\", \"origin\": \"{canary}\"}}"),
        format!("{{\"value\": \"x\", \"labels\": \"{canary}\"}}"),
    ] {
        let (status, said) = house
            .control_raw("PUT", "/v1/secrets/a", body.as_bytes())
            .await;
        assert_eq!(status, 400, "{said}");
        assert!(!said.contains(canary), "{said}");
    }
}

#[tokio::test]
async fn the_names_that_providers_need_are_told_without_values() {
    let mut house = House::build().await;
    house.set("ANTHROPIC_API_KEY", SECOND_KEY).await;
    house.set("MISTRAL_API_KEY", SECOND_KEY).await;
    house
        .operator
        .revoke(&named("MISTRAL_API_KEY"), None)
        .await
        .expect("it is there");
    house
        .variables
        .push(("OPENAI_API_KEY".to_owned(), FIRST_KEY.to_owned()));
    let _stage = opened(&house).await;
    let path = "/v1/secrets/check?name=MISTRAL_API_KEY&name=openai&name=PORTKEY_API_KEY";
    let (status, body) = house.control("GET", path, &json!({})).await;
    assert_eq!(status, 200, "{body}");
    let place = |name: &str| {
        let names = body["names"].as_array().expect("a list");
        let found = names.iter().find(|one| one["name"] == name);
        found.unwrap_or_else(|| panic!("{name}"))["where"].clone()
    };
    assert_eq!(place("OPENAI_API_KEY"), "environment");
    assert_eq!(place("ANTHROPIC_API_KEY"), "store");
    assert_eq!(place("MISTRAL_API_KEY"), "revoked");
    assert_eq!(place("DEEPSEEK_API_KEY"), "missing");
    assert_eq!(place("PORTKEY_API_KEY"), "missing");
    assert_eq!(place(NAME), "store");
    assert!(!body.to_string().contains(FIRST_KEY) && !body.to_string().contains(SECOND_KEY));
}
