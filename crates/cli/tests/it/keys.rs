//! `secrets slots`, `rekey`

use crate::canary::{SECOND, VALUE};
use crate::place::{Place, text};
use crate::transcript::Transcript;

#[test]
fn slots_come_and_go() {
    let place = Place::with_store();
    let [key, second] = ["key", "second"].map(|name| place.key(name));
    let add = [
        "secrets",
        "slots",
        "add",
        "key-file",
        "--slot-key-file",
        text(&second),
        "--new-key-file",
    ];
    Transcript::of(&place)
        .run(&add)
        .run(&["secrets", "slots", "list"])
        .run(&["secrets", "slots", "rm", "1"])
        .run(&[
            "secrets",
            "slots",
            "rm",
            "1",
            "--yes",
            "--key-file",
            text(&second),
        ])
        .run(&[
            "secrets",
            "slots",
            "rm",
            "1",
            "--yes",
            "--key-file",
            text(&second),
        ])
        .run(&["secrets", "slots", "add", "key-file"])
        .run(&[
            "secrets",
            "slots",
            "add",
            "passphrase",
            "--key-file",
            text(&second),
        ])
        .run(&["secrets", "verify"])
        .run(&["secrets", "verify", "--key-file", text(&key)])
        .run(&["secrets", "verify", "--key-file", text(&second)])
        .is("slots.txt");
}

#[test]
fn the_data_key_is_replaced() {
    let place = Place::with_store();
    place.set("OPENAI_API_KEY", VALUE);
    place.set("OPENAI_API_KEY", SECOND);
    place.set("ANTHROPIC_API_KEY", VALUE);
    Transcript::of(&place)
        .run(&["secrets", "rekey"])
        .run(&["secrets", "list"])
        .run(&["secrets", "rekey", "--destroy", "2", "--yes"])
        .run(&["secrets", "rekey", "--destroy", "1"])
        .both(&["secrets", "rekey", "--destroy", "1", "--yes"])
        .run(&["secrets", "rekey", "--json"])
        .run(&["secrets", "rekey", "--root", "--destroy", "1"])
        .run(&["secrets", "verify"])
        .is("rekey.txt");
}

#[test]
fn the_root_key_is_replaced() {
    let place = Place::with_store();
    place.set("OPENAI_API_KEY", VALUE);
    let recovery = place.key("recovery-2");
    let rekey = [
        "secrets",
        "rekey",
        "--root",
        "--recovery-out",
        text(&recovery),
    ];
    Transcript::of(&place)
        .run(&["secrets", "rekey", "--root"])
        .run(&rekey)
        .run(&["secrets", "slots", "list"])
        .run(&["secrets", "verify"])
        .is("rekey_root.txt");
    assert_ne!(
        std::fs::read_to_string(&recovery).unwrap(),
        std::fs::read_to_string(place.key("recovery")).unwrap()
    );
}

#[test]
fn a_slot_that_nobody_has_the_key_of_goes_only_if_asked() {
    let place = Place::with_store();
    let second = place.key("second");
    let add = [
        "secrets",
        "slots",
        "add",
        "key-file",
        "--slot-key-file",
        text(&second),
        "--new-key-file",
    ];
    place.run(add).succeeds();
    place.watch(std::fs::read_to_string(&second).unwrap().trim());
    let rekey = |more: &[&str]| {
        let recovery = place.key("recovery-2");
        let base = [
            "secrets",
            "rekey",
            "--root",
            "--recovery-out",
            text(&recovery),
        ];
        place.run([&base[..], more].concat())
    };
    rekey(&[]).refuses("--drop-others");
    assert!(!place.key("recovery-2").exists());
    rekey(&["--slot-key-file", text(&second)]).succeeds();
    std::fs::remove_file(place.key("recovery-2")).unwrap();
    rekey(&["--drop-others"])
        .succeeds()
        .says("These slots are gone");
    place
        .run(["secrets", "verify", "--key-file", text(&second)])
        .refuses("does not open");
    place.run(["secrets", "verify"]).succeeds();
}
