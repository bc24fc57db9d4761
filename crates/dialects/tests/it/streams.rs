//! Laws over recorded-like streams of every dialect: what a sniffer sees does not depend on how
//! the network cuts a stream, and a cut stream never looks whole.

use std::fs;
use std::path::{Path, PathBuf};

use orchestra_dialects::{EndRule, Endpoint, SseReader, StreamEnd, StreamSniffer};

const FRAME_LIMIT: usize = 1 << 16;

/// Everything a sniffer tells, in one comparable text, and how many bytes were complete.
#[derive(Debug, PartialEq)]
struct Outcome {
    state: String,
    complete: usize,
}

fn endpoint(folder: &str) -> Endpoint {
    match folder {
        "chat" => Endpoint::ChatCompletions,
        "completions" => Endpoint::Completions,
        "responses" => Endpoint::Responses,
        "messages" => Endpoint::Messages,
        "openai_chat" => Endpoint::ChatCompletions,
        "openai_responses" => Endpoint::Responses,
        "anthropic_messages" => Endpoint::Messages,
        "gemini" => Endpoint::GenerateContent,
        other => panic!("no endpoint for fixtures in {other}"),
    }
}

fn describe(sniffer: &StreamSniffer) -> String {
    let error = sniffer.error().map_or_else(
        || "-".to_owned(),
        |error| {
            let words = (error.kind.as_deref(), error.code.as_deref());
            format!("{words:?} {}", error.message)
        },
    );
    let usage = sniffer.usage().map_or_else(
        || "-".to_owned(),
        |usage| {
            let input = (
                usage.input,
                usage.cache_read,
                usage.cache_write_5m,
                usage.cache_write_1h,
            );
            let output = (usage.output, usage.reasoning);
            let audio = (usage.audio_input, usage.audio_output);
            format!("in {input:?} out {output:?} audio {audio:?}")
        },
    );
    let ends = (
        sniffer.end(EndRule::Marker),
        sniffer.end(EndRule::FinishReason),
    );
    [
        format!("content {} events {}", sniffer.content(), sniffer.events()),
        format!("model {}", sniffer.model().unwrap_or("-")),
        format!("finish {}", sniffer.finish().unwrap_or("-")),
        format!("usage {usage}"),
        format!("error {error}"),
        format!("ended {} {ends:?}", sniffer.ended()),
    ]
    .join("\n")
}

fn run<'c>(endpoint: Endpoint, chunks: impl IntoIterator<Item = &'c [u8]>) -> Outcome {
    let mut sniffer = StreamSniffer::new(endpoint, FRAME_LIMIT);
    let (mut fed, mut complete) = (0, 0);
    for chunk in chunks {
        let prefix = sniffer.feed(chunk).expect("fixtures stay within the limit");
        if prefix > 0 {
            complete = fed + prefix;
        }
        fed += chunk.len();
    }
    Outcome {
        state: describe(&sniffer),
        complete,
    }
}

/// The streams made for the sniffers, and those of the codecs' scenarios.
fn fixtures() -> Vec<(Endpoint, PathBuf, Vec<u8>)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures");
    let mut all = Vec::new();
    for folder in list(&root).into_iter().filter(|path| path.is_dir()) {
        let name = folder.file_name().and_then(|name| name.to_str());
        let endpoint = endpoint(name.expect("a name in ASCII"));
        for path in list(&folder) {
            let path = if path.is_dir() {
                path.join("stream.sse")
            } else {
                path
            };
            let is_stream = path.extension().is_some_and(|kind| kind == "sse");
            if let Ok(bytes) = fs::read(&path)
                && is_stream
            {
                all.push((endpoint, path, bytes));
            }
        }
    }
    assert!(all.len() >= 17, "fixtures are missing");
    all
}

fn list(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).expect("a folder of fixtures");
    entries
        .map(|entry| entry.expect("a readable entry").path())
        .collect()
}

