//! Starting with a store that is sealed, and what unseals it.

use std::path::Path;
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;
use std::{fs, io};

use orchestra_providers::Catalogue;
use orchestra_secrets::{Credential, Variables};
use orchestra_server::Config;
use orchestra_server::secrets::{Prompt, Vault};
use orchestra_testkit::{Script, Upstream};
use serde_json::json;
use zeroize::Zeroizing;

use super::house::{
    FIRST_KEY, FROM_STORE, House, KEY_FILE, NAME, PASSPHRASE, accepting, ask, local, named, ready,
    run, soon, thief, until_ready, until_sealed,
};
use crate::canary::Said;
use crate::client::{call, request_with};
use crate::stage::Stage;

/// Status and code of an error in OpenAI's dialect.
async fn refusal(stage: &Stage) -> (u16, String) {
    let answer = ask(stage).await;
    let code = answer.json()["error"]["code"].as_str().map(str::to_owned);
    (answer.status, code.unwrap_or_default())
}

#[tokio::test]
async fn a_key_file_unseals_the_store_at_start() {
    let house = House::build().await;
    let stage = house.serve(FROM_STORE, accepting(&[FIRST_KEY])).await;
    until_ready(&stage, None).await;
    assert_eq!(ask(&stage).await.status, 200);
    let log = house
        .operator
        .audit_entries(0, 100)
        .await
        .expect("it is sound");
    let reader = log
        .iter()
        .find(|entry| entry.action.as_str() == "secret.read");
    let reader = reader.expect("handing a secret out is noted");
    assert!(
        reader.actor.starts_with("orchestra on "),
        "{}",
        reader.actor
    );
}

#[tokio::test]
async fn without_a_credential_it_starts_sealed_and_is_unsealed_by_the_socket() {
    let house = House::build().await.unlocked_by("file:no-such-file");
    let stage = house.serve(FROM_STORE, accepting(&[FIRST_KEY])).await;
    until_sealed(&stage, "no_credential").await;
    let live = call(&stage, &local("GET", "/health/live", "")).await;
    assert_eq!(live.status, 200);
    let (status, _) = ready(&stage).await;
    assert_eq!(status, 503);
    assert_eq!(refusal(&stage).await, (503, "sealed".to_owned()));
    let status = house.status().await;
    assert_eq!(
        (&status["sealed"], &status["why"]),
        (&json!(true), &json!("no_credential"))
    );

    let wrong = json!({ "passphrase": "not the passphrase at all" });
    let (status, body) = house.control("POST", "/v1/secrets/unseal", &wrong).await;
    assert_eq!(
        (status, &body["error"]["code"]),
        (403, &json!("credential_refused"))
    );
    assert_eq!(refusal(&stage).await, (503, "sealed".to_owned()));

    house.unseal().await;
    assert_eq!(ready(&stage).await.0, 200);
    assert_eq!(ask(&stage).await.status, 200);
}

#[tokio::test]
async fn errors_while_sealed_are_in_the_callers_dialect() {
    let house = House::build().await.unlocked_by("file:no-such-file");
    let stage = house.serve(FROM_STORE, Script::new()).await;
    let body = r#"{"model":"openai/gpt-5-mini","max_tokens":9,"messages":[{"role":"user","content":"Hi"}]}"#;
    let answer = call(&stage, &local("POST", "/v1/messages", body)).await;
    assert_eq!(answer.status, 503);
    assert_eq!(answer.json()["type"], "error", "{}", answer.text());
    let raw = call(&stage, &local("GET", "/openai/v1/files", "")).await;
    assert_eq!(
        (raw.status, &raw.json()["error"]["code"]),
        (503, &json!("sealed"))
    );
}

#[tokio::test]
async fn a_sealed_store_stops_keys_of_the_environment_too() {
    let mut house = House::build().await.unlocked_by("file:no-such-file");
    house.variables.push(("K".to_owned(), FIRST_KEY.to_owned()));
    let stage = house
        .serve("key = \"env:K\"", accepting(&[FIRST_KEY]))
        .await;
    assert_eq!(refusal(&stage).await, (503, "sealed".to_owned()));
    house.unseal().await;
    assert_eq!(ask(&stage).await.status, 200);
}

