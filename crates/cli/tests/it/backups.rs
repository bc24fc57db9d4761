//! `secrets export`, `restore`, `verify`, `accept-restore`

use std::fs;
use std::os::unix::fs::PermissionsExt;

use crate::canary::{self, SECOND, VALUE};
use crate::place::{Place, text};
use crate::session::Session;
use crate::transcript::Transcript;

/// Files that only their owner can read, as a store's key file must be.
fn copy_key(from: &Place, to: &Place) {
    fs::copy(from.key("key"), to.key("key")).unwrap();
    to.watch(fs::read_to_string(to.key("key")).unwrap().trim());
}

#[test]
fn a_backup_is_written_proved_and_restored_elsewhere() {
    let place = Place::with_store();
    place.set("OPENAI_API_KEY", VALUE);
    place.set("OPENAI_API_KEY", SECOND);
    Transcript::of(&place)
        .run(&["secrets", "export", "--out", "backup"])
        .run(&["secrets", "export", "--out", "backup"])
        .run(&["secrets", "export", "--out", "backup-2", "--json"])
        .both(&["secrets", "verify"])
        .both(&["secrets", "verify", "backup"])
        .run(&["secrets", "restore", "backup"])
        .is("backup.txt");
    let backup = place.file("backup");
    assert_eq!(
        fs::metadata(&backup).unwrap().permissions().mode() & 0o777,
        0o600
    );
    assert_eq!(
        canary::find(&fs::read(&backup).unwrap(), &place.watched()),
        None
    );

    let elsewhere = Place::new();
    copy_key(&place, &elsewhere);
    fs::copy(&backup, elsewhere.file("backup")).unwrap();
    Transcript::of(&elsewhere)
        .run(&["secrets", "restore", "backup"])
        .run(&["secrets", "verify"])
        .run(&["secrets", "list"])
        .is("restore.txt");
    elsewhere
        .run(["secrets", "check"])
        .succeeds()
        .says("in the store, version 2");
}

#[test]
fn the_recovery_key_alone_proves_a_backup() {
    let place = Place::with_store();
    place.set("OPENAI_API_KEY", VALUE);
    place
        .run(["secrets", "export", "--out", "backup"])
        .succeeds();
    let recovery = fs::read_to_string(place.key("recovery")).unwrap();
    // Nothing of the store is there but the backup.
    let elsewhere = Place::new();
    fs::copy(place.file("backup"), elsewhere.file("backup")).unwrap();
    let mut session = Session::start(&elsewhere, &["secrets", "verify", "backup", "--recovery"]);
    session.answers("Recovery key: ", recovery.trim());
    let shown = session.succeeds();
    assert!(
        shown.contains("Whole: ") && shown.contains("1 version(s) of secrets opened"),
        "{shown}"
    );
    assert!(!elsewhere.file("orchestra-secrets.db").exists());
    let mut session = Session::start(&elsewhere, &["secrets", "restore", "backup", "--recovery"]);
    session.answers("Recovery key: ", recovery.trim());
    session.succeeds();
    elsewhere
        .run(["secrets", "list"])
        .succeeds()
        .says("OPENAI_API_KEY");
}

#[test]
fn a_backup_that_was_changed_is_refused() {
    let place = Place::with_store();
    place.set("OPENAI_API_KEY", VALUE);
    place
        .run(["secrets", "export", "--out", "backup"])
        .succeeds();
    let sound = fs::read(place.file("backup")).unwrap();
    let elsewhere = Place::new();
    copy_key(&place, &elsewhere);
    let last = sound.len() - 1;
    let mut changed = sound.clone();
    changed[last] ^= 1;
    for bytes in [
        &changed,
        &sound[..last].to_vec(),
        &Vec::new(),
        &b"no backup".to_vec(),
    ] {
        fs::write(elsewhere.file("backup"), bytes).unwrap();
        for command in ["verify", "restore"] {
            let ran = elsewhere.run(["secrets", command, "backup"]).exits(2);
            assert!(ran.stderr.contains("tampered"), "{ran:?}");
        }
    }
    elsewhere
        .run(["secrets", "verify", "missing"])
        .refuses("cannot be read");
    elsewhere
        .run(["secrets", "list"])
        .refuses("orchestra secrets init");
}

