//! The embedded rows, one by one and against each other.

use std::collections::BTreeSet;

use http::{HeaderName, Method};
use orchestra_dialects::{
    Continues, Endpoint, MaxTokensName, Profile, ReasoningControl, UpstreamError,
};
use orchestra_providers::{AuthScheme, Catalogue, ErrorClass, Provider, Row, StreamEnd};
use orchestra_types::ProviderId;

/// The rows whose address only an operator knows.
const WITHOUT_ADDRESS: [&str; 2] = ["azure-openai", "openai-compatible"];

fn built(kind: &str) -> Provider {
    let row = Catalogue::embedded().get(kind).unwrap().clone();
    let address = Row {
        base_url: Some("https://resource.example/openai/v1".to_owned()),
        ..Row::default()
    };
    let row = if WITHOUT_ADDRESS.contains(&kind) {
        row.overlay(&address)
    } else {
        row
    };
    Provider::build(ProviderId::new(kind).unwrap(), &row).unwrap()
}

fn uri(provider: &Provider, endpoint: Endpoint) -> Option<String> {
    provider.endpoint(endpoint).map(ToString::to_string)
}

#[test]
fn every_provider_can_be_at_another_address() {
    let base = "https://llm.example.com:8443/deep/api";
    for kind in Catalogue::embedded().kinds() {
        let provider = built(kind);
        let moved = provider.at(base).unwrap();
        assert_eq!(moved.origin(), "https://llm.example.com:8443", "{kind}");
        for endpoint in Endpoint::ALL {
            let (before, after) = (uri(&provider, endpoint), uri(&moved, endpoint));
            assert_eq!(before.is_some(), after.is_some(), "{kind} {endpoint}");
            if let (Some(before), Some(after)) = (before, after) {
                let path = after.strip_prefix(base).unwrap();
                assert!(before.ends_with(path) && path.len() > 1, "{before} {after}");
            }
        }
        let models = moved.models_uri().to_string();
        assert!(models.starts_with(&format!("{base}/")), "{models}");
        let raw = moved.passthrough_uri("/files").unwrap().to_string();
        assert_eq!(raw, format!("{base}/files"));
    }
    assert!(built("openai").at("ftp://llm.example.com").is_err());
}

#[test]
fn every_row_builds_and_only_two_need_an_address() {
    let catalogue = Catalogue::embedded();
    for kind in catalogue.kinds() {
        let provider = built(kind);
        let row = catalogue.get(kind).unwrap();
        assert_eq!(
            row.base_url.is_none(),
            WITHOUT_ADDRESS.contains(&kind),
            "{kind}"
        );
        assert_ne!(provider.label(), kind, "{kind} has a label for people");
        assert!(
            provider.relays_header(&HeaderName::from_static("retry-after")),
            "{kind}"
        );
        if provider.key_required() {
            assert!(
                !provider.key_names().is_empty(),
                "{kind} needs a key nobody can name"
            );
        }
        let is_local = ["ollama", "openai-compatible"].contains(&kind);
        assert_eq!(provider.key_required(), !is_local, "{kind}");
        assert_eq!(
            provider.origin().starts_with("http://"),
            kind == "ollama",
            "{kind}"
        );
    }
}

#[test]
fn no_pattern_and_no_key_name_belongs_to_two_rows() {
    let catalogue = Catalogue::embedded();
    let mut beginnings: Vec<(&str, &str)> = Vec::new();
    let mut key_names = BTreeSet::new();
    for kind in catalogue.kinds() {
        let row = catalogue.get(kind).unwrap();
        for pattern in row.patterns.iter().flatten() {
            let beginning = pattern.trim_end_matches('*');
            for (other, theirs) in &beginnings {
                let overlap = beginning.starts_with(theirs) || theirs.starts_with(beginning);
                assert!(!overlap, "{kind} {beginning} and {other} {theirs}");
            }
            beginnings.push((kind, beginning));
        }
        for name in row.key_names.iter().flatten() {
            assert!(key_names.insert(name.clone()), "{name} is named twice");
        }
    }
}

