//! The same conversation as clients of each endpoint write it.

use orchestra_dialects::Endpoint;
use serde_json::{Value, json};

use super::reading::Call;
use crate::harness::Ask;

/// Instructions and a question.
pub(super) fn question(endpoint: Endpoint, model: &str, stream: bool) -> Value {
    let user = json!({"role": "user", "content": "How is it in Bergen?"});
    match endpoint {
        Endpoint::ChatCompletions => json!({
            "model": model, "stream": stream, "max_completion_tokens": 500,
            "messages": [{"role": "system", "content": "Be brief."}, user],
        }),
        Endpoint::Responses => json!({
            "model": model, "stream": stream, "max_output_tokens": 500, "instructions": "Be brief.",
            "input": [user],
        }),
        Endpoint::Messages | Endpoint::CountTokens => json!({
            "model": model, "stream": stream, "max_tokens": 500, "system": "Be brief.",
            "messages": [user],
        }),
        other => panic!("{other} is no client's endpoint for conversations"),
    }
}

/// The same, with a tool that the model may call.
pub(super) fn with_tool(endpoint: Endpoint, mut request: Value) -> Value {
    let schema = json!({
        "type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"],
    });
    let tool = match endpoint {
        Endpoint::ChatCompletions => json!({"type": "function", "function": {
            "name": "weather", "description": "Tells the weather.", "parameters": schema,
        }}),
        Endpoint::Responses => json!({
            "type": "function", "name": "weather", "description": "Tells the weather.",
            "parameters": schema, "strict": false,
        }),
        _ => json!({
            "name": "weather", "description": "Tells the weather.", "input_schema": schema,
        }),
    };
    request["tools"] = json!([tool]);
    request
}

/// The same, with the model's call and what the tool returned.
pub(super) fn with_result(
    endpoint: Endpoint,
    mut request: Value,
    call: &Call,
    result: &str,
) -> Value {
    let Call {
        id,
        name,
        arguments,
    } = call;
    let (list, more) = match endpoint {
        Endpoint::ChatCompletions => (
            "messages",
            vec![
                json!({"role": "assistant", "content": null, "tool_calls": [
                    {"id": id, "type": "function", "function": {"name": name, "arguments": arguments}},
                ]}),
                json!({"role": "tool", "tool_call_id": id, "content": result}),
            ],
        ),
        Endpoint::Responses => (
            "input",
            vec![
                json!({"type": "function_call", "call_id": id, "name": name, "arguments": arguments}),
                json!({"type": "function_call_output", "call_id": id, "output": result}),
            ],
        ),
        _ => {
            let input: Value = serde_json::from_str(arguments).unwrap();
            (
                "messages",
                vec![
                    json!({"role": "assistant", "content": [
                        {"type": "tool_use", "id": id, "name": name, "input": input},
                    ]}),
                    json!({"role": "user", "content": [
                        {"type": "tool_result", "tool_use_id": id, "content": result},
                    ]}),
                ],
            )
        }
    };
    request[list].as_array_mut().unwrap().extend(more);
    request
}

/// The call that sends this request.
pub(super) fn ask(endpoint: Endpoint, request: &Value) -> Ask {
    Ask::body(endpoint, request.to_string())
}
