//! `secrets set`, `rotate`, `list`, `revoke`, `rm`, `import`

use std::fs;

use crate::canary::{self, SECOND, VALUE};
use crate::place::Place;
use crate::transcript::Transcript;

#[test]
fn the_life_of_a_secret() {
    let place = Place::with_store();
    let mut transcript = Transcript::of(&place);
    transcript
        .both(&["secrets", "list"])
        .pipe(VALUE, &["secrets", "set", "OPENAI_API_KEY"])
        .both(&["secrets", "list"])
        .pipe(SECOND, &["secrets", "rotate", "OPENAI_API_KEY"])
        .both(&["secrets", "list"])
        .both(&[
            "secrets",
            "revoke",
            "OPENAI_API_KEY",
            "--version",
            "1",
            "--yes",
        ])
        .run(&[
            "secrets",
            "revoke",
            "OPENAI_API_KEY",
            "--version",
            "1",
            "--yes",
        ])
        .run(&["secrets", "revoke", "OPENAI_API_KEY", "--yes"])
        .run(&["secrets", "list", "OPENAI_API_KEY"])
        .pipe(VALUE, &["secrets", "set", "OPENAI_API_KEY", "--json"])
        .both(&["secrets", "rm", "OPENAI_API_KEY", "--yes"])
        .run(&["secrets", "list", "OPENAI_API_KEY"])
        .pipe(SECOND, &["secrets", "rotate", "OPENAI_API_KEY"]);
    transcript.is("life.txt");
    let file = fs::read(place.file("orchestra-secrets.db")).unwrap();
    assert_eq!(canary::find(&file, &place.watched()), None);
}

#[test]
fn a_name_that_nobody_uses_needs_an_origin() {
    let place = Place::with_store();
    place
        .pipe(VALUE.as_bytes(), ["secrets", "set", "SMTP_PASSWORD"])
        .refuses("--origin");
    place
        .pipe(
            VALUE.as_bytes(),
            [
                "secrets",
                "set",
                "SMTP_PASSWORD",
                "--origin",
                "https://mail.example.com/path",
            ],
        )
        .refuses("without a path");
    let set = |more: &[&str]| {
        let arguments = [&["secrets", "set", "SMTP_PASSWORD", "--json"], more].concat();
        place.pipe(VALUE.as_bytes(), arguments).succeeds().json()
    };
    let bound = set(&[
        "--origin",
        "smtp://Mail.example.com:25",
        "--service",
        "mail",
        "--label",
        "team=ops",
        "--label",
        "x=1",
    ]);
    assert_eq!(bound["origin"], "smtp://mail.example.com:25");
    assert_eq!(
        (&bound["service"], &bound["labels"]["team"]),
        (&"mail".into(), &"ops".into())
    );
    let free = set(&["--any-origin", "--expires", "90d"]);
    assert!(free["origin"].is_null() && free["expires"].is_string());
    assert_eq!(free["version"], 2);
}

#[test]
fn rotation_keeps_what_is_said_about_a_secret() {
    let place = Place::with_store();
    let set = [
        "secrets",
        "set",
        "OPENAI_API_KEY",
        "--origin",
        "https://eu.example.com",
        "--label",
        "team=ops",
        "--expires",
        "2199-01-01",
    ];
    place
        .pipe(VALUE.as_bytes(), set)
        .succeeds()
        .says("openai is at https://api.openai.com, and will not get it");
    let rotated = place.pipe(
        SECOND.as_bytes(),
        ["secrets", "rotate", "OPENAI_API_KEY", "--json"],
    );
    let rotated = rotated.succeeds().json();
    assert_eq!(rotated["version"], 2);
    assert_eq!(rotated["origin"], "https://eu.example.com");
    assert_eq!(rotated["labels"]["team"], "ops");
    // The new value has a time of its own.
    assert!(rotated["expires"].is_null());
}

#[test]
fn values_come_from_files_too_and_lose_what_is_around_them() {
    let place = Place::with_store();
    let file = place.write("value", &format!("  {VALUE} \r\n"));
    let set = ["secrets", "set", "OPENAI_API_KEY", "--file", "value"];
    let ran = place.run(set).succeeds();
    assert!(ran.stderr.contains("left off"), "{ran:?}");
    let told = place
        .run([&set[..], &["--json"]].concat())
        .succeeds()
        .json();
    assert_eq!(told["warnings"].as_array().unwrap().len(), 1);
    fs::write(&file, format!("'{VALUE}'\n")).unwrap();
    assert!(place.run(set).succeeds().stderr.contains("quotation marks"));
    fs::write(&file, format!("{VALUE}\n{SECOND}\n")).unwrap();
    place.run(set).refuses("cannot be a key");
    fs::write(&file, format!("OPENAI_API_KEY={VALUE}\n")).unwrap();
    place.run(set).refuses("begins with");
    fs::write(&file, "\n").unwrap();
    place.run(set).refuses("empty");
    fs::write(&file, [0xff, 0xfe]).unwrap();
    place.run(set).refuses("UTF-8");
    fs::write(&file, "x".repeat(70_000)).unwrap();
    place.run(set).refuses("more than");
    fs::remove_file(&file).unwrap();
    place.run(set).refuses("cannot be read");
    place
        .pipe(b"", ["secrets", "set", "OPENAI_API_KEY"])
        .refuses("empty");
    // A text of several lines is fine where nobody sends it in a header.
    fs::write(&file, format!("-----BEGIN-----\n{VALUE}\n-----END-----\n")).unwrap();
    place
        .run([
            "secrets",
            "set",
            "TLS_KEY",
            "--any-origin",
            "--file",
            "value",
        ])
        .succeeds();
}