#[test]
fn the_main_vendors_are_where_they_should_be() {
    use Endpoint::*;
    for (kind, endpoint, expected) in [
        (
            "openai",
            ChatCompletions,
            Some("https://api.openai.com/v1/chat/completions"),
        ),
        (
            "openai",
            Responses,
            Some("https://api.openai.com/v1/responses"),
        ),
        (
            "openai",
            Embeddings,
            Some("https://api.openai.com/v1/embeddings"),
        ),
        ("openai", Messages, None),
        (
            "anthropic",
            Messages,
            Some("https://api.anthropic.com/v1/messages"),
        ),
        (
            "anthropic",
            CountTokens,
            Some("https://api.anthropic.com/v1/messages/count_tokens"),
        ),
        ("anthropic", ChatCompletions, None),
        (
            "deepseek",
            ChatCompletions,
            Some("https://api.deepseek.com/chat/completions"),
        ),
        (
            "deepseek",
            Messages,
            Some("https://api.deepseek.com/anthropic/v1/messages"),
        ),
        (
            "deepseek",
            Responses,
            Some("https://api.deepseek.com/responses"),
        ),
        (
            "portkey",
            Messages,
            Some("https://api.portkey.ai/v1/messages"),
        ),
        (
            "groq",
            ChatCompletions,
            Some("https://api.groq.com/openai/v1/chat/completions"),
        ),
        (
            "gemini",
            ChatCompletions,
            Some("https://generativelanguage.googleapis.com/v1beta/openai/chat/completions"),
        ),
        (
            "gemini",
            Embeddings,
            Some("https://generativelanguage.googleapis.com/v1beta/openai/embeddings"),
        ),
        (
            "gemini",
            GenerateContent,
            Some("https://generativelanguage.googleapis.com/v1beta/models"),
        ),
        (
            "azure-openai",
            ChatCompletions,
            Some("https://resource.example/openai/v1/chat/completions"),
        ),
        (
            "ollama",
            ChatCompletions,
            Some("http://127.0.0.1:11434/v1/chat/completions"),
        ),
    ] {
        assert_eq!(
            uri(&built(kind), endpoint).as_deref(),
            expected,
            "{kind} {endpoint}"
        );
    }
}

#[test]
fn keys_go_where_each_vendor_looks() {
    for (kind, header) in [
        ("openai", Some("authorization")),
        ("anthropic", Some("x-api-key")),
        ("azure-openai", Some("api-key")),
        ("portkey", Some("x-portkey-api-key")),
        ("ollama", None),
    ] {
        let found = built(kind).auth().header();
        assert_eq!(found.as_ref().map(HeaderName::as_str), header, "{kind}");
    }
    assert_eq!(*built("ollama").auth(), AuthScheme::None);

    let gemini = built("gemini");
    assert_eq!(*gemini.auth_for(None), AuthScheme::Bearer);
    assert_eq!(
        *gemini.auth_for(Some(Endpoint::ChatCompletions)),
        AuthScheme::Bearer
    );
    let native = AuthScheme::Header(HeaderName::from_static("x-goog-api-key"));
    assert_eq!(*gemini.auth_for(Some(Endpoint::GenerateContent)), native);
}

#[test]
fn the_version_of_messages_is_set_by_default_where_messages_are_spoken() {
    let version = |kind: &str, endpoint| {
        let provider = built(kind);
        let headers = provider.static_headers(endpoint).to_vec();
        let found = headers
            .into_iter()
            .find(|(name, _)| name == "anthropic-version");
        found.map(|(_, value)| value.to_str().unwrap().to_owned())
    };
    let set = Some("2023-06-01".to_owned());
    assert_eq!(version("anthropic", Some(Endpoint::Messages)), set);
    assert_eq!(version("anthropic", None), set);
    assert_eq!(version("deepseek", Some(Endpoint::Messages)), set);
    assert_eq!(version("deepseek", Some(Endpoint::ChatCompletions)), None);
    assert_eq!(version("openai", Some(Endpoint::ChatCompletions)), None);
    assert_eq!(version("openai", None), None);
}

