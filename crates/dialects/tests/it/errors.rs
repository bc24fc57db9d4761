//! Error bodies, written and read.

use orchestra_dialects::{ErrorKind, ErrorView, Family, UpstreamError, parse_error, render_error};

const VIEW: ErrorView<'static> = ErrorView {
    status: 404,
    kind: ErrorKind::NotFound,
    message: "no model \"x\"\nhere",
    param: Some("model"),
    code: Some("model_not_found"),
    request_id: Some("call_1"),
};

const BARE: ErrorView<'static> = ErrorView {
    param: None,
    code: None,
    request_id: None,
    ..VIEW
};

#[test]
fn writes_the_body_of_each_family() {
    let check = |family, view, expected: &str| assert_eq!(render_error(family, &view), expected);
    check(
        Family::OpenAi,
        VIEW,
        r#"{"error":{"message":"no model \"x\"\nhere","type":"invalid_request_error","param":"model","code":"model_not_found"}}"#,
    );
    check(
        Family::OpenAi,
        BARE,
        r#"{"error":{"message":"no model \"x\"\nhere","type":"invalid_request_error","param":null,"code":null}}"#,
    );
    check(
        Family::Anthropic,
        VIEW,
        r#"{"type":"error","error":{"type":"not_found_error","message":"no model \"x\"\nhere","details":{"error_code":"model_not_found"}},"request_id":"call_1"}"#,
    );
    check(
        Family::Anthropic,
        BARE,
        r#"{"type":"error","error":{"type":"not_found_error","message":"no model \"x\"\nhere"},"request_id":null}"#,
    );
}

#[test]
fn each_kind_has_the_vendors_type_and_status() {
    use ErrorKind::*;
    for (kind, openai, anthropic) in [
        (
            InvalidRequest,
            ("invalid_request_error", 400),
            ("invalid_request_error", 400),
        ),
        (
            Authentication,
            ("authentication_error", 401),
            ("authentication_error", 401),
        ),
        (
            Permission,
            ("permission_error", 403),
            ("permission_error", 403),
        ),
        (
            NotFound,
            ("invalid_request_error", 404),
            ("not_found_error", 404),
        ),
        (
            TooLarge,
            ("invalid_request_error", 413),
            ("request_too_large", 413),
        ),
        (
            RateLimited,
            ("rate_limit_exceeded", 429),
            ("rate_limit_error", 429),
        ),
        (Billing, ("insufficient_quota", 429), ("billing_error", 402)),
        (Overloaded, ("server_error", 503), ("overloaded_error", 529)),
        (Timeout, ("server_error", 504), ("timeout_error", 504)),
        (Server, ("server_error", 500), ("api_error", 500)),
    ] {
        let written = |family| (kind.type_name(family), kind.status(family));
        assert_eq!(written(Family::OpenAi), openai, "{kind:?}");
        assert_eq!(written(Family::Anthropic), anthropic, "{kind:?}");
    }
}

