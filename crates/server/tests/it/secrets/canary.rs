//! No secret, passphrase or key file in anything that a server says: its log at its most talkative, its answers to
//! callers and operators, what it says of itself, and its errors.

use std::path::Path;

use orchestra_providers::Catalogue;
use orchestra_server::Config;
use orchestra_testkit::{Behaviour, Script};
use serde_json::json;

use super::house::{
    FIRST_KEY, FROM_STORE, House, KEY_FILE, NAME, PASSPHRASE, SECOND_KEY, accepting, ask, local,
    named, ready, until_ready,
};
use crate::canary::Said;
use crate::client::call;
use crate::stage::Stage;

/// Every form in which a value might get out, with what it is.
fn forms(recovery: &str) -> Vec<(String, Vec<u8>)> {
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD_NO_PAD;
    let values = [
        ("the first key", FIRST_KEY),
        ("the second key", SECOND_KEY),
        ("the passphrase", PASSPHRASE),
        ("the key file", KEY_FILE),
        ("the recovery key", recovery),
    ];
    let mut forms = Vec::new();
    for (what, value) in values {
        let plain = value.as_bytes().to_vec();
        let hex: String = plain.iter().map(|byte| format!("{byte:02x}")).collect();
        let reversed = plain.iter().rev().copied().collect();
        let decimal = plain
            .iter()
            .map(|byte| byte.to_string())
            .collect::<Vec<_>>()
            .join(", ");
        forms.push((format!("{what} as it is"), plain.clone()));
        forms.push((format!("{what} reversed"), reversed));
        forms.push((format!("{what} in hex"), hex.into_bytes()));
        forms.push((format!("{what} as numbers"), decimal.into_bytes()));
        for cut in 0..3 {
            // Without the ends, which depend on what stands around it.
            let encoded = STANDARD_NO_PAD.encode(&plain[cut..cut + (plain.len() - cut) / 3 * 3]);
            forms.push((format!("{what} in base64"), encoded.into_bytes()));
        }
    }
    forms
}

/// Where a value was said.
#[derive(Default)]
struct Leaks {
    forms: Vec<(String, Vec<u8>)>,
    found: Vec<String>,
    /// How many bytes were looked at.
    seen: usize,
}

impl Leaks {
    fn look(&mut self, place: &str, said: &str) {
        self.seen += said.len();
        let said = said.as_bytes();
        for (what, form) in &self.forms {
            if said
                .windows(form.len())
                .any(|window| window == form.as_slice())
            {
                self.found.push(format!("{what} in {place}"));
            }
        }
    }
}

/// Everything that an operator can do, with the answers.
async fn operate(house: &House, leaks: &mut Leaks) {
    use base64::Engine;
    let file = base64::engine::general_purpose::STANDARD.encode(KEY_FILE);
    let wrong = format!("wrong {PASSPHRASE}");
    let requests = [
        ("PUT", "/v1/secrets/openai", json!({ "value": SECOND_KEY })),
        (
            "PUT",
            "/v1/secrets/other",
            json!({ "value": FIRST_KEY, "origin": SECOND_KEY }),
        ),
        (
            "PUT",
            "/v1/secrets/other",
            json!({ "value": { "x": FIRST_KEY } }),
        ),
        (
            "PUT",
            "/v1/secrets/other",
            json!({ "value": FIRST_KEY, "more": SECOND_KEY }),
        ),
        (
            "POST",
            "/v1/secrets/openai/rotate",
            json!({ "value": FIRST_KEY }),
        ),
        (
            "POST",
            "/v1/secrets/nobody/rotate",
            json!({ "value": FIRST_KEY }),
        ),
        ("POST", "/v1/secrets/openai/revoke", json!({ "version": 1 })),
        ("GET", "/v1/secrets", json!({})),
        ("GET", "/v1/secrets/check", json!({})),
        ("GET", "/v1/secrets/status", json!({})),
        ("POST", "/v1/secrets/unseal", json!({ "passphrase": wrong })),
        (
            "POST",
            "/v1/secrets/unseal",
            json!({ "passphrase": [PASSPHRASE] }),
        ),
        (
            "POST",
            "/v1/secrets/unseal",
            json!({ "recovery_key": PASSPHRASE }),
        ),
        (
            "POST",
            "/v1/secrets/unseal",
            json!({ "key_file": PASSPHRASE }),
        ),
        ("POST", "/v1/secrets/seal", json!({})),
        ("GET", "/v1/secrets/status", json!({})),
        ("PUT", "/v1/secrets/openai", json!({ "value": SECOND_KEY })),
        ("POST", "/v1/secrets/unseal", json!({ "key_file": file })),
        ("POST", "/v1/secrets/seal", json!({})),
        (
            "POST",
            "/v1/secrets/unseal",
            json!({ "recovery_key": house.recovery.as_str() }),
        ),
        ("POST", "/v1/secrets/seal", json!({})),
        (
            "POST",
            "/v1/secrets/unseal",
            json!({ "passphrase": PASSPHRASE }),
        ),
        ("DELETE", "/v1/secrets/other", json!({})),
    ];
    for (method, path, body) in requests {
        let (_, said) = house
            .control_raw(method, path, body.to_string().as_bytes())
            .await;
        leaks.look(&format!("the answer to {method} {path}"), &said);
    }
}

