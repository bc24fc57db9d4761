//! Nothing that was typed in the wrong place is repeated, and nothing that is kept is ever shown.
//!
//! Every command that `Place` runs is searched for all canaries; here they are put where they do not belong.

use std::fs;

use crate::canary::{self, MISTYPED, SECOND, VALUE};
use crate::place::Place;
use crate::transcript::Transcript;

const COMMANDS: [&[&str]; 27] = [
    &["secrets"],
    &["secrets", "init"],
    &["secrets", "set"],
    &["secrets", "list"],
    &["secrets", "check"],
    &["secrets", "rotate"],
    &["secrets", "revoke"],
    &["secrets", "rm"],
    &["secrets", "import"],
    &["secrets", "export"],
    &["secrets", "restore"],
    &["secrets", "verify"],
    &["secrets", "rekey"],
    &["secrets", "passwd"],
    &["secrets", "slots"],
    &["secrets", "slots", "list"],
    &["secrets", "slots", "add"],
    &["secrets", "slots", "rm"],
    &["secrets", "seal"],
    &["secrets", "unseal"],
    &["secrets", "status"],
    &["secrets", "accept-restore"],
    &["audit"],
    &["audit", "verify"],
    &["audit", "export"],
    &["audit", "checkpoint"],
    &["audit", "tail"],
];

#[test]
fn help_says_what_there_is() {
    let place = Place::new();
    let mut transcript = Transcript::of(&place);
    for command in COMMANDS {
        transcript.run(&[command, &["--help"]].concat());
    }
    transcript.is("help.txt");
    // A command that is not in the list above would not be tried below.
    for group in [vec!["secrets"], vec!["secrets", "slots"], vec!["audit"]] {
        let help = place
            .run([group.clone(), vec!["--help"]].concat())
            .succeeds()
            .stdout;
        let listed = help.split("Commands:\n").nth(1).unwrap();
        let listed = listed.lines().take_while(|line| !line.is_empty());
        for line in listed.filter_map(|line| line.strip_prefix("  ")) {
            let name = line
                .split_whitespace()
                .next()
                .filter(|_| !line.starts_with(' '));
            let Some(name) = name.filter(|name| *name != "help") else {
                continue;
            };
            let command = [group.clone(), vec![name]].concat();
            assert!(COMMANDS.contains(&command.as_slice()), "{command:?}");
        }
    }
}

#[test]
fn a_value_on_the_command_line_is_refused_and_not_repeated() {
    let place = Place::with_store();
    place.set("OPENAI_API_KEY", SECOND);
    for command in ["set", "rotate"] {
        place
            .run(["secrets", command, "OPENAI_API_KEY", VALUE])
            .refuses("never given on the command line")
            .refuses("history -d");
        place
            .run(["secrets", command, "OPENAI_API_KEY", "-k", VALUE])
            .exits(2);
        place
            .run([
                "secrets",
                command,
                "OPENAI_API_KEY",
                &format!("--value={VALUE}"),
            ])
            .refuses("not repeated");
        place
            .run(["secrets", command, "OPENAI_API_KEY", &format!("--{VALUE}")])
            .refuses("not repeated");
        place
            .run(["secrets", command, "OPENAI_API_KEY", "--", VALUE])
            .refuses("never given");
        place
            .run(["secrets", command, VALUE])
            .refuses("looks like a secret");
        place
            .run(["secrets", command, &format!("OPENAI_API_KEY={VALUE}")])
            .refuses("a secret's name");
    }
    let list = place.run(["secrets", "list", "--json"]).json();
    assert_eq!(list.as_array().unwrap().len(), 1);
}

#[test]
fn whatever_is_typed_where_it_does_not_belong_is_not_repeated() {
    let place = Place::with_store();
    for command in COMMANDS {
        for more in [
            vec![VALUE],
            vec!["--key", VALUE],
            vec!["--passphrase", MISTYPED],
            vec!["--passphrase=canary mistyped rJd59 lighthouse"],
            vec!["--recovery=canary mistyped rJd59 lighthouse"],
            vec!["--expires", VALUE],
            vec!["--origin", VALUE],
            vec!["--version", VALUE],
            vec!["--epoch", VALUE],
            vec!["--after", VALUE],
            vec!["--destroy", VALUE],
            vec!["--slot", VALUE],
            vec!["--format", VALUE],
            vec!["-n", VALUE],
            vec!["-sk-canary-Wm3xTq81ZvLp09RdKsYe"],
            vec![VALUE, SECOND, MISTYPED],
            vec!["--json", VALUE],
        ] {
            // What may be named is named: files.
            let takes_a_file = ["import", "restore", "verify"].contains(command.last().unwrap());
            if takes_a_file && (more == [VALUE] || more == ["--json", VALUE]) {
                continue;
            }
            let arguments = [command, &more].concat();
            assert_ne!(place.run(&arguments).code, Some(101), "{arguments:?}");
        }
    }
}

#[test]
fn a_configuration_with_a_secret_in_it_is_refused_without_repeating_it() {
    let place = Place::with_store();
    for text in [
        format!("[[providers]]\nkind = \"openai\"\nkey = \"{VALUE}\"\n"),
        format!("[secrets]\ndatabase = \"postgres://user:{VALUE}@host/db\"\n"),
        format!("[secrets]\nunlock = [\"{MISTYPED}\"]\n"),
    ] {
        place.write("orchestra.toml", &text);
        for arguments in [
            vec!["secrets", "list"],
            vec!["secrets", "check", "--json"],
            vec!["audit", "verify"],
        ] {
            place.run(arguments).exits(2);
        }
    }
    place.write("orchestra.toml", "[secrets]\ndatabase = \"env:DATABASE\"\n");
    let secret = format!("postgres://user:{VALUE}@127.0.0.1:1/db");
    place.write(".env", &format!("DATABASE={secret}\n"));
    place.run(["secrets", "list"]).refuses("127.0.0.1:1/db");
    place.run(["secrets", "status", "--json"]).exits(2);
    place.write(".env", &format!("DATABASE={VALUE}\n"));
    place.run(["secrets", "list"]).refuses("postgres://");
    place.write(".env", &format!("A=1\n{VALUE}\n"));
    place.run(["secrets", "list"]).exits(2);
}

#[test]
fn nothing_that_is_kept_is_on_the_disk_in_the_clear() {
    let place = Place::with_store();
    place.set("OPENAI_API_KEY", VALUE);
    place.set("OPENAI_API_KEY", SECOND);
    place
        .run(["secrets", "export", "--out", "backup"])
        .succeeds();
    place.run(["secrets", "rekey"]).succeeds();
    place
        .run(["audit", "checkpoint", "--out", "checkpoint"])
        .succeeds();
    let mut folders = vec![place.file(""), place.folder().join("home")];
    let mut seen = 0;
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let bytes = fs::read(&path).unwrap();
            assert_eq!(
                canary::find(&bytes, &place.watched()),
                None,
                "{}",
                path.display()
            );
            seen += 1;
        }
    }
    assert!(
        seen >= 4,
        "the store, its anchor, the backup and the checkpoint"
    );
}

#[test]
fn who_closes_the_output_early_gets_no_panic() {
    let place = Place::with_store();
    place.set("OPENAI_API_KEY", VALUE);
    for arguments in [
        vec!["secrets", "list"],
        vec!["audit", "export"],
        vec!["secrets", "check", "--json"],
    ] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let output = place.command(&arguments).stdout(writer).output().unwrap();
        let ran = place.checked(output);
        assert_ne!(ran.code, Some(101), "{ran:?}");
        assert_eq!(ran.stderr, "", "{ran:?}");
    }
}
