//! Raw calls stay where they were mounted, whatever their path looks like.

use orchestra_providers::{Catalogue, Provider, Row};
use orchestra_types::ProviderId;
use proptest::prelude::*;

const ROOT: &str = "https://api.example.com/mounted/here";

fn provider() -> Provider {
    let row = format!("kind = 'openai-compatible'\nbase_url = '{ROOT}/v1'");
    let row: Row = toml::from_str(&row).unwrap();
    let id = ProviderId::new("example").unwrap();
    Provider::build(
        id.clone(),
        &Catalogue::embedded().complete(&id, &row).unwrap(),
    )
    .unwrap()
}

/// Pieces of which attacks on paths are made, and harmless ones between them.
const PIECES: [&str; 30] = [
    "/",
    "//",
    ".",
    "..",
    "...",
    "%2e",
    "%2E",
    "%2f",
    "%5c",
    "%25",
    "%00",
    "%",
    "\\",
    ";",
    "?",
    "#",
    "@",
    ":",
    "a",
    "v1",
    "~",
    "evil.example",
    "http:",
    "%c0%ae",
    "\u{2025}",
    " ",
    "\r\n",
    "\t",
    "&",
    "%3b",
];

/// Two parsers that read URLs by different rules must both see an accepted one below the root.
fn stays_below_the_root(provider: &Provider, path: &str) {
    let Ok(uri) = provider.passthrough_uri(path) else {
        return;
    };
    assert_eq!(uri.scheme_str(), Some("https"), "{path:?}");
    assert_eq!(
        uri.authority().map(|a| a.as_str()),
        Some("api.example.com"),
        "{path:?}"
    );
    assert!(uri.path().starts_with("/mounted/here/"), "{path:?}");
    assert_eq!(
        uri.to_string(),
        format!("{ROOT}{path}"),
        "nothing is rewritten"
    );

    let browser = url::Url::parse(&uri.to_string()).unwrap();
    assert_eq!(
        browser.origin().ascii_serialization(),
        "https://api.example.com",
        "{path:?}"
    );
    assert!(
        browser.path().starts_with("/mounted/here/"),
        "{path:?} became {browser}"
    );
    assert_eq!(
        (browser.username(), browser.fragment()),
        ("", None),
        "{path:?}"
    );

    // A server that decodes first and looks for dots afterwards.
    let decoded = browser
        .path()
        .to_lowercase()
        .replace("%2e", ".")
        .replace("%2f", "/")
        .replace("%5c", "/");
    assert!(
        !decoded
            .split(['/', '\\', ';'])
            .any(|segment| segment == ".."),
        "{path:?}"
    );
}

#[test]
fn every_short_combination_of_pieces_stays() {
    let provider = provider();
    for a in PIECES {
        for b in PIECES {
            for c in PIECES {
                stays_below_the_root(&provider, &format!("{a}{b}{c}"));
                stays_below_the_root(&provider, &format!("/{a}{b}{c}/x"));
            }
        }
    }
}

#[test]
fn useful_paths_do_pass() {
    for path in [
        "/v1/files",
        "/v1/batches/b_1/cancel",
        "/v1/files?after=x&limit=2",
        "/a/b:c?alt=sse",
    ] {
        let uri = provider().passthrough_uri(path).unwrap();
        assert_eq!(uri.to_string(), format!("{ROOT}{path}"));
    }
}

proptest! {
    #[test]
    fn any_text_stays(path in "\\PC{0,40}") {
        let provider = provider();
        stays_below_the_root(&provider, &path);
        stays_below_the_root(&provider, &format!("/{path}"));
    }

    #[test]
    fn long_mixtures_of_pieces_stay(pieces in prop::collection::vec(prop::sample::select(&PIECES[..]), 0..12)) {
        stays_below_the_root(&provider(), &format!("/{}", pieces.concat()));
    }
}