#[test]
fn another_stores_key_file_does_not_open_it() {
    let (place, other) = (Place::with_store(), Place::with_store());
    place
        .run(["secrets", "export", "--out", "backup"])
        .succeeds();
    let key = other.key("key");
    place
        .run(["secrets", "verify", "--key-file", text(&key)])
        .refuses("does not open the store");
    place
        .run(["secrets", "verify", "backup", "--key-file", text(&key)])
        .refuses("does not open the store");
}

#[test]
fn what_was_changed_in_the_database_is_named() {
    let place = Place::with_store();
    place.set("OPENAI_API_KEY", VALUE);
    place.set("ANTHROPIC_API_KEY", SECOND);
    place.sql("UPDATE secrets_entries SET origin = 'https://evil.example.com' WHERE name = 'OPENAI_API_KEY'");
    let told = place.run(["secrets", "verify", "--json"]).exits(1).json();
    let problems = told["problems"].as_array().unwrap();
    assert_eq!(problems.len(), 1, "{problems:?}");
    assert!(
        problems[0].as_str().unwrap().contains("OPENAI_API_KEY"),
        "{problems:?}"
    );
    place
        .run(["secrets", "verify"])
        .exits(1)
        .says("NOT WHOLE")
        .says("version 1 of secret OPENAI_API_KEY");
    // It can be erased and entered again, as the refusal says.
    let refused = place.pipe(VALUE.as_bytes(), ["secrets", "rotate", "OPENAI_API_KEY"]);
    refused.refuses("orchestra secrets revoke OPENAI_API_KEY --version 1");
    place
        .run([
            "secrets",
            "revoke",
            "OPENAI_API_KEY",
            "--version",
            "1",
            "--yes",
        ])
        .succeeds();
    place.set("OPENAI_API_KEY", VALUE);
    place.run(["secrets", "verify"]).succeeds();
    // The other one is as good as before.
    place
        .pipe(VALUE.as_bytes(), ["secrets", "rotate", "ANTHROPIC_API_KEY"])
        .succeeds();
    place.sql("DELETE FROM secrets_entries WHERE name = 'ANTHROPIC_API_KEY' AND version = 1");
    place
        .run(["secrets", "verify"])
        .exits(1)
        .says("version 1 of secret ANTHROPIC_API_KEY is missing");
}

#[test]
fn a_database_that_was_put_back_must_be_accepted() {
    let place = Place::with_store();
    place.set("OPENAI_API_KEY", VALUE);
    let database = place.file("orchestra-secrets.db");
    let old = fs::read(&database).unwrap();
    place.set("OPENAI_API_KEY", SECOND);
    fs::write(&database, old).unwrap();
    let refused = place
        .run(["secrets", "verify"])
        .refuses("accept-restore --epoch");
    let epoch = refused.stderr.split("--epoch ").nth(1).unwrap();
    let epoch = epoch.split_whitespace().next().unwrap();
    place
        .pipe(VALUE.as_bytes(), ["secrets", "set", "OPENAI_API_KEY"])
        .refuses("accept-restore");
    // A key file lies beside the server: that is not enough.
    place
        .run(["secrets", "accept-restore", "--epoch", epoch])
        .refuses("takes a passphrase or the recovery key");
    let recovery = fs::read_to_string(place.key("recovery")).unwrap();
    let accept = |epoch: &str| {
        let mut session = Session::start(
            &place,
            &["secrets", "accept-restore", "--epoch", epoch, "--recovery"],
        );
        session.answers("Recovery key: ", recovery.trim());
        session.ends()
    };
    let (code, shown) = accept("1");
    assert_eq!(code, Some(2), "{shown}");
    let (code, shown) = accept(epoch);
    assert_eq!(code, Some(0), "{shown}");
    place.run(["secrets", "verify"]).succeeds();
}

#[test]
fn an_anchor_that_was_changed_is_noticed() {
    let place = Place::with_store();
    place.set("OPENAI_API_KEY", VALUE);
    let told = place.run(["secrets", "status", "--json"]).json();
    let anchor = std::path::PathBuf::from(told["anchor"].as_str().unwrap());
    let mut bytes = fs::read(&anchor).unwrap();
    bytes[10] ^= 1;
    fs::write(&anchor, bytes).unwrap();
    place
        .run(["secrets", "verify"])
        .refuses("accept-restore --epoch N");
}