/// Compares what is seen of a fixture; the indentation of `expected` does not count.
#[track_caller]
fn check(fixture: &str, expected: &str) {
    let (folder, _) = fixture.split_once('/').expect("folder/name");
    let path = format!("{}/fixtures/{fixture}.sse", env!("CARGO_MANIFEST_DIR"));
    let bytes = fs::read(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
    let outcome = run(endpoint(folder), [&*bytes]);
    let expected: Vec<&str> = expected.trim().lines().map(str::trim).collect();
    assert_eq!(outcome.state, expected.join("\n"), "{fixture}");
    assert_eq!(outcome.complete, bytes.len(), "{fixture}");
}

#[test]
fn chat_streams() {
    check(
        "chat/text",
        "
        content true events 6
        model gpt-5-mini-2026-08-07
        finish stop
        usage -
        error -
        ended true (Complete, Complete)
    ",
    );
    check(
        "chat/usage",
        "
        content true events 5
        model gpt-5-mini-2026-08-07
        finish length
        usage in (140, 1000, 50, 0) out (20, 64) audio (10, 6)
        error -
        ended true (Complete, Complete)
    ",
    );
    check(
        "chat/tools",
        "
        content true events 6
        model gpt-5-mini-2026-08-07
        finish tool_calls
        usage -
        error -
        ended true (Complete, Complete)
    ",
    );
    check(
        "chat/reasoning",
        "
        content true events 6
        model deepseek-flash
        finish stop
        usage in (36, 64, 0, 0) out (5, 25) audio (0, 0)
        error -
        ended true (Complete, Complete)
    ",
    );
    check("chat/error", "
        content true events 3
        model gpt-5-mini-2026-08-07
        finish -
        usage -
        error (Some(\"server_error\"), Some(\"internal_error\")) The server had an error while processing your request.
        ended false (Failed, Failed)
    ");
    check(
        "chat/without_done",
        "
        content true events 3
        model llama
        finish stop
        usage -
        error -
        ended false (Truncated, Complete)
    ",
    );
    check(
        "completions/text",
        "
        content true events 5
        model davinci-002
        finish stop
        usage in (4, 0, 0, 0) out (3, 0) audio (0, 0)
        error -
        ended true (Complete, Complete)
    ",
    );
}

#[test]
fn responses_streams() {
    check(
        "responses/text",
        "
        content true events 10
        model gpt-5-mini-2026-08-07
        finish completed
        usage in (180, 300, 20, 0) out (32, 48) audio (0, 0)
        error -
        ended true (Complete, Complete)
    ",
    );
    check(
        "responses/incomplete",
        "
        content true events 7
        model gpt-5-mini-2026-08-07
        finish max_output_tokens
        usage in (180, 300, 20, 0) out (32, 48) audio (0, 0)
        error -
        ended true (Complete, Complete)
    ",
    );
    check(
        "responses/tool",
        "
        content true events 8
        model gpt-5-mini-2026-08-07
        finish completed
        usage in (180, 300, 20, 0) out (32, 48) audio (0, 0)
        error -
        ended true (Complete, Complete)
    ",
    );
    check(
        "responses/reasoning",
        "
        content true events 16
        model gpt-5-mini-2026-08-07
        finish completed
        usage in (180, 300, 20, 0) out (32, 48) audio (0, 0)
        error -
        ended true (Complete, Complete)
    ",
    );
    check(
        "responses/failed",
        "
        content false events 3
        model gpt-5-mini-2026-08-07
        finish failed
        usage -
        error (None, Some(\"server_error\")) The model failed to answer.
        ended true (Failed, Failed)
    ",
    );
    check(
        "responses/error",
        "
        content false events 3
        model gpt-5-mini-2026-08-07
        finish -
        usage -
        error (None, Some(\"rate_limit_exceeded\")) Too many tokens per minute.
        ended false (Failed, Failed)
    ",
    );
}

#[test]
fn messages_streams() {
    check(
        "messages/text",
        "
        content true events 8
        model claude-sonnet-5
        finish end_turn
        usage in (25, 1000, 100, 200) out (15, 0) audio (0, 0)
        error -
        ended true (Complete, Complete)
    ",
    );
    check(
        "messages/tool",
        "
        content true events 8
        model claude-sonnet-5
        finish tool_use
        usage in (25, 1000, 100, 200) out (40, 0) audio (0, 0)
        error -
        ended true (Complete, Complete)
    ",
    );
    check(
        "messages/thinking",
        "
        content true events 10
        model claude-sonnet-5
        finish end_turn
        usage in (10, 0, 0, 0) out (20, 100) audio (0, 0)
        error -
        ended true (Complete, Complete)
    ",
    );
    check(
        "messages/error",
        "
        content false events 3
        model claude-sonnet-5
        finish -
        usage in (10, 0, 0, 0) out (1, 0) audio (0, 0)
        error (Some(\"overloaded_error\"), Some(\"capacity\")) Overloaded
        ended false (Failed, Failed)
    ",
    );
}

/// How far the cuts lie apart: the many scenarios are cut at every byte by the laws of the codecs.
fn step(path: &Path) -> usize {
    if path.ends_with("stream.sse") { 17 } else { 1 }
}

#[test]
fn chunking_changes_nothing() {
    for (endpoint, path, bytes) in fixtures() {
        let whole = run(endpoint, [&*bytes]);
        assert_eq!(
            run(endpoint, bytes.chunks(1)),
            whole,
            "byte by byte: {path:?}"
        );
        for at in (0..=bytes.len()).step_by(step(&path)) {
            let (left, right) = bytes.split_at(at);
            assert_eq!(run(endpoint, [left, right]), whole, "cut at {at}: {path:?}");
        }
    }
}

/// Where the provider's own end is complete: a scenario may hold something behind it.
fn end_of(endpoint: Endpoint, bytes: &[u8]) -> usize {
    let mut sniffer = StreamSniffer::new(endpoint, FRAME_LIMIT);
    let ends = bytes.iter().position(|byte| {
        sniffer
            .feed(std::slice::from_ref(byte))
            .expect("no frame is too long");
        sniffer.ended()
    });
    ends.map_or(bytes.len(), |at| at + 1)
}

#[test]
fn a_cut_stream_is_never_complete() {
    for (endpoint, path, bytes) in fixtures() {
        for at in (0..end_of(endpoint, &bytes)).step_by(step(&path)) {
            let mut sniffer = StreamSniffer::new(endpoint, FRAME_LIMIT);
            sniffer.feed(&bytes[..at]).unwrap();
            let end = sniffer.end(EndRule::Marker);
            assert_ne!(end, StreamEnd::Complete, "cut at {at}: {path:?}");
        }
    }
}

#[test]
fn line_ends_change_nothing() {
    for (endpoint, path, bytes) in fixtures() {
        let text = String::from_utf8(bytes).unwrap().replace("\r\n", "\n");
        let expected = run(endpoint, [text.as_bytes()]);
        for (end, name) in [("\r\n", "CR LF"), ("\r", "CR")] {
            let other = text.replace('\n', end);
            let outcome = run(endpoint, [other.as_bytes()]);
            assert_eq!(outcome.state, expected.state, "{name}: {path:?}");
            assert_eq!(outcome.complete, other.len(), "{name}: {path:?}");
            assert_eq!(
                run(endpoint, other.as_bytes().chunks(1)),
                outcome,
                "{name}: {path:?}"
            );
        }
    }
}

/// Whatever is cut off, what was complete is a whole number of frames: reading only that much
/// gives the same frames again, and nothing is left open.
#[test]
fn complete_bytes_end_between_frames() {
    for (_, path, bytes) in fixtures() {
        for at in (0..bytes.len()).step_by(7) {
            let mut frames = 0;
            let mut reader = SseReader::new(FRAME_LIMIT);
            let complete = reader.feed(&bytes[..at], |_| frames += 1).unwrap();
            let mut again = 0;
            let mut reader = SseReader::new(FRAME_LIMIT);
            let all = reader.feed(&bytes[..complete], |_| again += 1).unwrap();
            assert_eq!((again, all), (frames, complete), "cut at {at}: {path:?}");
            // An event appended there is an event of its own.
            let mut last = Vec::new();
            reader
                .feed(b"event: error\ndata: x\n\n", |frame| {
                    last = frame.data.to_vec()
                })
                .unwrap();
            assert_eq!(last, b"x");
        }
    }
}
