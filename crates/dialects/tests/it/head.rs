//! What the head scan reads and what it refuses.

use orchestra_dialects::{BodyError, Endpoint, Head, HeadLimits};

const ALL: HeadLimits = HeadLimits {
    depth: 64,
    members: 1024,
};

fn scan(endpoint: Endpoint, body: &str) -> Result<Head, BodyError> {
    Head::scan(endpoint, body.as_bytes(), &ALL)
}

/// Compares what is read: model, stream, `include_usage`, token limit, user.
#[track_caller]
fn check(
    endpoint: Endpoint,
    body: &str,
    expected: (&str, bool, Option<bool>, Option<u64>, Option<&str>),
) {
    let head = scan(endpoint, body).unwrap_or_else(|error| panic!("{body}: {error}"));
    let read = (
        head.model(),
        head.stream(),
        head.include_usage(),
        head.max_output_tokens(),
        head.user(),
    );
    assert_eq!(read, expected, "{body}");
}

/// Compares the error's code, param and words.
#[track_caller]
fn refuse(endpoint: Endpoint, body: &str, code: &str, param: Option<&str>, words: &str) {
    let error = scan(endpoint, body).expect_err(body);
    assert_eq!((error.code(), error.param()), (code, param), "{body}");
    assert_eq!(error.to_string(), words, "{body}");
}

#[test]
fn reads_the_fields_of_each_endpoint() {
    use Endpoint::{ChatCompletions, Completions, CountTokens, Embeddings, Messages, Responses};
    check(
        ChatCompletions,
        r#"{"model":"m","messages":[]}"#,
        ("m", false, None, None, None),
    );
    check(
        ChatCompletions,
        r#"{"messages":[{"role":"user","content":"{\"model\":\"x\",\"stream\":false}"}],"max_tokens":5,
            "max_completion_tokens":7,"stream":true,"stream_options":{"include_usage":true},"user":"u\u0031",
            "model":"a\/b"}"#,
        ("a/b", true, Some(true), Some(7), Some("u1")),
    );
    check(
        ChatCompletions,
        r#"{"model":"m","messages":[],"stream":null,"stream_options":null,"max_tokens":null,"user":null,"metadata":null}"#,
        ("m", false, None, None, None),
    );
    check(
        ChatCompletions,
        r#"{"model":"m","messages":[],"max_tokens":-1}"#,
        ("m", false, None, None, None),
    );
    check(
        Completions,
        r#"{"model":"m","max_tokens":9,"stream_options":{"include_usage":false}}"#,
        ("m", false, Some(false), Some(9), None),
    );
    check(
        Responses,
        r#"{"model":"m","max_output_tokens":16,"max_tokens":2,"user":"u","stream_options":{}}"#,
        ("m", false, None, Some(16), Some("u")),
    );
    check(
        Embeddings,
        r#"{"model":"m","input":"x"}"#,
        ("m", false, None, None, None),
    );
    check(
        Embeddings,
        r#"{"model":"m","input":["x"],"max_tokens":4}"#,
        ("m", false, None, None, None),
    );
    check(
        Messages,
        r#"{"model":"m","messages":[],"max_tokens":1,"metadata":{"user_id":"u"},"user":"no","stream_options":7}"#,
        ("m", false, None, Some(1), Some("u")),
    );
    check(
        CountTokens,
        r#" {"model":"m","messages":[]} "#,
        ("m", false, None, None, None),
    );
}

