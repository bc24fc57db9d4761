//! Calls of tools, and what they return, through every pair of dialects.

use orchestra_dialects::Endpoint;
use orchestra_testkit::Behaviour;
use serde_json::json;

use super::dialogue::{ask, question, with_result, with_tool};
use super::reading::read;
use super::{pairs, stage};
use crate::harness::MODEL;

fn waits_for_tools(endpoint: Endpoint) -> &'static str {
    match endpoint {
        Endpoint::ChatCompletions => "tool_calls",
        Endpoint::Responses => "completed",
        _ => "tool_use",
    }
}

#[tokio::test]
async fn a_tool_is_called_and_its_result_comes_back() {
    for (client, upstream) in pairs() {
        for stream in [false, true] {
            let told = format!("{client} to {upstream}, stream {stream}");
            let stage = stage([(upstream, Behaviour::answer())]);
            let request = with_tool(client, question(client, MODEL, stream));
            let got = stage.ask(ask(client, &request)).await;
            assert_eq!(got.status, 200, "{told}: {}", got.text());
            let said = read(client, stream, &got);
            let [(name, arguments)] = &said.called()[..] else {
                panic!("{told}: {}", got.text())
            };
            assert_eq!(*name, "weather", "{told}");
            assert!(arguments["city"].is_string(), "{told}: {arguments}");
            assert!(!said.calls[0].id.is_empty(), "{told}");
            assert_eq!(said.finish, waits_for_tools(client), "{told}");
            if client != Endpoint::Responses {
                assert_eq!(got.record.finish.as_deref(), Some("tool_use"), "{told}");
            }

            let request = with_result(client, request, &said.calls[0], "9 degrees, rain");
            let got = stage.ask(ask(client, &request)).await;
            assert_eq!(got.status, 200, "{told}: {}", got.text());
            let said = read(client, stream, &got);
            assert!(
                said.text.contains("9 degrees, rain"),
                "{told}: {}",
                said.text
            );
        }
    }
}

#[tokio::test]
async fn a_result_without_its_call_is_the_clients_mistake() {
    for (client, upstream) in pairs() {
        let (list, orphan, path) = match client {
            Endpoint::ChatCompletions => (
                "messages",
                json!({"role": "tool", "tool_call_id": "call_9", "content": "?"}),
                "messages[2]",
            ),
            Endpoint::Responses => (
                "input",
                json!({"type": "function_call_output", "call_id": "call_9", "output": "?"}),
                "input[1]",
            ),
            _ => (
                "messages",
                json!({"role": "user", "content": [
                    {"type": "tool_result", "tool_use_id": "call_9", "content": "?"},
                ]}),
                "messages[1]",
            ),
        };
        let mut request = question(client, MODEL, true);
        request[list].as_array_mut().unwrap().push(orphan);
        let stage = stage([(upstream, Behaviour::answer())]);
        let got = stage.ask(ask(client, &request)).await;
        assert_eq!(got.status, 400, "{client} to {upstream}");
        let message = got.json()["error"]["message"].as_str().unwrap().to_owned();
        assert!(
            message.contains(path) && message.contains("call_9"),
            "{message}"
        );
        assert_eq!(stage.requests(), [0]);
    }
}
