//! The control endpoints, for test programs in other languages.

use serde::Serialize;

use crate::log::Received;
use crate::request::Request;
use crate::script::Script;
use crate::upstream::Shared;

const PREFIX: &str = "/__testkit/";

#[derive(Serialize)]
struct State {
    requests: u64,
    connections: u64,
    log: Vec<Received>,
}

/// Whether a path is one of the control endpoints.
pub(crate) fn is_control(path: &str) -> bool {
    path.starts_with(PREFIX)
}

/// Does what a control request asks for; status and JSON body of the answer.
pub(crate) fn answer(request: &Request, shared: &Shared) -> (u16, Vec<u8>) {
    let done = || (200, br#"{"ok":true}"#.to_vec());
    match (
        request.head.method.as_str(),
        request.head.path.strip_prefix(PREFIX),
    ) {
        ("GET", Some("log")) => (200, log(shared)),
        ("POST", Some("reset")) => {
            shared.log.reset();
            done()
        }
        ("POST", Some("script")) if request.body_bytes > request.body.len() as u64 => {
            (413, problem("a script sent here has 256 KiB at most"))
        }
        ("POST", Some("script")) => match serde_json::from_slice::<Script>(&request.body) {
            Ok(script) => {
                shared.set_script(script);
                done()
            }
            Err(error) => (400, problem(&error.to_string())),
        },
        _ => (
            404,
            problem("GET /__testkit/log, POST /__testkit/reset, POST /__testkit/script"),
        ),
    }
}

fn log(shared: &Shared) -> Vec<u8> {
    let connections = shared
        .connections
        .load(std::sync::atomic::Ordering::Relaxed);
    let state = State {
        requests: shared.log.requests(),
        connections,
        log: shared.log.entries(),
    };
    serde_json::to_vec(&state).expect("structs of strings and numbers always serialise")
}

fn problem(message: &str) -> Vec<u8> {
    serde_json::json!({ "error": message })
        .to_string()
        .into_bytes()
}
