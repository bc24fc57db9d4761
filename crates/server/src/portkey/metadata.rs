//! What a caller says of a call.

use std::collections::BTreeMap;

use http::HeaderMap;
use orchestra_gateway::Refusal;
use serde_json::{Map, Value};

use super::headers::Headers;
use super::invalid;

const NAME: &str = "x-portkey-metadata";
/// Portkey's bound, in characters.
const LONGEST_VALUE: usize = 128;
/// More would only fill the records.
const MOST: usize = 64;

/// A JSON object of short texts. Numbers and booleans are taken as what they are written as.
pub(super) fn read(headers: &HeaderMap) -> Result<BTreeMap<String, String>, Refusal> {
    let Some(text) = Headers(headers).text(NAME)? else {
        return Ok(BTreeMap::new());
    };
    let members: Map<String, Value> = serde_json::from_str(text)
        .map_err(|error| invalid(NAME, &format!("it is no JSON object: {error}")))?;
    if members.len() > MOST {
        return Err(invalid(NAME, &format!("it has more than {MOST} members")));
    }
    members.into_iter().map(pair).collect()
}

fn pair((name, value): (String, Value)) -> Result<(String, String), Refusal> {
    let text = match value {
        Value::String(text) => text,
        Value::Number(number) => number.to_string(),
        Value::Bool(flag) => flag.to_string(),
        Value::Null | Value::Array(_) | Value::Object(_) => {
            return Err(invalid(NAME, &format!("{name:?} is no text")));
        }
    };
    if text.chars().count() > LONGEST_VALUE {
        let problem = format!("{name:?} is longer than {LONGEST_VALUE} characters");
        return Err(invalid(NAME, &problem));
    }
    Ok((name, text))
}