#[test]
fn nonsense_is_refused_and_changes_nothing() {
    let place = Place::with_store();
    place.set("OPENAI_API_KEY", VALUE);
    let before = place.run(["secrets", "list", "--json"]).stdout;
    for (arguments, words) in [
        (vec!["set", "A B", "--any-origin"], "a secret's name"),
        (
            vec!["set", "OPENAI_API_KEY", "--expires", "yesterday"],
            "90d",
        ),
        (
            vec!["set", "OPENAI_API_KEY", "--expires", "2001-01-01"],
            "expired already",
        ),
        (
            vec!["set", "OPENAI_API_KEY", "--label", "nonsense"],
            "KEY=VALUE",
        ),
        (
            vec![
                "set",
                "OPENAI_API_KEY",
                "--origin",
                "https://a",
                "--any-origin",
            ],
            "cannot be used with",
        ),
        (
            vec!["rotate", "ANTHROPIC_API_KEY"],
            "secrets set ANTHROPIC_API_KEY",
        ),
        (vec!["revoke", "ANTHROPIC_API_KEY", "--yes"], "no secret"),
        (
            vec!["revoke", "OPENAI_API_KEY", "--version", "7", "--yes"],
            "no version 7",
        ),
        (vec!["rm", "ANTHROPIC_API_KEY", "--yes"], "no secret"),
        // Nobody is there to be asked.
        (vec!["revoke", "OPENAI_API_KEY"], "--yes"),
        (vec!["rm", "OPENAI_API_KEY"], "--yes"),
    ] {
        place
            .pipe(SECOND.as_bytes(), [vec!["secrets"], arguments].concat())
            .refuses(words);
    }
    assert_eq!(place.run(["secrets", "list", "--json"]).stdout, before);
}

#[test]
fn an_expired_secret_is_shown_as_one() {
    let place = Place::with_store();
    let set = ["secrets", "set", "OPENAI_API_KEY", "--expires", "1s"];
    place.pipe(VALUE.as_bytes(), set).succeeds();
    let state = || {
        let list = place.run(["secrets", "list", "--json"]).json();
        list[0]["state"].as_str().unwrap().to_owned()
    };
    while state() == "current" {
        std::thread::yield_now();
    }
    assert_eq!(state(), "expired");
    place
        .run(["secrets", "check"])
        .exits(1)
        .says("EXPIRED, version 1: orchestra secrets rotate OPENAI_API_KEY");
}

#[test]
fn an_env_file_is_taken_over() {
    let place = Place::with_store();
    place.write(
        "keys.env",
        &format!(
            "# keys\nexport OPENAI_API_KEY='{VALUE}'\nANTHROPIC_API_KEY={SECOND}\nDEEPSEEK_API_KEY=\n\
             DATABASE_URL={VALUE}\nPORTKEY_CONFIG=pc-canary-config\n"
        ),
    );
    Transcript::of(&place)
        .both(&["secrets", "import", "keys.env", "--dry-run"])
        .run(&["secrets", "list", "--json"])
        .run(&["secrets", "import", "keys.env"])
        .run(&["secrets", "import", "keys.env", "--all", "--json"])
        .run(&["secrets", "list"])
        .is("import.txt");
    assert_eq!(
        fs::read_to_string(place.file("keys.env"))
            .unwrap()
            .matches(VALUE)
            .count(),
        2
    );
}

#[test]
fn a_broken_env_file_is_refused_whole_and_not_repeated() {
    let place = Place::with_store();
    place.write("keys.env", &format!("OPENAI_API_KEY={VALUE}\n{SECOND}\n"));
    place
        .run(["secrets", "import", "keys.env"])
        .refuses("entry 2");
    place
        .run(["secrets", "import", "missing.env"])
        .refuses("cannot be read");
    assert_eq!(place.run(["secrets", "list", "--json"]).stdout, "[]\n");
    place.write("none.env", "NOTHING=1\n");
    place
        .run(["secrets", "import", "none.env"])
        .exits(1)
        .says("Nothing of none.env");
}