#[test]
fn headers_pass_by_endpoint_and_credentials_never() {
    use Endpoint::*;
    for (kind, endpoint, name, expected) in [
        ("anthropic", Some(Messages), "anthropic-beta", true),
        ("anthropic", None, "anthropic-version", true),
        ("anthropic", Some(Messages), "content-type", false),
        ("anthropic", None, "content-type", true),
        (
            "anthropic",
            Some(Messages),
            "x-stainless-retry-count",
            false,
        ),
        ("openai", Some(ChatCompletions), "openai-organization", true),
        ("openai", Some(ChatCompletions), "idempotency-key", true),
        ("openai", None, "openai-beta", true),
        ("openai", None, "anthropic-beta", false),
        ("deepseek", Some(Messages), "anthropic-beta", true),
        ("deepseek", Some(ChatCompletions), "anthropic-beta", false),
        ("portkey", Some(ChatCompletions), "x-portkey-trace-id", true),
        ("portkey", Some(ChatCompletions), "x-portkey-config", false),
    ] {
        let name = HeaderName::from_static(name);
        assert_eq!(
            built(kind).forwards_header(endpoint, &name),
            expected,
            "{kind} {name}"
        );
    }
    let catalogue = Catalogue::embedded();
    for kind in catalogue.kinds() {
        let provider = built(kind);
        for name in [
            "authorization",
            "x-api-key",
            "api-key",
            "x-portkey-api-key",
            "x-goog-api-key",
            "cookie",
            "host",
        ] {
            let name = HeaderName::from_static(name);
            for endpoint in Endpoint::ALL.map(Some).into_iter().chain([None]) {
                assert!(!provider.forwards_header(endpoint, &name), "{kind} {name}");
            }
        }
        for name in [
            "set-cookie",
            "openai-organization",
            "anthropic-organization-id",
            "server",
        ] {
            assert!(
                !provider.relays_header(&HeaderName::from_static(name)),
                "{kind} {name}"
            );
        }
    }
}

#[test]
fn errors_of_the_vendors_are_read_as_they_mean_them() {
    use ErrorClass::*;
    for (kind, status, word, message, expected) in [
        (
            "anthropic",
            400,
            "invalid_request_error",
            "prompt is too long: 210000 tokens > 200000 maximum",
            ContextLength,
        ),
        (
            "anthropic",
            400,
            "invalid_request_error",
            "Your credit balance is too low to use the API",
            Billing,
        ),
        (
            "anthropic",
            400,
            "invalid_request_error",
            "messages: at least one message is required",
            InvalidRequest,
        ),
        (
            "anthropic",
            529,
            "overloaded_error",
            "Overloaded",
            Overloaded,
        ),
        (
            "openai",
            429,
            "insufficient_quota",
            "You exceeded your current quota",
            Billing,
        ),
        ("openai", 429, "requests", "Rate limit reached", RateLimited),
        ("deepseek", 402, "", "Insufficient Balance", Billing),
        (
            "deepseek",
            400,
            "invalid_request_error",
            "This model's maximum context length is 1048576 tokens.",
            ContextLength,
        ),
        (
            "gemini",
            400,
            "INVALID_ARGUMENT",
            "API key not valid. Please pass a valid API key.",
            Authentication,
        ),
        (
            "gemini",
            403,
            "PERMISSION_DENIED",
            "Your API key was reported as leaked. Please use another API key.",
            Authentication,
        ),
        (
            "gemini",
            403,
            "PERMISSION_DENIED",
            "You do not have permission to access tuned model foo.",
            Permission,
        ),
        (
            "xai",
            400,
            "",
            "Incorrect API key provided: na***ys. You can obtain an API key from https://console.x.ai.",
            Authentication,
        ),
        (
            "openrouter",
            403,
            "",
            "openai/gpt requires moderation. Your input was flagged for \"violence\".",
            ContentPolicy,
        ),
        (
            "gemini",
            429,
            "RESOURCE_EXHAUSTED",
            "Resource has been exhausted",
            RateLimited,
        ),
        (
            "groq",
            413,
            "tokens",
            "Request too large for model",
            ContextLength,
        ),
        (
            "portkey",
            446,
            "hooks_failed",
            "The guardrail checks defined in the config failed.",
            Policy,
        ),
        ("portkey", 412, "", "budget", Policy),
        (
            "openai-compatible",
            400,
            "BadRequestError",
            "This model's maximum context length is 4096 tokens.",
            ContextLength,
        ),
        (
            "openai-compatible",
            400,
            "exceed_context_size_error",
            "",
            ContextLength,
        ),
    ] {
        let error = UpstreamError {
            kind: (!word.is_empty()).then(|| word.to_owned()),
            code: None,
            message: message.to_owned(),
            retry_after: None,
        };
        assert_eq!(
            built(kind).classify(status, Some(&error)),
            expected,
            "{kind} {status} {message}"
        );
    }
}

