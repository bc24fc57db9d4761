//! A sound request for each endpoint, the paths that lead to it, and the shape of its errors.

use orchestra_dialects::{Endpoint, Family};

use crate::client::Answer;

/// A request that the endpoint serves.
pub(crate) const fn sound_body(endpoint: Endpoint) -> &'static str {
    match endpoint {
        Endpoint::ChatCompletions => {
            r#"{"model":"gpt-5-mini","messages":[{"role":"user","content":"Hi"}]}"#
        }
        Endpoint::Completions => r#"{"model":"gpt-5-mini","prompt":"Hi"}"#,
        Endpoint::Responses => r#"{"model":"gpt-5-mini","input":"Hi"}"#,
        Endpoint::Embeddings => r#"{"model":"text-embedding-3-small","input":"Hi"}"#,
        Endpoint::Messages => {
            r#"{"model":"claude-haiku-5-5","max_tokens":16,"messages":[{"role":"user","content":"Hi"}]}"#
        }
        Endpoint::CountTokens => {
            r#"{"model":"claude-haiku-5-5","messages":[{"role":"user","content":"Hi"}]}"#
        }
        Endpoint::GenerateContent => panic!("no client calls it"),
    }
}

/// The same as a stream, for the endpoints that have streams.
pub(crate) fn streamed_body(endpoint: Endpoint) -> String {
    sound_body(endpoint).replacen('{', r#"{"stream":true,"#, 1)
}

/// Every path on which the gateway understands the endpoint: with and without the version,
/// and behind a provider's name.
pub(crate) fn paths(endpoint: Endpoint) -> [String; 3] {
    let path = endpoint.path();
    let provider = match endpoint.dialect().family() {
        Family::OpenAi | Family::Google => "openai",
        Family::Anthropic => "anthropic",
    };
    let short = path.strip_prefix("/v1").unwrap_or(path);
    [
        path.to_owned(),
        short.to_owned(),
        format!("/{provider}{path}"),
    ]
}

/// An error as the client should read it.
#[derive(Clone, Debug)]
pub(crate) struct Wanted {
    pub(crate) status: u16,
    pub(crate) code: &'static str,
    pub(crate) param: Option<&'static str>,
    /// Words of the message that name the fault and the remedy.
    pub(crate) says: &'static [&'static str],
}

/// Asserts that an answer is this error in the family's shape, with the headers that belong to it.
pub(crate) fn assert_error(answer: &Answer, family: Family, wanted: &Wanted, context: &str) {
    let context = format!("{context}: {} {}", answer.status, answer.text());
    assert_eq!(answer.status, wanted.status, "{context}");
    assert_eq!(
        answer.header("content-type"),
        Some("application/json"),
        "{context}"
    );
    assert_eq!(answer.header("x-should-retry"), Some("false"), "{context}");
    let call = answer.header("x-orchestra-call-id");
    assert!(call.is_some_and(|id| !id.is_empty()), "{context}");
    let body = answer.json();
    let message = match family {
        Family::OpenAi | Family::Google => {
            assert_eq!(answer.header("x-request-id"), call, "{context}");
            let error = body["error"].as_object().expect(&context);
            let mut members: Vec<&str> = error.keys().map(String::as_str).collect();
            members.sort_unstable();
            assert_eq!(members, ["code", "message", "param", "type"], "{context}");
            assert_eq!(error["code"], wanted.code, "{context}");
            assert_eq!(error["param"].as_str(), wanted.param, "{context}");
            error["message"].as_str()
        }
        Family::Anthropic => {
            assert_eq!(answer.header("request-id"), call, "{context}");
            assert_eq!(body["type"], "error", "{context}");
            assert_eq!(body["request_id"].as_str(), call, "{context}");
            let error = &body["error"];
            assert_eq!(error["details"]["error_code"], wanted.code, "{context}");
            error["message"].as_str()
        }
    };
    assert!(body["error"]["type"].is_string(), "{context}");
    let message = message.expect("an error has a message");
    for words in wanted.says {
        assert!(message.contains(words), "no {words:?} in {context}");
    }
}
