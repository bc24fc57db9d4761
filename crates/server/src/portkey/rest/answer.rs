//! What is answered, in the words of Portkey's own interface.

use std::time::{Duration, UNIX_EPOCH};

use bytes::Bytes;
use http::StatusCode;
use orchestra_gateway::Refusal;
use serde_json::{Value, json};

/// An error in a dialect's words, with what Portkey says besides: its client for Python looks for `error.message`, that for
/// Node for `message`.
pub(crate) fn with_portkeys_words(body: &Bytes, refusal: &Refusal) -> Option<Bytes> {
    let mut body: Value = serde_json::from_slice(body).ok()?;
    let members = body.as_object_mut()?;
    members.insert("status".to_owned(), Value::from("failure"));
    members.insert("message".to_owned(), Value::from(refusal.message.clone()));
    if refusal.status == StatusCode::REQUEST_TIMEOUT
        && let Some(error) = members.get_mut("error").and_then(Value::as_object_mut)
    {
        error.insert("type".to_owned(), Value::from("timeout_error"));
    }
    Some(body.to_string().into())
}

/// A time in milliseconds since 1970, as Portkey writes it.
pub(super) fn time(milliseconds: i64) -> String {
    let since = Duration::from_millis(u64::try_from(milliseconds).unwrap_or(0));
    humantime::format_rfc3339_millis(UNIX_EPOCH + since).to_string()
}

/// One thing: its members where Portkey's clients look for them, and under `data`, where its documents have them.
pub(super) fn whole(thing: Value) -> Value {
    let mut answer = thing.clone();
    answer["success"] = Value::Bool(true);
    answer["data"] = thing;
    answer
}

/// A list, as Portkey writes it.
pub(super) fn list(total: u64, data: Vec<Value>) -> Value {
    json!({ "success": true, "object": "list", "total": total, "data": data })
}