#[test]
fn raw_calls_to_known_endpoints_are_recognised() {
    use Endpoint::*;
    for (kind, path, expected) in [
        ("openai", "/v1/chat/completions", Some(ChatCompletions)),
        ("openai", "/v1/chat/completions?x=1", Some(ChatCompletions)),
        ("openai", "/v1/chat/completions/", Some(ChatCompletions)),
        ("openai", "//v1//chat/completions", Some(ChatCompletions)),
        ("openai", "/v1/chat/%63ompletions", Some(ChatCompletions)),
        ("openai", "/V1/Chat/Completions", Some(ChatCompletions)),
        (
            "openai",
            "/v1/chat;a=1/completions;b",
            Some(ChatCompletions),
        ),
        ("openai", "/v1/files", None),
        ("openai", "/v1/messages", None),
        ("openai", "/v1/chat/completions/abc", None),
        ("openai", "/%zz", None),
        ("openai", "", None),
        ("anthropic", "/v1/messages?beta=true", Some(Messages)),
        ("anthropic", "/v1/messages/count_tokens", Some(CountTokens)),
        ("anthropic", "/v1/messages/batches", None),
        ("deepseek", "/anthropic/v1/messages", Some(Messages)),
        ("deepseek", "/chat/completions", Some(ChatCompletions)),
        ("deepseek", "/v1/chat/completions", Some(ChatCompletions)),
        ("gemini", "/chat/completions", Some(ChatCompletions)),
        ("gemini", "/embeddings", Some(Embeddings)),
        (
            "gemini",
            "/v1beta/models/gemini-3.8-flash:generateContent",
            None,
        ),
        ("groq", "/v1/responses", Some(Responses)),
    ] {
        let provider = built(kind);
        assert_eq!(
            provider.endpoint_for(&Method::POST, path),
            expected,
            "{kind} {path}"
        );
        assert_eq!(
            provider.endpoint_for(&Method::GET, path),
            None,
            "{kind} {path}"
        );
    }
}

#[test]
fn raw_calls_start_where_the_vendor_does() {
    for (kind, path, expected) in [
        (
            "openai",
            "/v1/files?limit=2",
            "https://api.openai.com/v1/files?limit=2",
        ),
        (
            "anthropic",
            "/v1/models",
            "https://api.anthropic.com/v1/models",
        ),
        (
            "deepseek",
            "/user/balance",
            "https://api.deepseek.com/user/balance",
        ),
        (
            "groq",
            "/v1/models",
            "https://api.groq.com/openai/v1/models",
        ),
        (
            "openrouter",
            "/v1/credits",
            "https://openrouter.ai/api/v1/credits",
        ),
    ] {
        assert_eq!(
            built(kind).passthrough_uri(path).unwrap().to_string(),
            expected
        );
    }
    let models = |kind: &str| built(kind).models_uri().to_string();
    assert_eq!(models("anthropic"), "https://api.anthropic.com/v1/models");
    assert_eq!(models("deepseek"), "https://api.deepseek.com/models");
    assert_eq!(
        models("gemini"),
        "https://generativelanguage.googleapis.com/v1beta/openai/models"
    );
}

