//! What somebody at a terminal is asked, and what is not shown of the answers.

use std::fs;

use crate::canary::{MISTYPED, NEXT_PASSPHRASE, PASSPHRASE, SECOND, VALUE};
use crate::place::Place;
use crate::session::Session;

const NEW: &str = "New passphrase (not shown): ";
const ONCE_MORE: &str = "Once more: ";
const UNLOCK: &str = "Passphrase of the secret store: ";

/// Makes a store with a passphrase; gives the recovery key.
fn init(place: &Place) -> String {
    let mut session = Session::start(place, &["secrets", "init", "--light"]);
    session.answers(NEW, PASSPHRASE);
    session.answers(ONCE_MORE, PASSPHRASE);
    let recovery = recovery_of(&session.waits_for("Type group"));
    give_back(&mut session, &recovery);
    session.succeeds();
    recovery
}

/// The key on the screen: two lines of seven groups.
fn recovery_of(shown: &str) -> String {
    let line = |line: &&str| line.split_whitespace().count() == 7 && line.starts_with("    ");
    let lines: Vec<&str> = shown.lines().filter(line).collect();
    assert_eq!(lines.len(), 2, "{shown}");
    let groups: Vec<&str> = lines
        .iter()
        .flat_map(|line| line.split_whitespace())
        .collect();
    groups.join("-")
}

/// Answers both questions about it, once the first has begun to be asked.
fn give_back(session: &mut Session, recovery: &str) {
    for begun in [true, false] {
        if !begun {
            session.waits_for("Type group");
        }
        let asked = session.waits_for(" of it, from what you wrote down: ");
        let number: usize = asked.split_whitespace().next().unwrap().parse().unwrap();
        session.types(recovery.split('-').nth(number - 1).unwrap());
    }
}

fn set(place: &Place, name: &str, passphrase: &str, value: &str) -> String {
    let mut session = Session::start(place, &["secrets", "set", name]);
    session.answers(UNLOCK, passphrase);
    session.answers(&format!("Value of {name} (not shown): "), value);
    session.succeeds()
}

#[test]
fn a_passphrase_is_typed_twice_and_the_recovery_key_shown_once() {
    let place = Place::new();
    let mut session = Session::start(&place, &["secrets", "init", "--light"]);
    session.answers(NEW, "too short");
    session.waits_for("at least 12 characters");
    session.answers(NEW, PASSPHRASE);
    session.answers(ONCE_MORE, MISTYPED);
    session.waits_for("two different ones");
    session.answers(NEW, PASSPHRASE);
    session.answers(ONCE_MORE, PASSPHRASE);
    let recovery = recovery_of(&session.waits_for("Type group"));
    session.waits_for(" of it, from what you wrote down: ");
    session.types("0000");
    session.waits_for("It is another one. Type group");
    give_back(&mut session, &recovery);
    let shown = session.succeeds();
    assert!(
        shown.contains("64 MiB of memory, 3 passes, 4 lanes, as you asked"),
        "{shown}"
    );
    assert!(
        shown.contains("Next: orchestra secrets set OPENAI_API_KEY"),
        "{shown}"
    );
    let groups: Vec<&str> = recovery.split('-').collect();
    for line in groups.chunks(7) {
        assert_eq!(shown.matches(&line.join("  ")).count(), 1, "{shown}");
    }
    // It opens the store, however it is typed.
    let mut session = Session::start(&place, &["secrets", "verify", "--recovery"]);
    session.answers("Recovery key: ", &recovery.to_lowercase().replace('-', " "));
    assert!(session.succeeds().contains("Whole: "));
}

#[test]
fn the_usual_costs_are_told() {
    let place = Place::new();
    let mut session = Session::start(&place, &["secrets", "init", "--yes"]);
    session.answers(NEW, PASSPHRASE);
    session.answers(ONCE_MORE, PASSPHRASE);
    let shown = session.succeeds();
    // A machine with little memory says so itself.
    let usual = shown.contains("256 MiB of memory, 3 passes, 4 lanes.");
    let small = shown.contains("64 MiB of memory") && shown.contains("this machine has only");
    assert!(usual || small, "{shown}");
    assert!(!shown.contains("Type group"), "{shown}");
}

#[test]
fn three_passphrases_that_differ_are_enough() {
    let place = Place::new();
    let mut session = Session::start(&place, &["secrets", "init"]);
    for _ in 0..3 {
        session.answers(NEW, PASSPHRASE);
        session.answers(ONCE_MORE, MISTYPED);
    }
    let (code, shown) = session.ends();
    assert_eq!(code, Some(2), "{shown}");
    assert!(shown.contains("nothing was changed"), "{shown}");
    assert!(!place.file("orchestra-secrets.db").exists());
}