#[tokio::test]
async fn a_key_file_that_others_can_read_unseals_nothing() {
    let house = House::build().await;
    house.write("key", KEY_FILE, 0o644);
    let stage = house.serve(FROM_STORE, Script::new()).await;
    until_sealed(&stage, "no_credential").await;
    let detail = house.status().await["detail"].to_string();
    assert!(detail.contains("chmod 600"), "{detail}");
}

#[tokio::test]
async fn a_passphrase_in_a_variable_is_taken_where_it_is_asked_for() {
    let mut house = House::build().await.unlocked_by("insecure-env:PW");
    let pair = ("PW".to_owned(), PASSPHRASE.to_owned());
    house.variables.push(pair);
    let stage = house.serve(FROM_STORE, accepting(&[FIRST_KEY])).await;
    until_ready(&stage, None).await;
    assert_eq!(ask(&stage).await.status, 200);
}

#[tokio::test]
async fn a_passphrase_and_a_key_file_are_put_together() {
    let mut house = House::build().await;
    let both = Credential::passphrase_and_key_file(PASSPHRASE, KEY_FILE.as_bytes());
    house.add_slot(both).await;
    for slot in [1, 2] {
        house
            .operator
            .remove_slot(slot)
            .await
            .expect("another is left");
    }
    house.secrets = format!(
        "unlock = [\"file:{}\", \"insecure-env:PW\"]",
        house.path("key").display()
    );
    let stage = house.serve(FROM_STORE, accepting(&[FIRST_KEY])).await;
    until_sealed(&stage, "credential_refused").await;
    let (serving, _upstream) = stage.stop();
    serving.await.expect("it does not panic");
    house
        .variables
        .push(("PW".to_owned(), PASSPHRASE.to_owned()));
    let stage = house.serve(FROM_STORE, accepting(&[FIRST_KEY])).await;
    until_ready(&stage, None).await;
    assert_eq!(ask(&stage).await.status, 200);
}

/// A name that comes into the store of a server that finds its providers by their keys.
#[tokio::test]
async fn a_provider_whose_key_comes_later_needs_a_restart_and_the_log_says_so() {
    let (said, _guard) = Said::listen();
    let house = House::empty().await;
    let upstream = Upstream::start(Script::new()).expect("a port");
    let text = format!(
        "[server]\nlisten = \"127.0.0.1:0\"\n[secrets]\npath = {:?}\ncontrol = {:?}\nanchor = \"off\"\nunlock = [\"file:{}\"]\n",
        house.path("orchestra-secrets.db"),
        house.path("control.sock"),
        house.path("key").display(),
    );
    let config = Config::parse(&text, Path::new("x")).expect("it is valid");
    let stage = Stage::serve(&config, house.vault(&config).await, upstream).await;
    until_ready(
        &stage,
        Some("no provider has a key: set one such as OPENAI_API_KEY, or configure a provider"),
    )
    .await;
    house.set("OPENAI_API_KEY", FIRST_KEY).await;
    let mut log = String::new();
    let told = async {
        while !log.contains("restart the server to use provider openai") {
            tokio::time::sleep(Duration::from_millis(50)).await;
            log.push_str(&said.take());
        }
    };
    soon("the log to say what helps", told).await;
}

/// The database is put back while its server runs: to before a key was revoked, and to before something that has nothing
/// to do with the server's keys.
#[tokio::test]
async fn a_store_that_is_put_back_under_a_running_server_seals_it() {
    for revoking in [true, false] {
        let house = House::build().await;
        let stage = house.serve(FROM_STORE, accepting(&[FIRST_KEY])).await;
        until_ready(&stage, None).await;
        let mut thief = thief(&house).await;
        let tables = ["secrets_store", "secrets_entries", "secrets_audit"];
        for table in tables {
            run(
                &mut thief,
                format!("CREATE TABLE kept.{table} AS SELECT * FROM main.{table}"),
            )
            .await;
        }
        if revoking {
            house
                .operator
                .revoke(&named(NAME), None)
                .await
                .expect("it is there");
            until_ready(&stage, Some("no provider has a key that may be used")).await;
        } else {
            house.set("other", "nobody asks for this").await;
            // The server looks once a second.
            tokio::time::sleep(Duration::from_millis(2_500)).await;
        }
        run(&mut thief, "BEGIN IMMEDIATE".to_owned()).await;
        for table in tables {
            run(&mut thief, format!("DELETE FROM main.{table}")).await;
            run(
                &mut thief,
                format!("INSERT INTO main.{table} SELECT * FROM kept.{table}"),
            )
            .await;
        }
        run(&mut thief, "COMMIT".to_owned()).await;
        until_sealed(&stage, "rolled_back").await;
        assert_eq!(refusal(&stage).await, (503, "sealed".to_owned()));
    }
}

