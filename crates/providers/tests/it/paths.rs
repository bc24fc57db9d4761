//! Raw calls stay where they were mounted, whatever their path looks like.

use orchestra_dialects::Endpoint;
use orchestra_providers::{CallUriError, Catalogue, PathError, Provider, Row};
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

const MODELS: &str = "https://generativelanguage.googleapis.com/v1beta/models/";

fn gemini() -> Provider {
    let row = Catalogue::embedded().get("gemini").unwrap().clone();
    Provider::build(ProviderId::new("gemini").unwrap(), &row).unwrap()
}

#[test]
fn a_model_stands_in_the_path_where_its_vendor_wants_it() {
    for (model, streamed, expected) in [
        (
            "gemini-3.8-flash",
            false,
            "gemini-3.8-flash:generateContent",
        ),
        (
            "gemini-3.8-flash",
            true,
            "gemini-3.8-flash:streamGenerateContent?alt=sse",
        ),
        (
            "models/gemini-3.8-flash",
            false,
            "gemini-3.8-flash:generateContent",
        ),
        (
            "a b?c#d:e@f",
            false,
            "a%20b%3Fc%23d%3Ae%40f:generateContent",
        ),
        ("gemini-ü", false, "gemini-%C3%BC:generateContent"),
        ("...", false, "...:generateContent"),
    ] {
        let uri = gemini()
            .uri(Endpoint::GenerateContent, model, streamed)
            .unwrap();
        assert_eq!(uri.to_string(), format!("{MODELS}{expected}"), "{model}");
    }
    let chat = gemini()
        .uri(Endpoint::ChatCompletions, "../x", true)
        .unwrap();
    assert_eq!(Some(&chat), gemini().endpoint(Endpoint::ChatCompletions));
    let messages = gemini().uri(Endpoint::Messages, "m", true).unwrap_err();
    assert_eq!(messages.to_string(), "it does not speak messages");
}

#[test]
fn a_name_that_leads_elsewhere_is_no_model() {
    use PathError::*;
    let long = "a".repeat(10_000);
    for (model, expected) in [
        ("", EmptySegment),
        ("models/", EmptySegment),
        (".", DotSegment),
        ("..", DotSegment),
        ("models/..", DotSegment),
        ("..;", DotSegment),
        ("x;..;y", DotSegment),
        ("../../v1/secrets", HiddenSeparator),
        ("a/b", HiddenSeparator),
        ("/etc", HiddenSeparator),
        ("a\\b", HiddenSeparator),
        ("a\r\nx-evil: 1", HiddenSeparator),
        ("a\0", HiddenSeparator),
        ("%2e%2e", BadEscape),
        ("a%2fb", BadEscape),
        (&long, TooLong),
    ] {
        let error = gemini()
            .uri(Endpoint::GenerateContent, model, false)
            .unwrap_err();
        assert_eq!(error, CallUriError::Model(expected), "{model:?}");
    }
}

/// Whatever the name is, the call stays one segment below the models.
fn stays_at_the_models(model: &str) {
    for (streamed, method) in [
        (false, ":generateContent"),
        (true, ":streamGenerateContent?alt=sse"),
    ] {
        let Ok(uri) = gemini().uri(Endpoint::GenerateContent, model, streamed) else {
            continue;
        };
        let browser = url::Url::parse(&uri.to_string()).unwrap();
        assert_eq!(browser.to_string(), uri.to_string(), "{model:?}");
        let behind = uri.to_string().strip_prefix(MODELS).map(str::to_owned);
        let name = behind.as_deref().and_then(|text| text.strip_suffix(method));
        let name = name.unwrap_or_else(|| panic!("{model:?} became {uri}"));
        assert!(!name.contains(['/', '?', '#', ':', ';', '\\']), "{model:?}");
    }
}

proptest! {
    #[test]
    fn any_model_stays(model in "\\PC{0,40}") {
        stays_at_the_models(&model);
    }

    #[test]
    fn mixtures_of_pieces_stay_models(pieces in prop::collection::vec(prop::sample::select(&PIECES[..]), 0..8)) {
        stays_at_the_models(&pieces.concat());
    }

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