#[test]
fn values_are_not_shown_while_they_are_typed() {
    let place = Place::new();
    init(&place);
    let shown = set(&place, "OPENAI_API_KEY", PASSPHRASE, VALUE);
    assert!(shown.contains("version 1, is kept"), "{shown}");
    let mut session = Session::start(&place, &["secrets", "rotate", "OPENAI_API_KEY"]);
    session.answers(UNLOCK, PASSPHRASE);
    session.waits_for("(not shown): ");
    // Corrections count.
    session.presses(MISTYPED.as_bytes());
    session.presses(b"\x15");
    session.presses(b"x\x7f");
    session.types(SECOND);
    assert!(session.succeeds().contains("version 2, is kept"));
}

#[test]
fn a_mistyped_passphrase_may_be_typed_again_but_not_for_ever() {
    let place = Place::new();
    init(&place);
    let mut session = Session::start(&place, &["secrets", "verify"]);
    session.answers(UNLOCK, MISTYPED);
    session.waits_for("Tries left: 2");
    session.answers(UNLOCK, PASSPHRASE);
    session.succeeds();
    let mut session = Session::start(&place, &["secrets", "verify"]);
    for _ in 0..3 {
        session.answers(UNLOCK, MISTYPED);
    }
    let (code, shown) = session.ends();
    assert_eq!(code, Some(2));
    assert!(shown.contains("--recovery"), "{shown}");
    let mut session = Session::start(&place, &["secrets", "verify", "--recovery"]);
    session.answers("Recovery key: ", MISTYPED);
    session.waits_for("14 groups");
    session.answers("Recovery key: ", MISTYPED);
    session.answers("Recovery key: ", MISTYPED);
    assert_eq!(session.ends().0, Some(2));
}

#[test]
fn ctrl_c_leaves_the_terminal_as_it_was() {
    let place = Place::new();
    init(&place);
    for (keys, code) in [
        (b"\x03".as_slice(), 130),
        (b"abc\x03", 130),
        (b"\x04", 2),
        (b"ab\x1b[D", 2),
    ] {
        let mut session = Session::start(&place, &["secrets", "verify"]);
        session.waits_for(UNLOCK);
        session.presses(keys);
        // The session itself looks at the terminal.
        let (ended, shown) = session.ends();
        assert_eq!(ended, Some(code), "{shown}");
    }
}

#[test]
fn a_paste_of_several_lines_is_refused_whole() {
    let place = Place::new();
    init(&place);
    let mut session = Session::start(&place, &["secrets", "set", "OPENAI_API_KEY"]);
    session.answers(UNLOCK, PASSPHRASE);
    session.waits_for("(not shown): ");
    session.presses(format!("{VALUE}\r{SECOND}\r").as_bytes());
    let (code, shown) = session.ends();
    assert_eq!(code, Some(2), "{shown}");
    assert!(shown.contains("--file"), "{shown}");
    // Nothing was kept.
    assert_eq!(place.run(["secrets", "list", "--json"]).stdout, "[]\n");
}

#[test]
fn a_value_may_be_piped_while_the_passphrase_is_typed() {
    let place = Place::new();
    init(&place);
    let file = fs::File::open(place.write("value", VALUE)).unwrap();
    let set = ["secrets", "set", "OPENAI_API_KEY"];
    let mut session = Session::start_with(&place, &set, |command| command.stdin(file));
    session.answers(UNLOCK, PASSPHRASE);
    assert!(session.succeeds().contains("is kept"));
}

#[test]
fn without_a_terminal_a_passphrase_is_not_waited_for() {
    let place = Place::new();
    init(&place);
    place.run(["secrets", "verify"]).refuses("no terminal");
    place
        .run(["secrets", "verify", "--recovery"])
        .refuses("no terminal");
    place
        .pipe(PASSPHRASE.as_bytes(), ["secrets", "verify"])
        .refuses("no terminal");
    // What needs no key needs nobody.
    place.run(["secrets", "list"]).succeeds();
    place
        .run(["secrets", "status"])
        .succeeds()
        .says("a passphrase (slot 1)");
}

#[test]
fn a_recovery_key_is_not_put_where_nobody_asked_for_it() {
    let place = Place::new();
    let out = fs::File::create(place.file("out")).unwrap();
    let init = ["secrets", "init", "--light"];
    let session = Session::start_with(&place, &init, |command| command.stdout(out));
    let (code, shown) = session.ends();
    assert_eq!(code, Some(2), "{shown}");
    assert!(shown.contains("--recovery-out"), "{shown}");
    assert!(!place.file("orchestra-secrets.db").exists());
}

