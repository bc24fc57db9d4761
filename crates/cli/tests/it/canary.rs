//! Values that must not turn up anywhere, and the search for them.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};

/// A value that is kept as a secret.
pub(crate) const VALUE: &str = "sk-canary-Wm3xTq81ZvLp09RdKsYe";
/// The value that takes its place.
pub(crate) const SECOND: &str = "sk-canary-Hb62NcUj47FyGa5XoQiw";
/// A passphrase.
pub(crate) const PASSPHRASE: &str = "canary passphrase kVu83 mandolin";
/// The passphrase that takes its place.
pub(crate) const NEXT_PASSPHRASE: &str = "canary passphrase pZt27 teaspoon";
/// What is typed by mistake.
pub(crate) const MISTYPED: &str = "canary mistyped rJd59 lighthouse";

const ALL: [&str; 5] = [VALUE, SECOND, PASSPHRASE, NEXT_PASSPHRASE, MISTYPED];

/// So many bytes of one in a row are no accident.
const WINDOW: usize = 8;

/// The first of the canaries, or of these, of which eight bytes in a row are found, in any of the forms that a leak takes.
/// What all canaries have in common does not count.
pub(crate) fn find(bytes: &[u8], more: &[String]) -> Option<String> {
    let secrets = ALL.iter().copied().chain(more.iter().map(String::as_str));
    secrets
        .flat_map(|secret| forms(secret).into_iter().map(move |form| (secret, form)))
        .find(|(_, form)| holds_window(bytes, form))
        .map(|(secret, _)| secret.to_owned())
}

fn holds_window(bytes: &[u8], form: &[u8]) -> bool {
    if form.len() < WINDOW {
        return false;
    }
    let windows: std::collections::HashSet<&[u8]> = form.windows(WINDOW).collect();
    bytes.windows(WINDOW).any(|found| windows.contains(found))
}

/// The telling part of a canary, as it stands and as it may be written.
fn forms(secret: &str) -> Vec<Vec<u8>> {
    let common = ["sk-canary-", "canary passphrase ", "canary mistyped "];
    let telling = common
        .iter()
        .find_map(|begin| secret.strip_prefix(begin))
        .unwrap_or(secret);
    let bytes = telling.as_bytes();
    let mut forms = vec![
        bytes.to_vec(),
        bytes.iter().rev().copied().collect(),
        bytes
            .iter()
            .map(|b| format!("{b:02x}"))
            .collect::<String>()
            .into_bytes(),
        bytes
            .iter()
            .map(|b| format!("{b:02X}"))
            .collect::<String>()
            .into_bytes(),
        bytes.iter().flat_map(|b| [*b, 0]).collect(),
        bytes.iter().flat_map(|b| [0, *b]).collect(),
    ];
    // Base 64 of the same bytes differs by where in the text they stand.
    for shift in 0..3 {
        let shifted = [vec![b'.'; shift], bytes.to_vec()].concat();
        for engine in [&STANDARD, &URL_SAFE] {
            let text = engine.encode(&shifted);
            let inner = text.trim_end_matches('=');
            let inner = &inner[4.min(inner.len())..inner.len().saturating_sub(1)];
            forms.push(inner.as_bytes().to_vec());
        }
    }
    forms
}

#[test]
fn a_leak_in_any_form_is_found() {
    for form in forms(VALUE) {
        let text = [b"before ".as_slice(), &form, b" after"].concat();
        assert_eq!(find(&text, &[]).as_deref(), Some(VALUE));
    }
    assert_eq!(find(b"sk-canary- and canary passphrase", &[]), None);
    let own = "XYZW-ABCD-EFGH".to_owned();
    assert!(find(b"see XYZW-ABCD", &[own]).is_some());
}
