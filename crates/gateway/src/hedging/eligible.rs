//! Which calls may be made twice.

use std::borrow::Cow;

use orchestra_dialects::Endpoint;
use serde::Deserialize;

use crate::call::Call;

/// Tools that a provider only reads with, or that the client runs itself. Any other may act on something, and would act
/// twice: a remote MCP server above all.
const READING: [&str; 9] = [
    "function",
    "custom",
    "file_search",
    "web_search",
    "web_fetch",
    "bash_",
    "text_editor_",
    "computer",
    "memory_",
];

/// Whether nothing becomes of the call at a provider but an answer and its price. What is kept there would be kept twice,
/// and what acts there would act twice.
pub(crate) fn is_repeatable(call: &Call) -> bool {
    let harmless = match call.endpoint {
        Endpoint::Embeddings => true,
        Endpoint::ChatCompletions | Endpoint::Completions => !says(call, "store", "true"),
        // OpenAI keeps a response unless it is told not to.
        Endpoint::Responses => {
            let kept = !says(call, "store", "false") || says(call, "background", "true");
            !kept && !has(call, "conversation")
        }
        Endpoint::Messages => !has(call, "mcp_servers") && !has(call, "container"),
        Endpoint::CountTokens | Endpoint::GenerateContent => false,
    };
    harmless && call.member("tools").is_none_or(only_read)
}

fn says(call: &Call, name: &str, value: &str) -> bool {
    call.member(name).is_some_and(|said| said.trim() == value)
}

fn has(call: &Call, name: &str) -> bool {
    call.member(name).is_some() && !says(call, name, "null")
}

#[derive(Deserialize)]
struct Tool<'t> {
    #[serde(borrow, rename = "type", default)]
    kind: Option<Cow<'t, str>>,
}

/// Tools that cannot be read are somebody else's affair, who will refuse them.
fn only_read(tools: &str) -> bool {
    let Ok(tools) = serde_json::from_str::<Option<Vec<Tool<'_>>>>(tools) else {
        return false;
    };
    let reads = |tool: &Tool<'_>| {
        let kind = tool.kind.as_deref();
        kind.is_none_or(|kind| READING.iter().any(|known| kind.starts_with(known)))
    };
    tools.iter().flatten().all(reads)
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use http::HeaderMap;

    use super::*;
    use crate::call::Incoming;
    use crate::routes::Directions;
    use crate::settings::Settings;

    fn repeatable(endpoint: Endpoint, more: &str) -> bool {
        let body = match endpoint {
            Endpoint::Embeddings | Endpoint::Responses => r#""input":"x""#,
            Endpoint::Completions => r#""prompt":"x""#,
            _ => r#""max_tokens":1,"messages":[{"role":"user","content":"x"}]"#,
        };
        let incoming = Incoming {
            endpoint,
            provider: None,
            client: None,
            headers: HeaderMap::new(),
            query: None,
            directions: Directions::default(),
            body: Bytes::from(format!("{{\"model\":\"m\",{body}{more}}}")),
        };
        is_repeatable(&Call::accept(incoming, None, &Settings::default()).unwrap())
    }

    #[test]
    fn what_leaves_nothing_behind_may_be_asked_twice() {
        for (endpoint, more) in [
            (Endpoint::Embeddings, ""),
            (Endpoint::Completions, ""),
            (Endpoint::ChatCompletions, r#","store":false"#),
            (
                Endpoint::ChatCompletions,
                r#","tools":[{"type":"function"}]"#,
            ),
            (Endpoint::Responses, r#","store": false"#),
            (
                Endpoint::Responses,
                r#","store":false,"background":null,"conversation":null,"tools":null"#,
            ),
            (
                Endpoint::Messages,
                r#","tools":[{"name":"f"},{"type":"web_search_20250305"}]"#,
            ),
        ] {
            assert!(repeatable(endpoint, more), "{endpoint}: {more}");
        }
    }

    #[test]
    fn what_is_kept_or_acts_elsewhere_may_not() {
        for (endpoint, more) in [
            (Endpoint::CountTokens, ""),
            (Endpoint::ChatCompletions, r#","store": true"#),
            (Endpoint::Responses, ""),
            (Endpoint::Responses, r#","store":true"#),
            (Endpoint::Responses, r#","store":false,"background":true"#),
            (
                Endpoint::Responses,
                r#","store":false,"conversation":"conv_1""#,
            ),
            (
                Endpoint::Responses,
                r#","store":false,"tools":[{"type":"function"},{"type":"mcp"}]"#,
            ),
            (
                Endpoint::Responses,
                r#","store":false,"tools":[{"type":"m\u0063p"}]"#,
            ),
            (Endpoint::Messages, r#","mcp_servers":[]"#),
            (Endpoint::Messages, r#","container":"c_1""#),
            (
                Endpoint::Messages,
                r#","tools":[{"type":"code_execution_20250825"}]"#,
            ),
            (Endpoint::ChatCompletions, r#","tools":"none""#),
        ] {
            assert!(!repeatable(endpoint, more), "{endpoint}: {more}");
        }
    }
}
