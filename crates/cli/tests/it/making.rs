//! `secrets init`

use std::fs;
use std::os::unix::fs::PermissionsExt;

use crate::place::{Place, text};
use crate::transcript::Transcript;

fn mode(path: &std::path::Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn a_store_for_an_unattended_server() {
    let place = Place::new();
    let key = place.key("new-key");
    let recovery = place.key("new-recovery");
    Transcript::of(&place)
        .run(&[
            "secrets",
            "init",
            "--key-file",
            text(&key),
            "--new-key-file",
            "--recovery-out",
            text(&recovery),
        ])
        .both(&["secrets", "status"])
        .both(&["secrets", "slots", "list"])
        .is("init.txt");
    for file in [&key, &recovery, &place.file("orchestra-secrets.db")] {
        assert_eq!(mode(file), 0o600, "{}", file.display());
    }
    let shown = fs::read_to_string(&recovery).unwrap();
    assert_eq!(shown.trim().split('-').count(), 14);
}

#[test]
fn a_program_gets_the_recovery_key_as_json_when_it_asks() {
    let place = Place::new();
    let key = place.key("key");
    let made = place.run([
        "secrets",
        "init",
        "--json",
        "--key-file",
        text(&key),
        "--new-key-file",
    ]);
    let told = made.succeeds().json();
    let recovery = told["recovery_key"].as_str().unwrap();
    assert_eq!(recovery.len(), 14 * 4 + 13);
    assert_eq!(told["slots"][0]["kind"], "key_file");
    assert_eq!(told["slots"][1]["kind"], "recovery");
    place.watch(recovery);
    // Nothing shows it a second time.
    for arguments in [
        vec!["status"],
        vec!["slots", "list"],
        vec!["verify"],
        vec!["list"],
    ] {
        place
            .run([vec!["secrets"], arguments, vec!["--json"]].concat())
            .succeeds();
    }
}

#[test]
fn what_cannot_be_done_is_refused_before_anything_is_made() {
    let place = Place::new();
    let (key, there) = (place.key("k"), place.key("there"));
    fs::write(&there, "x").unwrap();
    let missing = place.key("missing");
    for (arguments, words) in [
        // Nobody can type a passphrase, nobody sees a recovery key.
        (vec![], "there is no terminal"),
        (
            vec!["--passphrase", "--recovery-out", "r"],
            "there is no terminal",
        ),
        (
            vec!["--key-file", text(&key), "--new-key-file"],
            "--recovery-out",
        ),
        (
            vec!["--key-file", text(&missing), "--recovery-out", "r"],
            "--new-key-file",
        ),
        (
            vec![
                "--key-file",
                text(&there),
                "--new-key-file",
                "--recovery-out",
                "r",
            ],
            "not overwritten",
        ),
        (
            vec!["--key-file", text(&there), "--recovery-out", "r"],
            "can be read by others",
        ),
        (
            vec![
                "--key-file",
                text(&key),
                "--new-key-file",
                "--recovery-out",
                text(&there),
            ],
            "not overwritten",
        ),
        (vec!["--new-key-file"], "--key-file"),
        (vec!["--both"], "--key-file"),
        (
            vec!["--both", "--passphrase", "--key-file", "k"],
            "cannot be used with",
        ),
    ] {
        place
            .run([vec!["secrets", "init"], arguments].concat())
            .refuses(words);
        assert!(!place.file("orchestra-secrets.db").exists());
        assert!(!place.file("r").exists() && !key.exists());
    }
    assert_eq!(fs::read(&there).unwrap(), b"x");
}

#[test]
fn a_key_file_with_too_little_in_it_is_refused() {
    let place = Place::new();
    let short = place.key("short");
    fs::write(&short, "0123456789").unwrap();
    fs::set_permissions(&short, fs::Permissions::from_mode(0o600)).unwrap();
    let made = place.run([
        "secrets",
        "init",
        "--key-file",
        text(&short),
        "--recovery-out",
        "r",
    ]);
    made.refuses("at least 32 bytes");
    assert!(!place.file("r").exists() && !place.file("orchestra-secrets.db").exists());
}

#[test]
fn a_second_store_is_not_made_over_the_first() {
    let place = Place::with_store();
    let again = place.run([
        "secrets",
        "init",
        "--key-file",
        text(&place.key("k2")),
        "--new-key-file",
        "--recovery-out",
        "r",
    ]);
    again.refuses("`orchestra secrets status` shows it");
    assert!(!place.key("k2").exists() && !place.file("r").exists());
    place.run(["secrets", "verify"]).succeeds();
}

#[test]
fn a_key_beside_the_store_is_warned_of() {
    let place = Place::new();
    let made = place.run([
        "secrets",
        "init",
        "--key-file",
        "k",
        "--new-key-file",
        "--recovery-out",
        "r",
    ]);
    made.succeeds()
        .says("whoever copies the folder can open it");
}

#[test]
fn a_place_of_its_own_can_be_configured() {
    let place = Place::new();
    fs::create_dir(place.file("state")).unwrap();
    place.write(
        "orchestra.toml",
        "[secrets]\npath = \"state/keys.db\"\nanchor = \"state/keys.anchor\"\n",
    );
    place.init();
    assert!(place.file("state/keys.db").exists() && place.file("state/keys.anchor").exists());
    assert!(!place.file("orchestra-secrets.db").exists());
    place.set("OPENAI_API_KEY", crate::canary::VALUE);
    place
        .run(["secrets", "check"])
        .succeeds()
        .says("in the store, version 1");
}

#[test]
fn without_a_store_every_command_says_how_to_make_one() {
    let place = Place::new();
    for arguments in [
        vec!["secrets", "list"],
        vec!["secrets", "status"],
        vec!["secrets", "verify"],
        vec!["secrets", "rekey"],
        vec!["secrets", "passwd"],
        vec!["secrets", "slots", "list"],
        vec!["secrets", "revoke", "A", "--yes"],
        vec!["secrets", "rm", "A", "--yes"],
        vec!["secrets", "rotate", "A"],
        vec!["secrets", "set", "OPENAI_API_KEY"],
        vec!["secrets", "export", "--out", "backup"],
        vec!["secrets", "accept-restore", "--epoch", "1"],
        vec!["audit", "verify"],
        vec!["audit", "tail"],
        vec!["audit", "export"],
        vec!["audit", "checkpoint"],
    ] {
        place.run(&arguments).refuses("orchestra secrets init");
        assert!(
            !place.file("orchestra-secrets.db").exists(),
            "{arguments:?}"
        );
        assert!(!place.file("backup").exists());
    }
    place
        .run(["secrets", "check"])
        .exits(1)
        .says("orchestra secrets init");
}