#[test]
fn raw_calls_follow_an_address_of_the_operators() {
    let row = Row {
        kind: Some("gemini".to_owned()),
        base_url: Some("http://10.0.0.5:8000/v1beta".to_owned()),
        ..Row::default()
    };
    let id = ProviderId::new("own").unwrap();
    let complete = Catalogue::embedded().complete(&id, &row).unwrap();
    let own = Provider::build(id, &complete).unwrap();
    let uri = own.passthrough_uri("/openai/files").unwrap();
    assert_eq!(uri, "http://10.0.0.5:8000/v1beta/openai/files");
}

#[test]
fn only_servers_of_unknown_make_may_leave_out_the_end_of_a_stream() {
    let catalogue = Catalogue::embedded();
    for kind in catalogue.kinds() {
        let lenient = built(kind).stream_end(Endpoint::ChatCompletions) == StreamEnd::FinishReason;
        assert_eq!(lenient, kind == "openai-compatible", "{kind}");
    }
    let gemini = |endpoint| built("gemini").stream_end(endpoint);
    assert_eq!(gemini(Endpoint::ChatCompletions), StreamEnd::Marker);
    assert_eq!(gemini(Endpoint::GenerateContent), StreamEnd::FinishReason);
}

#[test]
fn rate_limits_are_told_in_each_vendors_words() {
    let names = |kind| {
        let provider = built(kind);
        let limits = provider.rate_limits();
        let names = limits.headers.iter().map(|l| l.remaining.to_string());
        (names.collect::<Vec<_>>().join(" "), limits.fields)
    };
    let standard = "ratelimit-remaining";
    let anthropic = format!(
        "anthropic-ratelimit-requests-remaining anthropic-ratelimit-input-tokens-remaining \
         anthropic-ratelimit-output-tokens-remaining {standard}"
    );
    assert_eq!(names("anthropic"), (anthropic, true));
    let mistral = format!(
        "x-ratelimit-remaining-req-minute x-ratelimit-remaining-tokens-minute \
         x-ratelimit-remaining-tokens-month {standard}"
    );
    assert_eq!(names("mistral"), (mistral, true));
    assert_eq!(names("deepseek"), (standard.to_owned(), true));
    // What these send may be another provider's.
    for kind in ["portkey", "openrouter"] {
        assert_eq!(names(kind), (String::new(), false), "{kind}");
    }
}

#[test]
fn profiles_say_what_the_dialects_crate_knows_of_these_servers() {
    let profile = |kind: &str| built(kind).profile("some-model");
    assert_eq!(profile("openai"), Profile::default());
    assert_eq!(profile("azure-openai"), Profile::default());
    assert_eq!(profile("openai-compatible"), Profile::compatible());
    let text_only = Profile {
        embedding_token_ids: false,
        ..Profile::compatible()
    };
    assert_eq!(profile("ollama"), text_only);
    assert!(!profile("gemini").embedding_token_ids);
    assert_eq!(profile("deepseek"), Profile::deepseek());
    assert!(!profile("mistral").stream_options);
    assert_eq!(profile("groq").max_tokens_name, MaxTokensName::MaxTokens);
}

#[test]
fn only_those_go_on_from_a_beginning_that_are_known_to() {
    for (kind, model, way) in [
        ("openai", "gpt-5-mini", Continues::Never),
        ("openai-compatible", "any", Continues::Never),
        (
            "anthropic",
            "claude-3-5-haiku-20241022",
            Continues::Assistant,
        ),
        (
            "anthropic",
            "claude-sonnet-4-20250514",
            Continues::Assistant,
        ),
        (
            "anthropic",
            "claude-haiku-4-5-20251001",
            Continues::Assistant,
        ),
        ("anthropic", "claude-sonnet-4-6", Continues::Never),
        ("anthropic", "claude-opus-5-5", Continues::Never),
        ("deepseek", "deepseek-v4-pro", Continues::Prefix),
        ("mistral", "mistral-large-latest", Continues::PrefixRepeated),
        ("mistral", "magistral-medium-latest", Continues::Never),
        (
            "openrouter",
            "anthropic/claude-sonnet-4.5",
            Continues::Assistant,
        ),
        (
            "openrouter",
            "anthropic/claude-sonnet-4",
            Continues::Assistant,
        ),
        (
            "openrouter",
            "anthropic/claude-sonnet-4.6",
            Continues::Never,
        ),
        ("openrouter", "openai/gpt-5-mini", Continues::Never),
        ("groq", "openai/gpt-oss-120b", Continues::Never),
    ] {
        assert_eq!(built(kind).profile(model).continues, way, "{kind}/{model}");
    }
    let deepseek = built("deepseek");
    let uri = |endpoint| {
        let uri = deepseek.continuation_uri(endpoint, "deepseek-v4-pro");
        uri.unwrap().to_string()
    };
    assert_eq!(
        uri(Endpoint::ChatCompletions),
        "https://api.deepseek.com/beta/chat/completions"
    );
    assert_eq!(
        uri(Endpoint::Messages),
        "https://api.deepseek.com/anthropic/v1/messages"
    );
    let mistral =
        built("mistral").continuation_uri(Endpoint::ChatCompletions, "mistral-large-latest");
    assert_eq!(
        mistral.unwrap(),
        "https://api.mistral.ai/v1/chat/completions"
    );
}