#[test]
fn tells_where_members_stand() {
    let body =
        "{ \"mod\\u0065l\" : \"m\" , \"messages\":[1, {\"a\":[]}],\"metadata\":{\"team\":\"x\"}}\n";
    let head = scan(Endpoint::ChatCompletions, body).unwrap();
    let member = head.member("model").expect("the name is decoded");
    assert_eq!(&body[member.key.clone()], r#""mod\u0065l""#);
    assert_eq!(&body[member.value.clone()], r#""m""#);
    assert_eq!(
        &body[head.member("messages").unwrap().value.clone()],
        r#"[1, {"a":[]}]"#
    );
    assert_eq!(&body[head.metadata().unwrap()], r#"{"team":"x"}"#);
    assert!(head.member("tools").is_none());
    let names: Vec<&str> = head.members().map(|(name, _)| name).collect();
    assert_eq!(names, ["model", "messages", "metadata"]);
}

#[test]
fn refuses_what_is_no_object() {
    let refuse = |body, code, words| refuse(Endpoint::ChatCompletions, body, code, None, words);
    refuse(
        "",
        "empty_body",
        "the request body is empty; send a JSON object",
    );
    refuse(
        " \r\n\t",
        "empty_body",
        "the request body is empty; send a JSON object",
    );
    refuse(
        "[]",
        "body_not_an_object",
        "the request body is a list; send a JSON object",
    );
    refuse(
        "null",
        "body_not_an_object",
        "the request body is null; send a JSON object",
    );
    refuse(
        "model=x",
        "invalid_json",
        "the request body is not valid JSON at line 1, column 1: a value was expected",
    );
    refuse(
        "{\n  \"é\": 1\n  \"b\": 2}",
        "invalid_json",
        "the request body is not valid JSON at line 3, column 3: a ',' or '}' was expected",
    );
    refuse(
        "{\"a\":\"é\" x}",
        "invalid_json",
        "the request body is not valid JSON at line 1, column 10: a ',' or '}' was expected",
    );
    refuse(
        "{\"a\":[1",
        "invalid_json",
        "the request body is not valid JSON at line 1, column 8: the text ends in the middle of a value",
    );
    refuse(
        "{} {}",
        "invalid_json",
        "the request body is not valid JSON at line 1, column 4: there is text after the end of the value",
    );
}

#[test]
fn refuses_bytes_that_are_no_text() {
    let error = Head::scan(Endpoint::ChatCompletions, b"{\"a\":\"\xff\"}", &ALL).unwrap_err();
    assert_eq!(error, BodyError::NotUtf8 { offset: 6 });
}

#[test]
fn refuses_missing_and_mistyped_fields() {
    use Endpoint::{ChatCompletions, Embeddings, Messages, Responses};
    let missing_model = "`model` is missing; add it as a string with the name of the model to call";
    refuse(
        Responses,
        "{}",
        "missing_field",
        Some("model"),
        missing_model,
    );
    refuse(
        Responses,
        r#"{"model":null}"#,
        "missing_field",
        Some("model"),
        missing_model,
    );
    refuse(
        Responses,
        r#"{"model":""}"#,
        "empty_string",
        Some("model"),
        "`model` is an empty string; give it a value",
    );
    refuse(
        Responses,
        r#"{"model":4}"#,
        "invalid_type",
        Some("model"),
        "`model` is a number; make it a string",
    );
    refuse(
        ChatCompletions,
        r#"{"model":"m"}"#,
        "missing_field",
        Some("messages"),
        "`messages` is missing; add it as a list of messages",
    );
    refuse(
        Messages,
        r#"{"model":"m","messages":"Hi"}"#,
        "invalid_type",
        Some("messages"),
        "`messages` is a string; make it a list of messages",
    );
    refuse(
        Embeddings,
        r#"{"model":"m","input":{}}"#,
        "invalid_type",
        Some("input"),
        "`input` is an object; make it a string or a list",
    );
    refuse(
        Responses,
        r#"{"model":"m","stream":"true"}"#,
        "invalid_type",
        Some("stream"),
        "`stream` is a string; make it true or false",
    );
    refuse(
        Responses,
        r#"{"model":"m","max_output_tokens":"5"}"#,
        "invalid_type",
        Some("max_output_tokens"),
        "`max_output_tokens` is a string; make it a number",
    );
    refuse(
        ChatCompletions,
        r#"{"model":"m","messages":[],"stream_options":{"include_usage":1}}"#,
        "invalid_type",
        Some("stream_options.include_usage"),
        "`stream_options.include_usage` is a number; make it true or false",
    );
    refuse(
        Messages,
        r#"{"model":"m","messages":[],"metadata":[]}"#,
        "invalid_type",
        Some("metadata"),
        "`metadata` is a list; make it an object",
    );
}

#[test]
fn refuses_what_two_readers_could_read_differently() {
    let twice = "`model` is given more than once; give it once";
    refuse(
        Endpoint::Responses,
        r#"{"model":"a","x":1,"model":"b"}"#,
        "duplicate_field",
        Some("model"),
        twice,
    );
    refuse(
        Endpoint::Responses,
        r#"{"model":"a","\u006dodel":"b"}"#,
        "duplicate_field",
        Some("model"),
        twice,
    );
    refuse(
        Endpoint::Messages,
        r#"{"model":"m","messages":[],"metadata":{"user_id":"a","user_id":"b"}}"#,
        "duplicate_field",
        Some("metadata.user_id"),
        "`metadata.user_id` is given more than once; give it once",
    );
    refuse(
        Endpoint::Responses,
        r#"{"model":"\ud800"}"#,
        "invalid_json",
        None,
        "the request body is not valid JSON at line 1, column 11: a string holds half of a surrogate pair, which is no character",
    );
}

#[test]
fn keeps_to_its_limits() {
    let nested = |depth: usize| {
        let (open, close) = ("[".repeat(depth - 1), "]".repeat(depth - 1));
        format!(r#"{{"model":"m","x":{open}{close}}}"#)
    };
    let wide = |members: usize| {
        let rest: String = (1..members).map(|i| format!(r#","k{i}":{i}"#)).collect();
        format!(r#"{{"model":"m"{rest}}}"#)
    };
    for depth in [2, 3, 64, 128] {
        let limits = HeadLimits { depth, ..ALL };
        let scan = |levels| Head::scan(Endpoint::Responses, nested(levels).as_bytes(), &limits);
        assert!(scan(usize::from(depth)).is_ok(), "{depth}");
        let error = scan(usize::from(depth) + 1).unwrap_err();
        assert_eq!(error, BodyError::TooDeep { limit: depth });
    }
    for members in [2, 1024] {
        let limits = HeadLimits { members, ..ALL };
        let scan = |count| Head::scan(Endpoint::Responses, wide(count).as_bytes(), &limits);
        assert!(scan(members).is_ok(), "{members}");
        let error = scan(members + 1).unwrap_err();
        assert_eq!(error, BodyError::TooManyMembers { limit: members });
    }
    // A body of nothing but brackets costs no stack.
    let brackets = format!("{{\"x\":{}", "[".repeat(1 << 20));
    assert_eq!(
        scan(Endpoint::Responses, &brackets).unwrap_err(),
        BodyError::TooDeep { limit: 64 }
    );
}