/// A database that shows what no store wrote is not believed, and keys that are known go on working.
#[tokio::test]
async fn a_store_that_is_tampered_with_under_a_running_server_is_not_followed() {
    let house = House::build().await;
    let stage = house.serve(FROM_STORE, accepting(&[FIRST_KEY])).await;
    until_ready(&stage, None).await;
    let forged = "UPDATE secrets_store SET epoch = epoch + 1".to_owned();
    run(&mut thief(&house).await, forged).await;
    let noticed = async {
        loop {
            let status = house.status().await;
            if status["failure"].to_string().contains("tampered") {
                return status;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    let status = soon("the server to notice", noticed).await;
    assert_eq!(status["sealed"], false, "{status}");
    assert_eq!(ask(&stage).await.status, 200);
}

/// Somebody at the terminal who takes their time.
#[derive(Debug)]
struct Slow(Mutex<mpsc::Receiver<&'static str>>);

impl Prompt for Slow {
    fn passphrase(&self, _: &str) -> io::Result<Option<Zeroizing<String>>> {
        let typed = self.0.lock().expect("one waits at a time").recv();
        Ok(typed.ok().map(|text| Zeroizing::new(text.to_owned())))
    }
}

fn slow_typist(house: &mut House) -> mpsc::Sender<&'static str> {
    let (keyboard, typed) = mpsc::channel();
    house.prompt = Arc::new(Slow(Mutex::new(typed)));
    house.secrets = "unlock = [\"prompt\"]".to_owned();
    keyboard
}

#[tokio::test]
async fn a_passphrase_is_asked_for_while_the_server_answers_and_may_be_mistyped() {
    let mut house = House::build().await;
    let keyboard = slow_typist(&mut house);
    let stage = house.serve(FROM_STORE, accepting(&[FIRST_KEY])).await;
    until_sealed(&stage, "unlocking").await;
    keyboard.send("mistyped mistyped").expect("somebody waits");
    assert_eq!(refusal(&stage).await, (503, "sealed".to_owned()));
    keyboard.send(PASSPHRASE).expect("somebody waits");
    until_ready(&stage, None).await;
    assert_eq!(ask(&stage).await.status, 200);
}

/// A passphrase that comes after an operator sealed the server does not undo that.
#[tokio::test]
async fn what_an_operator_sealed_is_unsealed_by_an_operator_alone() {
    let mut house = House::build().await;
    let keyboard = slow_typist(&mut house);
    let stage = house.serve(FROM_STORE, accepting(&[FIRST_KEY])).await;
    until_sealed(&stage, "unlocking").await;
    house.unseal().await;
    assert_eq!(ask(&stage).await.status, 200);
    house.seal().await;
    keyboard.send(PASSPHRASE).expect("somebody waits");
    tokio::time::sleep(Duration::from_secs(2)).await;
    until_sealed(&stage, "sealed_by_operator").await;
    assert_eq!(refusal(&stage).await, (503, "sealed".to_owned()));
    house.unseal().await;
    assert_eq!(ask(&stage).await.status, 200);
}

/// The database is put back while its anchor remembers more.
#[tokio::test]
async fn a_store_that_was_put_back_starts_sealed_and_says_why() {
    let house = House::build().await;
    house.operator.close().await;
    let old = fs::read(house.path("orchestra-secrets.db")).expect("it is there");
    {
        let stage = house.serve(FROM_STORE, accepting(&[FIRST_KEY])).await;
        until_ready(&stage, None).await;
        let (serving, _) = stage.stop();
        serving.await.expect("it does not panic");
    }
    for ending in ["-wal", "-shm"] {
        let _ = fs::remove_file(house.path(&format!("orchestra-secrets.db{ending}")));
    }
    let database = house.path("orchestra-secrets.db");
    fs::write(house.path("old"), old).expect("there is room");
    fs::rename(house.path("old"), &database).expect("it is ours");
    let stage = house.serve(FROM_STORE, accepting(&[FIRST_KEY])).await;
    until_sealed(&stage, "rolled_back").await;
    assert_eq!(refusal(&stage).await, (503, "sealed".to_owned()));

    let credential = json!({ "passphrase": PASSPHRASE });
    let (status, body) = house
        .control("POST", "/v1/secrets/unseal", &credential)
        .await;
    assert_eq!(
        (status, &body["error"]["code"]),
        (409, &json!("rolled_back")),
        "{body}"
    );
    let epoch = house.status().await["store"]["epoch"].as_u64();
    let accepting = json!({ "passphrase": PASSPHRASE, "accept_epoch": epoch });
    let (status, body) = house
        .control("POST", "/v1/secrets/unseal", &accepting)
        .await;
    assert_eq!(status, 200, "{body}");
    assert_eq!(ask(&stage).await.status, 200);
}

#[tokio::test]
async fn a_store_that_was_tampered_with_starts_sealed_and_says_why() {
    let house = House::build().await;
    house.operator.close().await;
    let path = house.path("orchestra-secrets.db");
    let mut bytes = fs::read(&path).expect("it is there");
    // The manifest's magic, and behind it what it lists.
    let at = bytes.windows(4).rposition(|window| window == b"ORMF");
    let at = at.unwrap_or_else(|| panic!("the database has a manifest"));
    bytes[at + 40] ^= 1;
    fs::write(&path, bytes).expect("there is room");
    let stage = house.serve(FROM_STORE, Script::new()).await;
    until_sealed(&stage, "tampered").await;
}

#[tokio::test]
async fn sealing_stops_every_call_at_once_and_unsealing_resumes_without_a_restart() {
    let house = House::build().await;
    let stage = house.serve(FROM_STORE, accepting(&[FIRST_KEY])).await;
    until_ready(&stage, None).await;
    assert_eq!(ask(&stage).await.status, 200);
    house.seal().await;
    assert_eq!(refusal(&stage).await, (503, "sealed".to_owned()));
    let (status, body) = ready(&stage).await;
    assert_eq!(
        (status, &body["sealed"]["why"]),
        (503, &json!("sealed_by_operator"))
    );
    assert_eq!(house.status().await["providers"][0]["state"], "sealed");
    // It is not unsealed by what unsealed it at the start: only by an operator.
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    assert_eq!(refusal(&stage).await, (503, "sealed".to_owned()));
    house.unseal().await;
    assert_eq!(ready(&stage).await.0, 200);
    assert_eq!(ask(&stage).await.status, 200);
}

/// Without `[[providers]]` and without `key`, names are looked for in the store and then in the environment.
#[tokio::test]
async fn names_that_providers_use_are_found_in_the_store_first() {
    let mut house = House::empty().await;
    house.set("OPENAI_API_KEY", FIRST_KEY).await;
    house.variables.push((
        "OPENAI_API_KEY".to_owned(),
        "another-key-0123456789".to_owned(),
    ));
    house.variables.push((
        "DEEPSEEK_API_KEY".to_owned(),
        "deepseek-key-0123456789".to_owned(),
    ));
    let stage = house.serve("", accepting(&[FIRST_KEY])).await;
    until_ready(&stage, None).await;
    assert_eq!(ask(&stage).await.status, 200);
    let status = house.status().await;
    assert_eq!(
        status["providers"][0]["keys"][0]["name"],
        "store:OPENAI_API_KEY"
    );

    let text = format!(
        "[secrets]\npath = {:?}\nunlock = [\"file:{}\"]\n",
        house.path("orchestra-secrets.db"),
        house.path("key").display()
    );
    let config = Config::parse(&text, Path::new("x")).expect("it is valid");
    let catalogue = Catalogue::embedded();
    let built = config.build(&catalogue, house.vault(&config).await).await;
    let built = built.expect("nothing is missing");
    built.keeper.unlock().await;
    let providers = built.providers.now();
    let members = providers.members();
    let names: Vec<_> = members
        .map(|member| member.provider.id().as_str())
        .collect();
    assert_eq!(names, ["deepseek", "openai"]);
}

#[tokio::test]
async fn a_name_that_is_revoked_in_the_store_is_not_taken_from_the_environment() {
    let mut house = House::empty().await;
    house.set("OPENAI_API_KEY", FIRST_KEY).await;
    house
        .operator
        .revoke(&named("OPENAI_API_KEY"), None)
        .await
        .expect("it is there");
    house
        .variables
        .push(("OPENAI_API_KEY".to_owned(), FIRST_KEY.to_owned()));
    let stage = house.serve("", accepting(&[FIRST_KEY])).await;
    until_ready(&stage, Some("no provider has a key that may be used")).await;
    let answer = ask(&stage).await;
    assert!(answer.text().contains("revoked"), "{}", answer.text());
}

#[tokio::test]
async fn client_keys_come_from_the_store_too() {
    let house = House::build().await.unlocked_by("file:no-such-file");
    house.set("app", "client-key-canary-0123456789").await;
    let upstream = Upstream::start(accepting(&[FIRST_KEY])).expect("a port");
    let text = format!(
        "[server]\nlisten = \"127.0.0.1:0\"\nclient_keys = [{{ name = \"app\", key = \"store:app\" }}]\n\
         [[providers]]\nkind = \"openai\"\nbase_url = \"{}/v1\"\n{FROM_STORE}\n[secrets]\npath = {:?}\ncontrol = {:?}\nanchor = \"off\"\nunlock = [\"file:none\"]\n",
        upstream.base_url(),
        house.path("orchestra-secrets.db"),
        house.path("control.sock"),
    );
    let config = Config::parse(&text, Path::new("x")).expect("it is valid");
    let vault = house.vault(&config).await;
    let stage = Stage::serve(&config, vault, upstream).await;
    let asking = |key: &str| {
        let body = r#"{"model":"openai/gpt-5-mini","messages":[{"role":"user","content":"Hi"}]}"#;
        let header = format!("authorization: Bearer {key}\r\n");
        request_with("POST", "/v1/chat/completions", &header, body.as_bytes())
    };
    let right = asking("client-key-canary-0123456789");
    assert_eq!(call(&stage, &right).await.status, 503);
    house.unseal().await;
    assert_eq!(call(&stage, &right).await.status, 200);
    assert_eq!(
        call(&stage, &asking("client-key-of-nobody-0123"))
            .await
            .status,
        401
    );
    let (status, _) = house
        .control("POST", "/v1/secrets/app/revoke", &json!({}))
        .await;
    assert_eq!(status, 200);
    assert_eq!(call(&stage, &right).await.status, 401);
    // With its only client key gone, the server is not open to everybody.
    assert_eq!(
        call(&stage, &local("GET", "/v1/models", "")).await.status,
        401
    );
}

#[tokio::test]
async fn a_secret_of_another_tenant_is_written_with_its_tenant() {
    let house = House::empty().await;
    house.set(&format!("acme/{NAME}"), FIRST_KEY).await;
    let stage = house
        .serve("key = \"store:acme/openai\"", accepting(&[FIRST_KEY]))
        .await;
    until_ready(&stage, None).await;
    assert_eq!(ask(&stage).await.status, 200);
}

#[tokio::test]
async fn nothing_is_made_where_there_is_no_store() {
    let folder = tempfile::tempdir().expect("there is room");
    let config = Config::parse("", Path::new("x")).expect("it is valid");
    let variables = Variables::from_pairs([("OPENAI_API_KEY", FIRST_KEY)]);
    let prompt = Arc::new(orchestra_server::secrets::NoPrompt);
    let vault = Vault::open(&config.secrets, folder.path(), variables, prompt).await;
    let catalogue = Catalogue::embedded();
    let built = config.build(&catalogue, vault.expect("a place")).await;
    let built = built.expect("the key is in the environment");
    assert_eq!(built.providers.now().members().count(), 1);
    assert_eq!(fs::read_dir(folder.path()).expect("it is there").count(), 0);
}