#[test]
fn reads_every_shape_in_use() {
    let check = |body: &str, kind: Option<&str>, code: Option<&str>, message: &str| {
        let expected = UpstreamError {
            kind: kind.map(Into::into),
            code: code.map(Into::into),
            message: message.into(),
            retry_after: None,
        };
        assert_eq!(parse_error(body.as_bytes()), Some(expected), "{body}");
    };
    check(
        r#"{"error":{"message":"Slow down","type":"rate_limit_exceeded","param":null,"code":"insufficient_quota"}}"#,
        Some("rate_limit_exceeded"),
        Some("insufficient_quota"),
        "Slow down",
    );
    check(
        r#"{"type":"error","error":{"type":"invalid_request_error","message":"No threads","details":{"error_code":"thread_unsupported_request"}},"request_id":"r"}"#,
        Some("invalid_request_error"),
        Some("thread_unsupported_request"),
        "No threads",
    );
    let gemini = r#"{"error":{"code":400,"message":"Bad key","status":"INVALID_ARGUMENT","details":[{"@type":"x"},{"reason":"API_KEY_INVALID"}]}}"#;
    check(
        gemini,
        Some("INVALID_ARGUMENT"),
        Some("API_KEY_INVALID"),
        "Bad key",
    );
    check(
        &format!("[{gemini}\n]"),
        Some("INVALID_ARGUMENT"),
        Some("API_KEY_INVALID"),
        "Bad key",
    );
    check(
        r#"{"error":{"code":503,"message":"Busy","status":"UNAVAILABLE"}}"#,
        Some("UNAVAILABLE"),
        Some("503"),
        "Busy",
    );
    check(
        r#"{"status":"failure","message":"Not supported"}"#,
        None,
        None,
        "Not supported",
    );
    check(
        r#"{"object":"error","message":"Too long","type":"BadRequestError","code":400}"#,
        Some("BadRequestError"),
        None,
        "Too long",
    );
    check(r#"{"detail":"Not Found"}"#, None, None, "Not Found");
    check(
        r#"{"detail":[{"loc":["body"],"msg":"field required"},{"msg":"too short"}]}"#,
        None,
        None,
        "field required; too short",
    );
    check(r#"{"error":"Unauthorized"}"#, None, None, "Unauthorized");
    check(
        r#"{"error":"Bad Request","message":"model is unknown"}"#,
        None,
        None,
        "model is unknown",
    );
    check(
        r#"{"error":{"reason":"odd"}}"#,
        None,
        None,
        r#"{"reason":"odd"}"#,
    );
    check(
        r#"{"error":{"message":"cut emoji \ud83d"}}"#,
        None,
        None,
        "cut emoji \u{fffd}",
    );
}

#[test]
fn gemini_tells_in_the_body_how_long_to_wait() {
    let delay = |details: &str| {
        let body = format!(
            r#"{{"error":{{"code":429,"message":"Quota exceeded","status":"RESOURCE_EXHAUSTED","details":{details}}}}}"#
        );
        parse_error(body.as_bytes())
            .expect("an error")
            .retry_after
            .map(|rest| rest.as_secs_f64())
    };
    let info = |delay: &str| {
        delay_of(&format!(
            r#"{{"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":{delay}}}"#
        ))
    };
    assert_eq!(delay(&info("\"7s\"")), Some(7.0));
    assert_eq!(delay(&info("\"0.25s\"")), Some(0.25));
    for nonsense in ["\"soon\"", "\"7\"", "\"-1s\"", "7", "\"s\"", "\"1e400s\""] {
        assert_eq!(delay(&info(nonsense)), None, "{nonsense}");
    }
    assert_eq!(delay("[]"), None);
}

/// Details as Gemini sends them with a 429: what was exceeded comes before how long to wait.
fn delay_of(info: &str) -> String {
    format!(r#"[{{"@type":"type.googleapis.com/google.rpc.QuotaFailure","violations":[]}},{info}]"#)
}

#[test]
fn makes_no_error_of_anything_else() {
    for body in [
        "",
        "null",
        "[]",
        "[[]]",
        "{}",
        "<html>",
        "\"message\"",
        r#"{"error":null}"#,
        r#"{"error":{}}"#,
        r#"{"error":""}"#,
        r#"{"error":false}"#,
        r#"{"message":""}"#,
        r#"{"error":{"message":"cut"#,
        r#"{"choices":[]}"#,
        r#"{"detail":[{"loc":[]}]}"#,
    ] {
        assert_eq!(parse_error(body.as_bytes()), None, "{body}");
    }
    assert_eq!(parse_error(b"{\"message\":\"\xff\"}"), None);
}

#[test]
fn what_is_written_is_read_back() {
    for family in [Family::OpenAi, Family::Anthropic] {
        for view in [VIEW, BARE] {
            let read = parse_error(render_error(family, &view).as_bytes()).unwrap();
            assert_eq!(read.kind.as_deref(), Some(view.kind.type_name(family)));
            assert_eq!(
                (read.code.as_deref(), read.message.as_str()),
                (view.code, view.message)
            );
        }
    }
}
