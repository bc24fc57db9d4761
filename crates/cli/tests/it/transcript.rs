//! What people and programs see, recorded: `ORCHESTRA_BLESS=1` writes it anew.

use std::fs;
use std::path::PathBuf;

use crate::place::{Place, Ran, text};

/// Commands and what they printed.
pub(crate) struct Transcript<'p> {
    place: &'p Place,
    text: String,
}

impl<'p> Transcript<'p> {
    pub(crate) const fn of(place: &'p Place) -> Self {
        Self {
            place,
            text: String::new(),
        }
    }

    /// Runs a command and notes it, once for people and once for programs where `both` says so.
    pub(crate) fn run(&mut self, arguments: &[&str]) -> &mut Self {
        let ran = self.place.run(arguments);
        self.note(arguments, &ran)
    }

    /// The same, asked for by a person and by a program.
    pub(crate) fn both(&mut self, arguments: &[&str]) -> &mut Self {
        self.run(arguments).run(&[arguments, &["--json"]].concat())
    }

    pub(crate) fn pipe(&mut self, input: &str, arguments: &[&str]) -> &mut Self {
        let ran = self.place.pipe(input.as_bytes(), arguments);
        self.note(arguments, &ran)
    }

    fn note(&mut self, arguments: &[&str], ran: &Ran) -> &mut Self {
        let command = arguments.join(" ");
        self.text.push_str(&format!("$ orchestra {command}\n"));
        self.text.push_str(&ran.stdout);
        for line in ran.stderr.lines() {
            self.text.push_str(&format!("! {line}\n"));
        }
        let code = ran
            .code
            .map_or_else(|| "none".to_owned(), |code| code.to_string());
        self.text.push_str(&format!("= {code}\n\n"));
        self
    }

    /// Compares with what was recorded.
    #[track_caller]
    pub(crate) fn is(&self, name: &str) {
        let now = redacted(&self.text, self.place);
        let path = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
            .join("snapshots")
            .join(name);
        if std::env::var_os("ORCHESTRA_BLESS").is_some() {
            fs::write(&path, &now).unwrap();
        }
        let recorded = fs::read_to_string(&path).unwrap_or_default();
        assert_eq!(
            now,
            recorded,
            "differs from {} (ORCHESTRA_BLESS=1 writes it anew)",
            path.display()
        );
    }
}

/// Takes out what is another each time.
fn redacted(text_: &str, place: &Place) -> String {
    // A temporary folder may be a link, and its name may be written either way.
    let real = place.folder().canonicalize().unwrap();
    let mut redacted = text_
        .replace(text(&real), "PLACE")
        .replace(text(place.folder()), "PLACE");
    for (pattern, word) in [
        ("dddd-dd-ddTdd:dd:dd.dddZ", "TIME"),
        ("dddd-dd-ddTdd:dd:ddZ", "TIME"),
        ("dddd-dd-dd dd:dd", "DATE AND MINUTE "),
        (
            "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
            "HASH",
        ),
        ("xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx", "ID"),
        ("-xxxxxxxxxxxx.anchor", "-HASH.anchor"),
        ("operator(dddd)", "operator(UID)"),
        ("operator(d)", "operator(UID)"),
    ] {
        redacted = replace(&redacted, pattern, word);
    }
    redacted
}

/// Replaces what fits a pattern, in which `d` stands for a digit and `x` for a hexadecimal one.
fn replace(text: &str, pattern: &str, word: &str) -> String {
    let fits = |found: &str| {
        found.len() == pattern.len()
            && found
                .bytes()
                .zip(pattern.bytes())
                .all(|(byte, meant)| match meant {
                    b'd' => byte.is_ascii_digit(),
                    b'x' => byte.is_ascii_hexdigit(),
                    other => byte == other,
                })
    };
    let mut out = String::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        match rest.get(..pattern.len()) {
            Some(found) if fits(found) => {
                out.push_str(word);
                rest = &rest[pattern.len()..];
            }
            _ => {
                out.push(first);
                rest = &rest[first.len_utf8()..];
            }
        }
    }
    out
}
