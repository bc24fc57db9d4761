//! The log as text, and what somebody can check who has nothing but that text, a checkpoint and a public key.

use orchestra_secrets::{AuditEntry, Store, StoreParts};
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::databases::{Database, on_each_database};
use crate::stores::{create, get, name, parts, set};

on_each_database!(
    an_actor_stays_within_its_quotes,
    the_lines_alone_are_enough_to_check_the_log,
);

async fn lines(store: &Store) -> Vec<String> {
    let entries = store.audit_entries(0, 1000).await.unwrap();
    entries.iter().map(AuditEntry::to_json_line).collect()
}

async fn an_actor_stays_within_its_quotes(database: Database) {
    create(&database, None).await;
    let actor = "x\",\"action\":\"nothing\"}\n\u{1b}[2J\u{202e}\u{2028}\u{1f600}\\";
    let parts = StoreParts {
        actor: actor.to_owned(),
        ..parts(&database, None).await
    };
    let store = Store::open(parts).await.unwrap();
    store.unseal(crate::stores::credential()).await.unwrap();
    let line = lines(&store).await.remove(1);
    assert!(
        line.bytes().all(|byte| (b' '..=b'~').contains(&byte)),
        "{line}"
    );
    let value: Value = serde_json::from_str(&line).unwrap();
    assert_eq!(value["actor"], actor);
    assert_eq!(value["action"], "store.unsealed");
    assert_eq!(value.as_object().unwrap().len(), 11);
}

async fn the_lines_alone_are_enough_to_check_the_log(database: Database) {
    let store = create(&database, None).await.store;
    set(&store, "A", "1").await;
    get(&store, "A").await.unwrap();
    store.rotate_key().await.unwrap();
    store.remove(&name("A")).await.unwrap();
    let checkpoint = store.checkpoint().await.unwrap().unwrap();
    let covered = checkpoint.verify(&store.checkpoint_key().unwrap()).unwrap();
    let mut lines = lines(&store).await;
    assert_eq!(u64::try_from(lines.len()).unwrap(), covered.seq);
    assert_eq!(chained(&lines), covered.hash);
    lines[1] = lines[1].replace("\"A\"", "\"B\"");
    assert_ne!(chained(&lines), covered.hash);
}

/// The hash of the last entry, calculated anew from the text as `docs/audit.md` says.
fn chained(lines: &[String]) -> [u8; 32] {
    lines.iter().fold([0; 32], |previous, line| {
        let value: Value = serde_json::from_str(line).unwrap();
        let key = u32::try_from(value["key"].as_u64().unwrap()).unwrap();
        let mut hash = Sha256::new();
        hash.update(b"orchestra/audit/v1\0");
        hash.update(previous);
        hash.update(key.to_be_bytes());
        hash.update(encoded(&value));
        hash.finalize().into()
    })
}

fn encoded(value: &Value) -> Vec<u8> {
    let mut bytes = b"ORAU\x01".to_vec();
    bytes.extend(value["seq"].as_u64().unwrap().to_be_bytes());
    let time = humantime::parse_rfc3339(value["time"].as_str().unwrap()).unwrap();
    let ms = time
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap()
        .as_millis();
    bytes.extend(i64::try_from(ms).unwrap().to_be_bytes());
    text(&value["actor"], &mut bytes);
    bytes.push(code(value["action"].as_str().unwrap()));
    text(&value["tenant"], &mut bytes);
    text(&value["name"], &mut bytes);
    let version = value["version"].as_u64().unwrap_or(0);
    bytes.extend(u32::try_from(version).unwrap().to_be_bytes());
    optional(value["entry"].as_str().map(unhex), &mut bytes);
    let number = value["number"].as_u64();
    optional(
        number.map(|number| number.to_be_bytes().to_vec()),
        &mut bytes,
    );
    bytes
}

fn text(value: &Value, bytes: &mut Vec<u8>) {
    let text = value.as_str().unwrap_or("");
    bytes.extend(u32::try_from(text.len()).unwrap().to_be_bytes());
    bytes.extend(text.as_bytes());
}

fn optional(value: Option<Vec<u8>>, bytes: &mut Vec<u8>) {
    bytes.push(u8::from(value.is_some()));
    bytes.extend(value.unwrap_or_default());
}

fn unhex(text: &str) -> Vec<u8> {
    let digits = (0..text.len()).step_by(2);
    let bytes = digits.map(|at| u8::from_str_radix(&text[at..at + 2], 16));
    bytes.map(Result::unwrap).collect()
}

/// The actions that happen here, by their codes.
fn code(action: &str) -> u8 {
    match action {
        "store.created" => 1,
        "secret.set" => 4,
        "secret.read" => 5,
        "secret.removed" => 8,
        "key.published" => 12,
        "key.reencrypted" => 13,
        "key.rotated" => 14,
        other => panic!("{other}"),
    }
}
