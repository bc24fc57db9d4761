//! `orchestra audit`

use std::fs;

use crate::canary::{SECOND, VALUE};
use crate::place::Place;
use crate::transcript::Transcript;

fn busy() -> Place {
    let place = Place::with_store();
    place.set("OPENAI_API_KEY", VALUE);
    place.set("OPENAI_API_KEY", SECOND);
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
    place
}

#[test]
fn the_log_is_read_checked_and_signed() {
    let place = busy();
    Transcript::of(&place)
        .both(&["audit", "tail"])
        .run(&["audit", "tail", "-n", "2"])
        .run(&["audit", "tail", "-n", "0"])
        .run(&["audit", "export", "--after", "9"])
        .run(&["audit", "export", "--format", "text", "--after", "99"])
        .both(&["audit", "verify"])
        .is("audit.txt");
    let lines = place.run(["audit", "export"]).succeeds().stdout;
    let sequence: Vec<u64> = lines
        .lines()
        .map(|line| {
            serde_json::from_str::<serde_json::Value>(line).unwrap()["seq"]
                .as_u64()
                .unwrap()
        })
        .collect();
    assert_eq!(sequence, (1..=sequence.len() as u64).collect::<Vec<_>>());
}

#[test]
fn a_checkpoint_that_was_kept_finds_a_log_that_was_cut() {
    let place = busy();
    let database = place.file("orchestra-secrets.db");
    let old = fs::read(&database).unwrap();
    let made = place
        .run(["audit", "checkpoint", "--out", "kept"])
        .succeeds();
    assert!(made.stdout.contains("orchestra-secrets/"), "{made:?}");
    place.run(["audit", "checkpoint", "--out", "kept"]).exits(2);
    assert!(
        place
            .run(["audit", "checkpoint"])
            .succeeds()
            .stdout
            .starts_with("orchestra-secrets/")
    );
    let told = place
        .run(["audit", "checkpoint", "--json"])
        .succeeds()
        .json();
    assert!(
        told["key"]
            .as_str()
            .unwrap()
            .starts_with("orchestra-secrets/")
    );
    place
        .run(["audit", "verify", "--checkpoint", "kept"])
        .succeeds()
        .says("holds everything that the checkpoint covers");
    // The whole database is put back, and the anchor with it: only the checkpoint tells.
    fs::write(&database, old).unwrap();
    fs::remove_dir_all(place.folder().join("home")).unwrap();
    place.run(["audit", "verify"]).succeeds();
    let told = place
        .run(["audit", "verify", "--checkpoint", "kept", "--json"])
        .exits(1)
        .json();
    assert_eq!(told["ok"], false);
    assert!(told["first_bad"].is_u64(), "{told}");
    place.write("kept-2", "no checkpoint\n");
    place
        .run(["audit", "verify", "--checkpoint", "kept-2"])
        .refuses("no checkpoint");
    place
        .run(["audit", "verify", "--checkpoint", "missing"])
        .refuses("cannot be read");
    let other = busy();
    other
        .run(["audit", "checkpoint", "--out", "kept"])
        .succeeds();
    let kept = fs::read(other.file("kept")).unwrap();
    fs::write(place.file("kept-2"), kept).unwrap();
    place
        .run(["audit", "verify", "--checkpoint", "kept-2"])
        .refuses("another store's");
}

#[test]
fn the_first_bad_entry_is_named() {
    for (statement, seq) in [
        (
            "UPDATE secrets_audit SET entry = zeroblob(40) WHERE seq = 3",
            3,
        ),
        ("DELETE FROM secrets_audit WHERE seq = 4", 4),
        ("DELETE FROM secrets_audit WHERE seq > 5", 6),
    ] {
        let place = busy();
        place.sql(statement);
        let told = place.run(["audit", "verify", "--json"]).exits(1).json();
        assert_eq!(
            (&told["ok"], &told["first_bad"]),
            (&false.into(), &seq.into()),
            "{statement}"
        );
        place
            .run(["audit", "verify"])
            .exits(1)
            .says(&format!("entry {seq} of the audit log is"));
    }
}
