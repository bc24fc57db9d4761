//! The vendors' clients and two frameworks, each with all of its scenarios in one process.

use std::time::Duration;

use orchestra_testkit::Agent;
use tokio::time::timeout;

use super::World;
use crate::harness::{Guest, assert_signed};

/// What the model calls, as `anywhere.py` and `anywhere.mjs` expect it.
fn script() -> Agent {
    Agent::new()
        .call(
            "weather",
            r#"{"city": "Zürich \"Altstadt\" \\ \ud83c\udfd4", "days": 3}"#,
        )
        .call("clock", r#"{"zone":"Europe/Zurich"}"#)
        .then()
        .call("weather", "{\"days\": 1,\n \"city\": \"Paris\"}")
        .call("weather", r#"{"city":"Bern","days":2}"#)
}

/// Runs scenarios, each on some of the upstreams.
async fn check(guest: Guest, scenarios: &[(&[&str], &[&str])]) {
    let world = World::start(&script()).await;
    let pairs = scenarios.iter().flat_map(|(names, upstreams)| {
        let on_each = |name| {
            upstreams
                .iter()
                .map(move |upstream| format!("{name}:{upstream}"))
        };
        names.iter().flat_map(on_each)
    });
    let pairs: Vec<String> = pairs.collect();
    guest.run(&world.server, &pairs).await;
    assert_signed(&world.upstream.log());
}

/// One upstream of each dialect.
const ALL: &[&str] = &["chat", "responses", "messages", "gemini"];
/// Upstreams that are foreign to clients of Chat Completions, and so on. Chat is spoken by one that
/// tells its thoughts and wants them back, too, and Messages by one that insists on its thoughts.
const NOT_CHAT: &[&str] = &["responses", "messages", "budget", "gemini"];
const NOT_RESPONSES: &[&str] = &["chat", "deepseek", "messages", "budget", "gemini"];
const NOT_MESSAGES: &[&str] = &["chat", "deepseek", "responses", "gemini"];
/// Of these, those that tell their thoughts.
const OPEN_TO_RESPONSES: &[&str] = &["deepseek", "messages", "budget", "gemini"];
const OPEN_TO_MESSAGES: &[&str] = &["deepseek", "responses", "gemini"];
/// Of these, those that see images.
const SEEING_FOR_RESPONSES: &[&str] = &["chat", "messages", "gemini"];
const SEEING_FOR_MESSAGES: &[&str] = &["chat", "responses", "gemini"];

#[tokio::test]
async fn openai_python() {
    let chat = [
        "chat",
        "chat_stream",
        "chat_stream_without_usage",
        "chat_loop",
        "chat_loop_stream",
        "chat_parse",
        "chat_parse_stream",
        "chat_choice",
        "chat_image",
        "chat_file",
        "chat_settings",
        "chat_at_odds",
        "chat_old_functions",
        "chat_wanders",
        "chat_thinks",
        "chat_thinks_stream",
        "chat_forgets",
        "losses",
    ];
    let responses = [
        "responses",
        "responses_stream",
        "responses_loop",
        "responses_loop_stream",
        "responses_parse",
        "responses_parse_stream",
        "responses_wanders",
        "responses_settings",
        "responses_choice",
        "responses_remembered",
        "responses_remembered_stream",
        "responses_stateful",
    ];
    let scenarios: &[(&[&str], &[&str])] = &[
        (&chat, NOT_CHAT),
        // Gemini has no word for one call at a time, and gives several answers itself.
        (
            &["chat_serial", "chat_several"],
            &["responses", "messages", "budget"],
        ),
        (&responses, NOT_RESPONSES),
        (&["responses_image", "responses_file"], SEEING_FOR_RESPONSES),
        (&["responses_custom"], &["messages", "gemini", "deepseek"]),
        (
            &["responses_thinks", "responses_thinks_stream"],
            OPEN_TO_RESPONSES,
        ),
        (
            &[
                "finishes",
                "limited",
                "broken",
                "refused",
                "torn",
                "falls_back",
            ],
            ALL,
        ),
        (&["parallel"], ALL),
    ];
    check(Guest::OpenAiPython, scenarios).await;
}

#[tokio::test]
async fn openai_node() {
    let chat = [
        "chat",
        "chat_stream",
        "chat_runner",
        "chat_runner_stream",
        "chat_parse",
    ];
    let responses = [
        "responses",
        "responses_stream",
        "responses_loop",
        "responses_parse",
    ];
    let scenarios: &[(&[&str], &[&str])] = &[
        (&chat, NOT_CHAT),
        (&responses, NOT_RESPONSES),
        (&["limited", "torn"], ALL),
    ];
    check(Guest::OpenAiNode, scenarios).await;
}

#[tokio::test]
async fn anthropic_python() {
    let messages = [
        "messages",
        "messages_stream",
        "raw_stream",
        "loop",
        "loop_stream",
        "failed_tool",
        "tool_runner",
        "parse",
        "choice",
        "settings",
        "prefill",
        "older_version",
        "long_names",
        "tool_image",
        "wanders",
        "count_tokens",
    ];
    let scenarios: &[(&[&str], &[&str])] = &[
        (&messages, NOT_MESSAGES),
        (&["image", "document"], SEEING_FOR_MESSAGES),
        (&["thinks"], OPEN_TO_MESSAGES),
        (&["thinks_in_secret"], &["chat"]),
        (
            &[
                "finishes",
                "limited",
                "broken",
                "refused",
                "torn",
                "falls_back",
            ],
            ALL,
        ),
    ];
    check(Guest::AnthropicPython, scenarios).await;
}

#[tokio::test]
async fn anthropic_node() {
    let messages = [
        "messages",
        "messages_stream",
        "loop",
        "tool_runner",
        "parse",
        "count_tokens",
    ];
    let scenarios: &[(&[&str], &[&str])] =
        &[(&messages, NOT_MESSAGES), (&["limited", "torn"], ALL)];
    check(Guest::AnthropicNode, scenarios).await;
}

#[tokio::test]
async fn langchain() {
    let scenarios: &[(&[&str], &[&str])] = &[
        (&["chat"], NOT_CHAT),
        (&["chat_thinks"], NOT_CHAT),
        (&["responses", "responses_by_id"], NOT_RESPONSES),
        (&["responses_thinks"], OPEN_TO_RESPONSES),
        (&["messages", "messages_thinks"], NOT_MESSAGES),
    ];
    check(Guest::LangChain, scenarios).await;
}

#[tokio::test]
async fn ai_sdk() {
    let scenarios: &[(&[&str], &[&str])] = &[
        (&["chat"], NOT_CHAT),
        (&["responses", "responses_stored"], NOT_RESPONSES),
        (&["messages"], NOT_MESSAGES),
        (&["chat_thinks"], NOT_CHAT),
        (
            &["responses_thinks", "responses_stored_thinks"],
            OPEN_TO_RESPONSES,
        ),
        (&["messages_thinks"], OPEN_TO_MESSAGES),
    ];
    check(Guest::AiSdk, scenarios).await;
}

/// A client that leaves in mid-stream stops the provider's work at once, translated or not.
async fn leaving(guest: Guest, upstreams: &[&str]) {
    const PROMPTLY: Duration = Duration::from_secs(1);
    for upstream in upstreams {
        let world = World::start(&script()).await;
        let mut client = guest.start(&world.server, &[format!("leave:{upstream}")]);
        client.hear("leaving").await;
        let gone = timeout(PROMPTLY, world.upstream.wait_for_gone()).await;
        assert!(gone.is_ok(), "{upstream} goes on after the client has left");
        client.finish().await;
    }
}

#[tokio::test]
async fn openai_leaves() {
    leaving(Guest::OpenAiPython, &["responses", "messages", "gemini"]).await;
}

#[tokio::test]
async fn anthropic_leaves() {
    leaving(Guest::AnthropicPython, &["chat", "responses", "gemini"]).await;
}
