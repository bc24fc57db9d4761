//! What counts as content, as an error, as an end; answers in one piece.

use orchestra_dialects::{
    AnswerError, EndRule, Endpoint, ErrorKind, ErrorView, MALFORMED_EVENT, SseReader, StreamEnd,
    StreamSniffer, UpstreamError, sniff_answer, without_usage_chunk,
};
use orchestra_types::Usage;

fn sniff(endpoint: Endpoint, events: &[&str]) -> StreamSniffer {
    let mut sniffer = StreamSniffer::new(endpoint, 1 << 16);
    for event in events {
        sniffer
            .feed(format!("data: {event}\n\n").as_bytes())
            .expect("events stay within the limit");
    }
    sniffer
}

#[test]
fn chat_content_is_what_a_user_or_program_gets() {
    let check = |delta: &str, expected: bool| {
        let event =
            format!(r#"{{"choices":[{{"index":0,"delta":{delta},"finish_reason":null}}]}}"#);
        let sniffer = sniff(Endpoint::ChatCompletions, &[&event]);
        assert_eq!(sniffer.content(), expected, "{delta}");
        assert_eq!(sniffer.error(), None, "{delta}");
    };
    for delta in [
        "{}",
        "null",
        r#"{"role":"assistant"}"#,
        r#"{"role":"assistant","content":"","refusal":null}"#,
        r#"{"role":"assistant","content":null,"tool_calls":[]}"#,
        r#"{"content":"","reasoning_content":""}"#,
    ] {
        check(delta, false);
    }
    for delta in [
        r#"{"content":" "}"#,
        r#"{"content":[{"type":"text","text":"a"}]}"#,
        r#"{"role":"assistant","refusal":"No."}"#,
        r#"{"reasoning_content":"Hm"}"#,
        r#"{"reasoning":"Hm"}"#,
        r#"{"tool_calls":[{"index":0,"id":"c","function":{"name":"f","arguments":""}}]}"#,
        r#"{"function_call":{"name":"f"}}"#,
        r#"{"audio":{"id":"a"}}"#,
        r#"{"\u0063ontent":"an escaped key"}"#,
    ] {
        check(delta, true);
    }
    assert!(!sniff(Endpoint::Completions, &[r#"{"choices":[{"text":""}]}"#]).content());
    assert!(sniff(Endpoint::Completions, &[r#"{"choices":[{"text":"a"}]}"#]).content());
}

#[test]
fn responses_content_begins_with_the_first_delta_or_call() {
    let check = |event: &str, expected: bool| {
        assert_eq!(
            sniff(Endpoint::Responses, &[event]).content(),
            expected,
            "{event}"
        );
    };
    for event in [
        r#"{"type":"response.created","response":{"status":"in_progress","usage":null}}"#,
        r#"{"type":"response.in_progress","response":{"status":"in_progress"}}"#,
        r#"{"type":"response.output_item.added","item":{"type":"message","content":[]}}"#,
        r#"{"type":"response.output_item.added","item":{"type":"reasoning","summary":[]}}"#,
        r#"{"type":"response.content_part.added","part":{"type":"output_text","text":""}}"#,
        r#"{"type":"response.output_text.delta","delta":""}"#,
    ] {
        check(event, false);
    }
    for event in [
        r#"{"type":"response.output_item.added","item":{"type":"function_call","arguments":""}}"#,
        r#"{"type":"response.output_item.added","item":{"type":"web_search_call"}}"#,
        r#"{"delta":"a","type":"response.output_text.delta"}"#,
        r#"{"type":"response.refusal.delta","delta":"No"}"#,
        r#"{"type":"response.reasoning_summary_text.delta","delta":"Hm"}"#,
        r#"{"type":"response.function_call_arguments.delta","delta":"{"}"#,
        r#"{"type":"response.audio.delta","delta":"UklG"}"#,
        r#"{"type":"response.output_item.done","item":{"type":"message"}}"#,
    ] {
        check(event, true);
    }
}

#[test]
fn messages_content_begins_with_the_first_delta_or_call() {
    let check = |event: &str, expected: bool| {
        assert_eq!(
            sniff(Endpoint::Messages, &[event]).content(),
            expected,
            "{event}"
        );
    };
    for event in [
        r#"{"type":"message_start","message":{"content":[],"usage":{}}}"#,
        r#"{"type":"ping"}"#,
        r#"{"type":"content_block_start","content_block":{"type":"text","text":""}}"#,
        r#"{"type":"content_block_start","content_block":{"type":"thinking","thinking":"","signature":""}}"#,
        r#"{"type":"content_block_delta","delta":{"type":"text_delta","text":""}}"#,
        r#"{"type":"content_block_delta","delta":{"type":"input_json_delta","partial_json":""}}"#,
    ] {
        check(event, false);
    }
    for event in [
        r#"{"type":"content_block_start","content_block":{"type":"tool_use","input":{}}}"#,
        r#"{"type":"content_block_start","content_block":{"type":"redacted_thinking","data":"x"}}"#,
        r#"{"type":"content_block_start","content_block":{"type":"text","text":"a"}}"#,
        r#"{"type":"content_block_delta","delta":{"type":"text_delta","text":"a"}}"#,
        r#"{"type":"content_block_delta","delta":{"type":"thinking_delta","thinking":"a"}}"#,
        r#"{"type":"content_block_delta","delta":{"type":"signature_delta","signature":"a"}}"#,
    ] {
        check(event, true);
    }
}

#[test]
fn the_event_field_names_an_event_that_does_not_name_itself() {
    let mut sniffer = StreamSniffer::new(Endpoint::Messages, 1000);
    sniffer
        .feed(b"event: message_delta\ndata: {\"delta\":{\"stop_reason\":\"end_turn\"}}\n\n")
        .unwrap();
    sniffer.feed(b"event: message_stop\ndata: {}\n\n").unwrap();
    assert_eq!(
        (sniffer.finish(), sniffer.ended()),
        (Some("end_turn"), true)
    );
}

#[test]
fn a_finish_is_found_wherever_it_stands() {
    let finish = |event: &str| {
        let sniffer = sniff(Endpoint::ChatCompletions, &[event]);
        sniffer.finish().map(str::to_owned)
    };
    assert_eq!(
        finish(r#"{ "choices" : [ { "finish_reason" : "stop" , "delta" : {} } ] }"#),
        Some("stop".into())
    );
    assert_eq!(
        finish(r#"{"choices":[{"finish_reason":null},{"finish_reason":"length"}]}"#),
        Some("length".into())
    );
    assert_eq!(finish(r#"{"choices":[{"finish_reason":""}]}"#), None);
    assert_eq!(
        finish(
            r#"{"choices":[{"delta":{"content":"\"finish_reason\":\"stop\""},"finish_reason":null}]}"#
        ),
        None
    );
    assert_eq!(
        finish(
            r#"{"choices":[{"delta":{"content":"finish_reason","finish_reason":"x"},"finish_reason":null}]}"#
        ),
        None
    );
    assert_eq!(finish(r#"{"finish_reason":"stop","choices":[]}"#), None);
}

#[test]
fn events_that_are_no_json_are_failures() {
    let check = |endpoint, data: &[u8], words: &str| {
        let mut sniffer = StreamSniffer::new(endpoint, 1000);
        sniffer.feed(&[b"data: ", data, b"\n\n"].concat()).unwrap();
        let error = sniffer
            .error()
            .unwrap_or_else(|| panic!("{words} expected"));
        assert_eq!(error.code.as_deref(), Some(MALFORMED_EVENT));
        assert_eq!(error.message, words);
        assert_eq!(sniffer.end(EndRule::FinishReason), StreamEnd::Failed);
    };
    for endpoint in [
        Endpoint::ChatCompletions,
        Endpoint::Responses,
        Endpoint::Messages,
    ] {
        check(
            endpoint,
            b"<html>",
            "event 1 of the stream is not valid JSON at byte 0: a value was expected",
        );
        check(
            endpoint,
            b"[1]",
            "event 1 of the stream is not a JSON object",
        );
        check(
            endpoint,
            b"{\"a\":",
            "event 1 of the stream is not valid JSON at byte 5: the text ends in the middle of a value",
        );
        check(
            endpoint,
            b"{\"a\":\"\xff\"}",
            "event 1 of the stream is not UTF-8",
        );
        check(
            endpoint,
            b"{} {}",
            "event 1 of the stream is not valid JSON at byte 3: there is text after the end of the value",
        );
    }
}

#[test]
fn odd_but_harmless_events_are_no_failures() {
    for endpoint in [
        Endpoint::ChatCompletions,
        Endpoint::Responses,
        Endpoint::Messages,
    ] {
        let sniffer = sniff(
            endpoint,
            &[
                "",
                " ",
                "{}",
                r#"{"choices":null,"usage":7,"error":null,"model":5,"type":1,"delta":[],"response":"x"}"#,
                r#"{"choices":[null,[],"x",{"delta":{"content":"half an emoji: \ud83d"}}],"error":{}}"#,
                r#"{"model":"late"}"#,
            ],
        );
        assert_eq!(sniffer.error(), None, "{endpoint}");
        assert_eq!(sniffer.events(), 6, "{endpoint}");
        assert_eq!(
            sniffer.end(EndRule::FinishReason),
            StreamEnd::Truncated,
            "{endpoint}"
        );
    }
}

#[test]
fn only_the_terminal_event_of_the_format_ends_it() {
    for endpoint in [Endpoint::Responses, Endpoint::Messages] {
        assert!(!sniff(endpoint, &["[DONE]"]).ended(), "{endpoint}");
        assert_eq!(sniff(endpoint, &["[DONE]"]).error(), None, "{endpoint}");
    }
    assert!(sniff(Endpoint::ChatCompletions, &["[DONE]"]).ended());
    let after = sniff(Endpoint::ChatCompletions, &["[DONE]", "garbage"]);
    assert_eq!(after.end(EndRule::Marker), StreamEnd::Complete);
}

#[test]
fn usage_is_the_last_one_told() {
    let usage = |endpoint, events: &[&str]| sniff(endpoint, events).usage();
    let plain = |input, output| {
        Some(Usage {
            input,
            output,
            ..Usage::default()
        })
    };
    let chat = Endpoint::ChatCompletions;
    assert_eq!(
        usage(
            chat,
            &[
                r#"{"usage":{"prompt_tokens":5,"completion_tokens":1}}"#,
                r#"{"usage":{"prompt_tokens":5,"completion_tokens":2}}"#,
                r#"{"usage":null}"#,
            ]
        ),
        plain(5, 2)
    );
    assert_eq!(usage(chat, &[r#"{"usage":{"total_tokens":5}}"#]), None);
    // Parts larger than their total are cut to it.
    assert_eq!(
        usage(
            chat,
            &[
                r#"{"usage":{"prompt_tokens":5,"completion_tokens":2,"prompt_tokens_details":{"cached_tokens":9},"completion_tokens_details":{"reasoning_tokens":18446744073709551615}}}"#
            ]
        ),
        Some(Usage {
            cache_read: 5,
            reasoning: 2,
            ..Usage::default()
        })
    );
    // Reasoning beside the completion, as the total shows.
    assert_eq!(
        usage(
            chat,
            &[
                r#"{"usage":{"prompt_tokens":5,"completion_tokens":2,"total_tokens":17,"completion_tokens_details":{"reasoning_tokens":10}}}"#
            ]
        ),
        Some(Usage {
            input: 5,
            output: 2,
            reasoning: 10,
            ..Usage::default()
        })
    );
    // Counters that are no counters.
    assert_eq!(
        usage(
            chat,
            &[r#"{"usage":{"prompt_tokens":-5,"completion_tokens":2}}"#]
        ),
        plain(0, 2)
    );
    assert_eq!(
        usage(
            chat,
            &[r#"{"usage":{"prompt_tokens":1e400,"completion_tokens":"9"}}"#]
        ),
        None
    );
    // Anthropic: a zero that only fills a place, a split without its total.
    assert_eq!(
        usage(
            Endpoint::Messages,
            &[
                r#"{"type":"message_start","message":{"usage":{"input_tokens":7,"output_tokens":1,"cache_creation":{"ephemeral_5m_input_tokens":2,"ephemeral_1h_input_tokens":3}}}}"#,
                r#"{"type":"message_delta","usage":{"input_tokens":0,"output_tokens":9}}"#,
            ]
        ),
        Some(Usage {
            input: 7,
            cache_write_5m: 2,
            cache_write_1h: 3,
            output: 9,
            ..Usage::default()
        })
    );
    assert_eq!(
        usage(
            Endpoint::Messages,
            &[
                r#"{"type":"message_start","message":{"usage":{"input_tokens":0,"output_tokens":0}}}"#,
                r#"{"type":"message_delta","usage":{"input_tokens":7,"output_tokens":9,"cache_creation_input_tokens":4}}"#,
            ]
        ),
        Some(Usage {
            input: 7,
            cache_write_5m: 4,
            output: 9,
            ..Usage::default()
        })
    );
}

#[test]
fn errors_in_streams_have_many_shapes() {
    let error = |endpoint, event: &str| sniff(endpoint, &[event]).error().cloned();
    let expected = |kind: Option<&str>, code: Option<&str>, message: &str| {
        Some(UpstreamError {
            kind: kind.map(Into::into),
            code: code.map(Into::into),
            message: message.into(),
            retry_after: None,
        })
    };
    assert_eq!(
        error(Endpoint::ChatCompletions, r#"{"error":"boom"}"#),
        expected(None, None, "boom")
    );
    assert_eq!(
        error(
            Endpoint::ChatCompletions,
            r#"{"error":{"code":502,"message":"bad"},"choices":[]}"#
        ),
        expected(None, Some("502"), "bad")
    );
    assert_eq!(
        error(
            Endpoint::Responses,
            r#"{"type":"error","error":{"type":"server_error","code":null,"message":"bad"}}"#
        ),
        expected(Some("server_error"), None, "bad")
    );
    assert_eq!(
        error(
            Endpoint::Responses,
            r#"{"type":"response.failed","response":{"status":"failed","error":null}}"#
        ),
        expected(
            None,
            None,
            "the provider ended the stream with an error that says nothing"
        )
    );
    assert_eq!(
        error(Endpoint::Messages, r#"{"type":"error"}"#),
        expected(
            None,
            None,
            "the provider ended the stream with an error that says nothing"
        )
    );
    let mut sniffer = StreamSniffer::new(Endpoint::ChatCompletions, 1000);
    sniffer
        .feed(b"event: error\ndata: {\"message\":\"bad\",\"code\":\"c\"}\n\n")
        .unwrap();
    assert_eq!(sniffer.error().cloned(), expected(None, Some("c"), "bad"));
}

/// An error event that we write is read back as that error, by the sniffer of the same endpoint.
#[test]
fn our_own_error_events() {
    let view = ErrorView {
        status: 502,
        kind: ErrorKind::Server,
        message: "the provider \"x\" hung up\n",
        param: None,
        code: Some("upstream_cut"),
        request_id: Some("call_1"),
    };
    let check = |endpoint, before: &[&str], expected: &str| {
        let mut sniffer = sniff(endpoint, before);
        let event = sniffer.error_event(&view);
        assert_eq!(event, expected, "{endpoint}");
        let mut frames = 0;
        SseReader::new(1000)
            .feed(event.as_bytes(), |_| frames += 1)
            .unwrap();
        assert_eq!(frames, 1, "{endpoint}");
        sniffer.feed(event.as_bytes()).unwrap();
        let error = sniffer.error().expect("our own error");
        assert_eq!(
            (error.message.as_str(), error.code.as_deref()),
            (view.message, view.code),
            "{endpoint}"
        );
        assert!(!sniffer.ended(), "{endpoint}");
    };
    let chat = "data: {\"error\":{\"message\":\"the provider \\\"x\\\" hung up\\n\",\"type\":\"server_error\",\"param\":null,\"code\":\"upstream_cut\"}}\n\n";
    check(Endpoint::ChatCompletions, &[], chat);
    check(Endpoint::Completions, &[], chat);
    check(
        Endpoint::Messages,
        &[],
        "event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"api_error\",\"message\":\"the provider \\\"x\\\" hung up\\n\",\"details\":{\"error_code\":\"upstream_cut\"}},\"request_id\":\"call_1\"}\n\n",
    );
    let numbered = |number: u64| {
        format!(
            "event: error\ndata: {{\"type\":\"error\",\"code\":\"upstream_cut\",\"message\":\"the provider \\\"x\\\" hung up\\n\",\"param\":null,\"sequence_number\":{number},\"error\":{{\"type\":\"server_error\",\"code\":\"upstream_cut\",\"message\":\"the provider \\\"x\\\" hung up\\n\",\"param\":null}}}}\n\n"
        )
    };
    check(Endpoint::Responses, &[], &numbered(0));
    check(
        Endpoint::Responses,
        &[
            r#"{"type":"response.created","sequence_number":41}"#,
            r#"{"type":"ping"}"#,
        ],
        &numbered(42),
    );
}

#[test]
fn reads_answers() {
    let check = |endpoint, body: &str, finish: Option<&str>, usage: Option<Usage>| {
        let seen = sniff_answer(endpoint, body.as_bytes())
            .unwrap_or_else(|error| panic!("{body}: {error}"));
        assert_eq!(
            (seen.finish.as_deref(), seen.usage),
            (finish, usage),
            "{body}"
        );
        assert_eq!(
            seen.model.as_deref(),
            body.contains("\"m\"").then_some("m"),
            "{body}"
        );
    };
    let plain = |input, output| {
        Some(Usage {
            input,
            output,
            ..Usage::default()
        })
    };
    check(
        Endpoint::ChatCompletions,
        "\n\n\n{\"model\":\"m\",\"choices\":[{\"message\":{\"content\":\"\\\"usage\\\"\"},\"finish_reason\":\"stop\"},{\"finish_reason\":\"length\"}],\"error\":null,\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":4}}\n",
        Some("stop"),
        plain(3, 4),
    );
    check(
        Endpoint::Completions,
        r#"{"choices":[{"text":"a","finish_reason":"length"}]}"#,
        Some("length"),
        None,
    );
    check(
        Endpoint::Responses,
        r#"{"model":"m","status":"incomplete","error":null,"incomplete_details":{"reason":"content_filter"},"usage":{"input_tokens":3,"output_tokens":4}}"#,
        Some("content_filter"),
        plain(3, 4),
    );
    check(
        Endpoint::Responses,
        r#"{"model":"m","status":"completed"}"#,
        Some("completed"),
        None,
    );
    check(
        Endpoint::Responses,
        r#"{"model":"m","status":"queued"}"#,
        None,
        None,
    );
    check(
        Endpoint::Embeddings,
        r#"{"data":[{"embedding":[0.1,-2e-5]}],"model":"m","usage":{"prompt_tokens":8,"total_tokens":8}}"#,
        None,
        plain(8, 0),
    );
    check(
        Endpoint::Messages,
        r#"{"type":"message","model":"m","content":[{"type":"text","text":"a"}],"stop_reason":"end_turn","usage":{"input_tokens":3,"output_tokens":4,"cache_read_input_tokens":0}}"#,
        Some("end_turn"),
        plain(3, 4),
    );
    check(Endpoint::CountTokens, r#"{"input_tokens":12}"#, None, None);
}

#[test]
fn refuses_what_is_no_answer() {
    let check = |body: &[u8], expected: &str| {
        let error = sniff_answer(Endpoint::ChatCompletions, body).expect_err(expected);
        assert_eq!(error.to_string(), expected);
    };
    check(b"", "the answer is empty");
    check(b"\n\n", "the answer is empty");
    check(b"\n<!DOCTYPE html>", "the answer is a web page");
    check(
        b"{\"a\":\"\xff\"}",
        "the answer is not UTF-8 from byte 6 on",
    );
    check(b"[]", "the answer is a list, not an object");
    check(
        b"{\"choices\":[{\"mess",
        "the answer is not valid JSON at byte 18: the text ends in the middle of a value",
    );
    check(
        b"upstream connect error",
        "the answer is not valid JSON at byte 0: a value was expected",
    );
    check(
        br#"{"error":{"message":"no credit","code":402}}"#,
        "the provider reported an error with a good status: no credit",
    );
    let error = sniff_answer(
        Endpoint::Responses,
        br#"{"status":"failed","error":{"code":"server_error","message":"bad"}}"#,
    );
    let expected = UpstreamError {
        kind: None,
        code: Some("server_error".into()),
        message: "bad".into(),
        retry_after: None,
    };
    assert_eq!(error, Err(AnswerError::Reported(expected)));
}

#[test]
fn a_cut_answer_is_refused_wherever_it_is_cut() {
    let body = br#"{"model":"m","choices":[{"index":0,"message":{"content":"a\u00e9\"}"},"finish_reason":"stop"}],"usage":{"prompt_tokens":3}}"#;
    assert!(sniff_answer(Endpoint::ChatCompletions, body).is_ok());
    for at in 0..body.len() {
        assert!(
            sniff_answer(Endpoint::ChatCompletions, &body[..at]).is_err(),
            "cut at {at}"
        );
    }
}

#[test]
fn events_that_begin_alike_are_read_as_if_they_did_not() {
    let head = r#"{"id":"c","model":"m","choices":"#;
    let piece = format!(r#"{head}[{{"delta":{{"content":"x"}}}}]}}"#);
    let last = format!(
        r#"{head}[{{"finish_reason":"stop"}}],"usage":{{"prompt_tokens":3,"completion_tokens":2}}}}"#
    );
    let sniffer = sniff(
        Endpoint::ChatCompletions,
        &[&piece, &piece, &last, "[DONE]"],
    );
    assert_eq!(sniffer.finish(), Some("stop"));
    assert_eq!(
        sniffer.usage().map(|usage| (usage.input, usage.output)),
        Some((3, 2))
    );
    assert!(sniffer.content() && sniffer.ended() && sniffer.error().is_none());

    // The same beginning does not excuse what follows it.
    for tail in ["", "}", "[}", "[]", "[]}}", "[],}", "[] \"usage\":1}"] {
        let sniffer = sniff(
            Endpoint::ChatCompletions,
            &[&piece, &format!("{head}{tail}")],
        );
        let error = sniffer
            .error()
            .unwrap_or_else(|| panic!("{tail:?} was taken for an event"));
        assert_eq!(error.code.as_deref(), Some(MALFORMED_EVENT));
    }
    // A beginning that differs is read whole: here the error stands before the choices.
    let error = r#"{"error":{"message":"no"},"choices":[]}"#;
    assert!(
        sniff(Endpoint::ChatCompletions, &[&piece, error])
            .error()
            .is_some()
    );
}

#[test]
fn gemini_is_followed_to_its_finish_reason() {
    let event = |parts: &str, rest: &str| {
        format!(
            r#"{{"candidates":[{{"content":{{"role":"model","parts":[{parts}]}},"index":0{rest}}}],"modelVersion":"m"}}"#
        )
    };
    let content = |parts| sniff(Endpoint::GenerateContent, &[&event(parts, "")]).content();
    for parts in [
        "",
        r#"{"text":""}"#,
        r#"{"text":"","thoughtSignature":"c2ln"}"#,
    ] {
        assert!(!content(parts), "{parts}");
    }
    for parts in [
        r#"{"text":"a"}"#,
        r#"{"text":"Hm","thought":true}"#,
        r#"{"functionCall":{"name":"f","args":{}}}"#,
        r#"{"text":""},{"inlineData":{"mimeType":"image/png","data":"QQ=="}}"#,
    ] {
        assert!(content(parts), "{parts}");
    }

    let last = r#"{"candidates":[{"finishReason":"STOP"}],"usageMetadata":{"promptTokenCount":10,"cachedContentTokenCount":4,"candidatesTokenCount":5,"thoughtsTokenCount":7,"toolUsePromptTokenCount":2,"totalTokenCount":24,"promptTokensDetails":[{"modality":"TEXT","tokenCount":9},{"modality":"AUDIO","tokenCount":1}]}}"#;
    let usage = Usage {
        input: 7,
        cache_read: 4,
        audio_input: 1,
        output: 5,
        reasoning: 7,
        ..Usage::default()
    };
    let first = event(r#"{"text":"a"}"#, "");
    let cut = sniff(Endpoint::GenerateContent, &[&first]);
    assert_eq!(cut.end(EndRule::FinishReason), StreamEnd::Truncated);
    let whole = sniff(Endpoint::GenerateContent, &[&first, last]);
    assert_eq!(whole.end(EndRule::FinishReason), StreamEnd::Complete);
    assert_eq!(
        (whole.finish(), whole.model(), whole.usage()),
        (Some("STOP"), Some("m"), Some(usage))
    );

    let seen = sniff_answer(Endpoint::GenerateContent, last.as_bytes()).expect("an answer");
    assert_eq!(
        (seen.finish.as_deref(), seen.usage),
        (Some("STOP"), Some(usage))
    );
    let blocked = br#"{"promptFeedback":{"blockReason":"SAFETY"}}"#;
    let seen = sniff_answer(Endpoint::GenerateContent, blocked).expect("an answer");
    assert_eq!(seen.finish.as_deref(), Some("SAFETY"));
    let error = br#"{"error":{"code":503,"message":"busy","status":"UNAVAILABLE"}}"#;
    assert!(matches!(
        sniff_answer(Endpoint::GenerateContent, error),
        Err(AnswerError::Reported(error)) if error.kind.as_deref() == Some("UNAVAILABLE")
    ));
}

#[test]
fn only_the_chunk_that_reports_nothing_but_usage_is_taken_out() {
    const USAGE: &str = r#"data: {"id":"c","choices":[],"usage":{"prompt_tokens":1}}"#;
    const SPACED: &str = r#"data: {"usage": {"prompt_tokens": 1}, "choices": [ ]}"#;
    let check = |events: &str, expected: &str| {
        let kept = without_usage_chunk(events.as_bytes());
        assert_eq!(String::from_utf8_lossy(&kept), expected, "{events:?}");
    };
    for usage in [USAGE, SPACED] {
        for end in ["\n", "\r\n"] {
            let event = |data: &str| format!("{data}{end}{end}");
            let before = event(r#"data: {"choices":[{"delta":{}}],"usage":null}"#);
            let behind = format!(": a comment{end}") + &event("data: [DONE]");
            let whole = format!("{before}{}{behind}", event(usage));
            check(&whole, &format!("{before}{behind}"));
            check(&event(usage), "");
        }
    }
    for other in [
        // Azure begins its streams with such a chunk.
        "data: {\"choices\":[],\"prompt_filter_results\":[{}],\"usage\":null}\n\n",
        "data: {\"choices\":[{\"delta\":{}}],\"usage\":{\"prompt_tokens\":1}}\n\n",
        "data: {\"usage\":{\"prompt_tokens\":1}}\n\n",
        "data: [DONE]\n\n: c\n\n\n",
        "data: {\"choices\":[],\"usage\":{\"a\":1}}\n",
        "data: no JSON\n\n",
        "",
    ] {
        check(other, other);
    }
}