#[test]
fn every_generation_of_claude_is_asked_in_its_own_way() {
    use Continues::{Assistant, Never};
    use ReasoningControl::{Budget, Effort, None};
    let anthropic = built("anthropic");
    for (model, reasoning, sampling, json_schema, max_tokens, continues) in [
        ("claude-opus-5-5", Effort, false, true, 64_000, Never),
        (
            "claude-haiku-5-5-20261001",
            Effort,
            false,
            true,
            64_000,
            Never,
        ),
        ("claude-opus-4-7", Effort, false, true, 64_000, Never),
        ("claude-sonnet-4-6", Effort, true, true, 64_000, Never),
        (
            "claude-haiku-4-5-20251001",
            Budget,
            true,
            true,
            64_000,
            Assistant,
        ),
        (
            "claude-opus-4-1-20250805",
            Budget,
            true,
            false,
            32_000,
            Assistant,
        ),
        (
            "claude-sonnet-4-20250514",
            Budget,
            true,
            false,
            32_000,
            Assistant,
        ),
        (
            "claude-3-7-sonnet-latest",
            Budget,
            true,
            false,
            32_000,
            Assistant,
        ),
        (
            "claude-3-5-haiku-20241022",
            None,
            true,
            false,
            8_192,
            Assistant,
        ),
        (
            "claude-3-opus-20240229",
            None,
            true,
            false,
            4_096,
            Assistant,
        ),
    ] {
        let expected = Profile {
            reasoning,
            sampling,
            json_schema,
            default_max_output_tokens: max_tokens,
            continues,
            ..Profile::default()
        };
        assert_eq!(anthropic.profile(model), expected, "{model}");
    }
}

#[test]
fn models_of_openai_that_think_are_not_told_how_to_draw() {
    let openai = built("openai");
    let thinks = |model| {
        let profile = openai.profile(model);
        let thinks = profile.reasoning == ReasoningControl::Effort;
        assert_eq!(profile.sampling, !thinks, "{model}");
        thinks
    };
    for model in ["o3-mini", "gpt-5-mini", "gpt-5.6-terra", "gpt-6.1-sol"] {
        assert!(thinks(model), "{model}");
    }
    for model in ["gpt-4o-mini", "gpt-4.1", "gpt-5-chat-latest"] {
        assert!(!thinks(model), "{model}");
    }
}

#[test]
fn clients_of_other_endpoints_are_led_to_the_one_that_loses_least() {
    use Endpoint::*;
    for (kind, expected) in [
        ("openai", &[Responses, ChatCompletions][..]),
        ("azure-openai", &[Responses, ChatCompletions]),
        ("anthropic", &[Messages]),
        ("deepseek", &[ChatCompletions, Messages, Responses]),
        ("mistral", &[ChatCompletions]),
        ("gemini", &[GenerateContent, ChatCompletions]),
        ("perplexity", &[Responses]),
    ] {
        assert_eq!(built(kind).translates_to(), expected, "{kind}");
    }
}