async fn call_everything(stage: &Stage, leaks: &mut Leaks) {
    let answer = ask(stage).await;
    leaks.look(
        "an answer",
        &format!("{:?} {}", answer.headers, answer.text()),
    );
    for path in ["/v1/models", "/openai/v1/files", "/nothing"] {
        let answer = call(stage, &local("GET", path, "")).await;
        leaks.look(path, &format!("{:?} {}", answer.headers, answer.text()));
    }
    leaks.look("readiness", &ready(stage).await.1.to_string());
}

#[tokio::test]
async fn nothing_that_a_server_says_has_a_secret_in_it() {
    let house = House::build().await;
    let mut leaks = Leaks {
        forms: forms(&house.recovery),
        ..Leaks::default()
    };
    let (said, _guard) = Said::listen();
    // A provider that puts the key into its error, and one that takes it.
    let echoing = Behaviour::error_with(401, "invalid", format!("Incorrect key: {FIRST_KEY}"));
    for script in [
        accepting(&[FIRST_KEY, SECOND_KEY]),
        Script::new().otherwise(echoing),
    ] {
        let stage = house.serve(FROM_STORE, script).await;
        until_ready(&stage, None).await;
        call_everything(&stage, &mut leaks).await;
        operate(&house, &mut leaks).await;
        call_everything(&stage, &mut leaks).await;
        house.seal().await;
        call_everything(&stage, &mut leaks).await;
        house.unseal().await;
        let (serving, _) = stage.stop();
        serving.await.expect("it does not panic");
    }
    refused_starts(&house, &mut leaks).await;
    let log = said.take();
    assert!(
        log.contains("an operator seals the secret store"),
        "the log was not listened to"
    );
    leaks.look("the log", &log);
    assert!(leaks.seen > 30_000, "only {} bytes were said", leaks.seen);
    assert!(leaks.found.is_empty(), "{:#?}", leaks.found);
}

/// Starts that fail, and what is printed of the things they are made of.
async fn refused_starts(house: &House, leaks: &mut Leaks) {
    house
        .operator
        .revoke(&named(NAME), None)
        .await
        .expect("it is there");
    house.write("key", &format!("{KEY_FILE} but another"), 0o600);
    let stage = house.serve(FROM_STORE, Script::new()).await;
    until_ready(&stage, Some("sealed")).await;
    call_everything(&stage, leaks).await;
    leaks.look("the status", &house.status().await.to_string());
    drop(stage);
    for text in [
        format!("[secrets]\nunlock = [\"{PASSPHRASE}\"]\n"),
        format!("[secrets]\nunlock = [\"insecure-env:{PASSPHRASE}\"]\n"),
        format!("[secrets]\ndatabase = \"{FIRST_KEY}\"\n"),
        format!("[[providers]]\nkind = \"openai\"\nkeys = [{{ key = \"{FIRST_KEY}\" }}]\n"),
        format!("[[providers]]\nkind = \"openai\"\nkey = \"store:{FIRST_KEY} x\"\n"),
    ] {
        let error = Config::parse(&text, Path::new("orchestra.toml")).expect_err(&text);
        leaks.look(
            "an error of the configuration",
            &format!("{error} {error:?}"),
        );
    }
    let config = Config::parse("", Path::new("x")).expect("it is valid");
    let vault = house.vault(&config).await;
    leaks.look("a vault, printed", &format!("{vault:?}"));
    let built = config
        .build(&Catalogue::embedded(), vault)
        .await
        .expect("nothing is needed");
    leaks.look("all that was built, printed", &format!("{built:?}"));
}

#[test]
fn every_form_is_found() {
    let forms = forms("a recovery key of some length");
    for (what, form) in forms.clone() {
        let mut leaks = Leaks {
            forms: forms.clone(),
            ..Leaks::default()
        };
        let said = format!("before {} behind", String::from_utf8_lossy(&form));
        leaks.look("a text", &said);
        assert!(leaks.found.contains(&format!("{what} in a text")), "{what}");
    }
}