#[test]
fn whoever_is_asked_may_say_no() {
    let place = Place::new();
    init(&place);
    set(&place, "OPENAI_API_KEY", PASSPHRASE, VALUE);
    for (command, answer) in [("rm", "n"), ("rm", ""), ("revoke", "no")] {
        let mut session = Session::start(&place, &["secrets", command, "OPENAI_API_KEY"]);
        session.waits_for("[y/N] ");
        session.types(answer);
        let (code, shown) = session.ends();
        assert_eq!(code, Some(2));
        assert!(shown.contains("nothing was changed"), "{shown}");
    }
    let mut session = Session::start(&place, &["secrets", "rm", "OPENAI_API_KEY"]);
    session.waits_for("[y/N] ");
    session.types("y");
    session.answers(UNLOCK, PASSPHRASE);
    assert!(session.succeeds().contains("Removed: OPENAI_API_KEY"));
}

#[test]
fn a_passphrase_is_changed() {
    let place = Place::new();
    init(&place);
    let mut session = Session::start(&place, &["secrets", "passwd", "--light"]);
    session.answers(UNLOCK, PASSPHRASE);
    session.answers(NEW, NEXT_PASSPHRASE);
    session.answers(ONCE_MORE, NEXT_PASSPHRASE);
    assert!(session.succeeds().contains("Slot 1 is gone"));
    let mut session = Session::start(&place, &["secrets", "verify"]);
    session.answers(UNLOCK, PASSPHRASE);
    session.waits_for("Tries left");
    session.answers(UNLOCK, NEXT_PASSPHRASE);
    session.succeeds();
}

#[test]
fn a_store_may_want_a_passphrase_and_a_key_file_together() {
    let place = Place::new();
    let key = place.key("half");
    let key = key.to_str().unwrap();
    let arguments = [
        "secrets",
        "init",
        "--light",
        "--both",
        "--key-file",
        key,
        "--new-key-file",
        "--yes",
    ];
    let mut session = Session::start(&place, &arguments);
    session.answers(NEW, PASSPHRASE);
    session.answers(ONCE_MORE, PASSPHRASE);
    session.succeeds();
    let mut session = Session::start(&place, &["secrets", "verify", "--key-file", key]);
    session.answers(UNLOCK, PASSPHRASE);
    session.succeeds();
    // Neither alone will do.
    place
        .run(["secrets", "verify", "--key-file", key])
        .refuses("a passphrase and a key file together");
    let (code, shown) = Session::start(&place, &["secrets", "verify"]).ends();
    assert_eq!(code, Some(2));
    assert!(shown.contains("--key-file"), "{shown}");
    let mut session = Session::start(
        &place,
        &[
            "secrets",
            "passwd",
            "--light",
            "--key-file",
            key,
            "--slot-key-file",
            key,
        ],
    );
    session.answers(UNLOCK, PASSPHRASE);
    session.answers(NEW, NEXT_PASSPHRASE);
    session.answers(ONCE_MORE, NEXT_PASSPHRASE);
    session.succeeds();
    let mut session = Session::start(&place, &["secrets", "verify", "--key-file", key]);
    session.answers(UNLOCK, NEXT_PASSPHRASE);
    session.succeeds();
}

#[test]
fn the_root_key_is_replaced_and_nothing_mistyped_becomes_a_lock() {
    let place = Place::new();
    let old = init(&place);
    set(&place, "OPENAI_API_KEY", PASSPHRASE, VALUE);
    let rekey = ["secrets", "rekey", "--root", "--light"];
    let slot = "Its passphrase (empty to leave the slot out): ";
    let mut session = Session::start(&place, &rekey);
    session.answers(UNLOCK, PASSPHRASE);
    session.answers(slot, MISTYPED);
    let (code, shown) = session.ends();
    assert_eq!(code, Some(2));
    assert!(
        shown.contains("that does not open slot 1: nothing was changed"),
        "{shown}"
    );
    let mut session = Session::start(&place, &rekey);
    session.answers(UNLOCK, PASSPHRASE);
    session.answers(slot, "");
    let (code, shown) = session.ends();
    assert_eq!(code, Some(2));
    assert!(shown.contains("nothing was given"), "{shown}");
    let mut session = Session::start(&place, &rekey);
    session.answers(UNLOCK, PASSPHRASE);
    session.answers(slot, PASSPHRASE);
    let new = recovery_of(&session.waits_for("Type group"));
    give_back(&mut session, &new);
    let shown = session.succeeds();
    assert!(
        shown.contains("does not protect what somebody copied"),
        "{shown}"
    );
    assert!(shown.contains("OPENAI_API_KEY"), "{shown}");
    let mut session = Session::start(&place, &["secrets", "verify", "--recovery"]);
    session.answers("Recovery key: ", &old);
    session.waits_for("Tries left: 2");
    session.answers("Recovery key: ", &new);
    assert!(
        session
            .succeeds()
            .contains("1 version(s) of secrets opened")
    );
}
