//! Requests of every dialect, to be answered.

use std::sync::OnceLock;

use orchestra_dialects::canonical::Request;
use orchestra_dialects::{AnswerContext, Dialect};

/// The dialects that hold conversations.
pub(crate) const DIALECTS: [Dialect; 4] = [
    Dialect::OpenAiChat,
    Dialect::OpenAiResponses,
    Dialect::AnthropicMessages,
    Dialect::Gemini,
];

/// One stream each, with a tool of every kind that the dialect has.
const BODIES: [&str; 4] = [
    r#"{"model":"m","messages":[{"role":"user","content":"Hi"}],"stream":true,"stream_options":{"include_usage":true},"tools":[{"type":"function","function":{"name":"f","parameters":{"type":"object"}}},{"type":"custom","custom":{"name":"shell"}}]}"#,
    r#"{"model":"m","input":"Hi","stream":true,"tools":[{"type":"function","name":"f","parameters":{"type":"object"},"strict":false},{"type":"custom","name":"shell"}]}"#,
    r#"{"model":"m","max_tokens":9,"messages":[{"role":"user","content":"Hi"}],"stream":true,"tools":[{"name":"f","input_schema":{"type":"object"}}]}"#,
    r#"{"contents":[{"role":"user","parts":[{"text":"Hi"}]}],"tools":[{"functionDeclarations":[{"name":"f","parameters":{"type":"object"}}]}]}"#,
];

/// What an answer in this dialect answers.
pub(crate) fn context(dialect: Dialect) -> AnswerContext<'static> {
    static REQUESTS: OnceLock<Vec<Request>> = OnceLock::new();
    let requests = REQUESTS.get_or_init(|| {
        let read = |(dialect, body): (Dialect, &str)| {
            let mut request = orchestra_dialects::decode_request(dialect, body).expect("sound");
            request.model = "m".into();
            request.stream = true;
            request
        };
        DIALECTS.into_iter().zip(BODIES).map(read).collect()
    });
    let place = DIALECTS.iter().position(|known| *known == dialect);
    let place = place.expect("a dialect with conversations");
    AnswerContext {
        id: "0a1b2c",
        created: 1_790_000_000,
        request: &requests[place],
        body: BODIES[place],
    }
}
