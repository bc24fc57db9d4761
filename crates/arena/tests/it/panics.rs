//! Panics whose message holds a secret.

use std::panic;
use std::process::Command;
use std::str::FromStr;
use std::thread;

use orchestra_arena::install_panic_hook;

use crate::child;

const TEST: &str = "panics::the_message_of_a_panic_is_withheld";

/// Made at run time, so that no constant of the program can be what is found.
fn secret() -> String {
    String::from_utf8((b'a'..=b'z').rev().collect()).unwrap()
}

/// Parses nothing, and says what it was given.
struct Refused;

impl FromStr for Refused {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Err(text.to_owned())
    }
}

/// Each of the usual ways in which a value gets into a message.
fn panic_in_all_ways() {
    let ways: [Box<dyn FnOnce() + Send>; 5] = [
        Box::new(|| panic!("{}", secret())),
        Box::new(|| secret().parse::<Refused>().map(drop).unwrap()),
        Box::new(|| assert_eq!(secret(), "")),
        Box::new(|| panic::panic_any(secret())),
        Box::new(|| panic::panic_any(&*secret().leak())),
    ];
    for way in ways {
        assert!(thread::spawn(way).join().is_err());
    }
}

fn everything_said(command: &mut Command) -> String {
    let output = command.env("RUST_BACKTRACE", "1").output().unwrap();
    assert!(output.status.success());
    let said = [output.stdout, output.stderr].concat();
    String::from_utf8(said).unwrap()
}

#[test]
fn the_message_of_a_panic_is_withheld() {
    match child::role().as_deref() {
        None => {
            let said = everything_said(&mut child::again(TEST, "hooked"));
            assert!(!said.contains(&secret()), "{said}");
            assert_eq!(said.matches("the message is withheld").count(), 5, "{said}");
            assert_eq!(said.matches("panicked at ").count(), 5, "{said}");
            assert!(said.contains("panics.rs:"), "{said}");
            // Without the hook each message is printed.
            let said = everything_said(&mut child::again(TEST, "plain"));
            assert!(said.contains(&secret()), "{said}");
        }
        Some("hooked") => {
            install_panic_hook();
            panic_in_all_ways();
        }
        Some(_) => panic_in_all_ways(),
    }
}
