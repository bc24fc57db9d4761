//! Rows that are no providers, and why.

use orchestra_providers::{PathError, Provider, Row, RowError};
use orchestra_types::ProviderId;

const GOOD: &str = r#"
    base_url = "https://api.example.com/v1"
    endpoints = ["chat_completions"]
"#;

fn build(text: &str) -> Result<Provider, RowError> {
    let good: Row = toml::from_str(GOOD).unwrap();
    let over: Row = toml::from_str(text).unwrap();
    Provider::build(ProviderId::new("example").unwrap(), &good.overlay(&over))
}

#[test]
fn a_short_row_has_sensible_defaults() {
    let provider = build("").unwrap();
    assert_eq!(provider.label(), "example");
    assert_eq!(provider.origin(), "https://api.example.com");
    assert_eq!(provider.models_uri(), "https://api.example.com/v1/models");
    assert_eq!(
        provider.passthrough_uri("/v1/x").unwrap(),
        "https://api.example.com/v1/x"
    );
    assert!(provider.key_required());
    assert!(!build("auth = 'none'").unwrap().key_required());
    assert!(!build("key_required = false").unwrap().key_required());
}

#[test]
fn a_row_without_the_essentials_is_told_what_is_missing() {
    let empty = Provider::build(ProviderId::new("example").unwrap(), &Row::default());
    assert_eq!(empty.unwrap_err(), RowError::NoBaseUrl);
    assert_eq!(build("endpoints = []").unwrap_err(), RowError::NoEndpoints);
}

#[test]
fn mistakes_are_found_and_named() {
    for (text, expected) in [
        (
            "base_url = 'api.example.com'",
            "base_url \"api.example.com\" is not an absolute URL",
        ),
        (
            "base_url = 'ftp://a.example'",
            "base_url \"ftp://a.example\" is neither http nor https",
        ),
        (
            "passthrough_url = 'https://a.example/?a'",
            "passthrough_url",
        ),
        (
            "passthrough_url = 'https://evil.example'",
            "not on the origin of base_url",
        ),
        (
            "passthrough_url = 'https://api.example.com:444'",
            "not on the origin of base_url",
        ),
        (
            "passthrough_url = 'http://api.example.com'",
            "not on the origin of base_url",
        ),
        (
            "endpoints = ['chat']",
            "endpoints names the endpoint \"chat\", which is not among chat_completions,",
        ),
        (
            "paths = { messages = '/m' }",
            "paths names the endpoint \"messages\", which is not among chat_completions",
        ),
        (
            "auth_for = { chat = 'none' }",
            "auth_for names the endpoint \"chat\", which is not among chat_completions",
        ),
        (
            "auth_for = { chat_completions = { header = 'host' } }",
            "auth holds \"host\"",
        ),
        (
            "auth_for = { chat_completions = { header = 'x-vendor' } }\nheaders = { all = { x-vendor = '1' } }",
            "headers holds \"x-vendor\"",
        ),
        (
            "translate_to = ['embeddings']",
            "translate_to names the endpoint \"embeddings\", which is not among chat_completions, messages, responses, generate_content",
        ),
        (
            "profiles = [{ models = ['a b'], profile = {} }]",
            "profiles holds \"a b\"",
        ),
        ("paths = { chat_completions = '/../m' }", "\"/../m\""),
        ("models_path = 'models'", "\"models\""),
        ("auth = { header = 'a b' }", "auth holds \"a b\""),
        (
            "auth = { header = 'transfer-encoding' }",
            "auth holds \"transfer-encoding\"",
        ),
        (
            "headers = { all = { Cookie = 'a' } }",
            "headers holds \"Cookie\"",
        ),
        (
            "headers = { openai = { authorization = 'Bearer a' } }",
            "headers holds \"authorization\"",
        ),
        (
            "auth = { header = 'x-k' }\nheaders = { all = { X-K = 'a' } }",
            "headers holds \"X-K\"",
        ),
        (
            "forwards = { all = ['authorization'] }",
            "forwards holds \"authorization\"",
        ),
        ("relays = ['set-cookie']", "relays holds \"set-cookie\""),
        (
            "rate_limits = { headers = ['x'], reset = 'seconds' }",
            "rate_limits holds \"x\"",
        ),
        ("patterns = ['a*b']", "patterns holds \"a*b\""),
        ("models = ['a', ' ']", "models holds an empty name"),
        ("key_names = ['']", "key_names holds an empty name"),
        ("errors = [{ class = 'server' }]", "rule 1 of errors"),
    ] {
        let message = build(text).unwrap_err().to_string();
        assert!(message.contains(expected), "{text}: {message}");
    }
}

#[test]
fn favourites_come_first_and_what_is_not_spoken_is_no_mistake() {
    use orchestra_dialects::Endpoint::{ChatCompletions, Messages, Responses};
    let all = "endpoints = ['chat_completions', 'responses', 'messages', 'embeddings']\n";
    for (text, expected) in [
        ("".to_owned(), vec![ChatCompletions]),
        (
            "translate_to = ['responses']".to_owned(),
            vec![ChatCompletions],
        ),
        (all.to_owned(), vec![ChatCompletions, Messages, Responses]),
        (
            format!("{all}translate_to = ['responses', 'messages']"),
            vec![Responses, Messages, ChatCompletions],
        ),
        ("endpoints = ['embeddings']".to_owned(), vec![]),
    ] {
        assert_eq!(build(&text).unwrap().translates_to(), expected, "{text}");
    }
}

#[test]
fn the_reason_for_a_bad_path_is_its_source() {
    let error = build("paths = { chat_completions = '//evil.example/' }").unwrap_err();
    let source = std::error::Error::source(&error).unwrap();
    assert_eq!(source.downcast_ref(), Some(&PathError::EmptySegment));
}

#[test]
fn addresses_may_be_private_and_have_a_query_only_in_paths() {
    let provider = build(
        "base_url = 'http://10.0.0.7:8000/x/'\npaths = { chat_completions = '/c?api-version=1' }",
    )
    .unwrap();
    assert_eq!(provider.origin(), "http://10.0.0.7:8000");
    let uri = provider
        .endpoint(orchestra_dialects::Endpoint::ChatCompletions)
        .unwrap();
    assert_eq!(uri, "http://10.0.0.7:8000/x/c?api-version=1");
}
