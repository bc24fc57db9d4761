//! Whether what came of a call is what was expected.

use std::time::Duration;

use orchestra_testkit::Received;
use serde_json::Value;

use super::case::{End, Outcome, Sent, Told};
use super::scene::{key_of, provider_of};
use crate::client::Answer;
use crate::stage::CLIENT_KEY;

/// What is wrong; nothing if all is as expected.
pub(super) fn faults(
    expected: &Outcome,
    answer: &Answer,
    log: &[Received],
    took: Duration,
) -> Vec<String> {
    let mut faults = calls(&expected.calls, log);
    if took < Duration::from_millis(expected.at_least_ms) {
        faults.push(format!("it took no more than {took:?}"));
    }
    faults.extend(of_answer(expected, answer));
    faults.extend(marks(expected, answer));
    faults
}

fn calls(expected: &[Sent], log: &[Received]) -> Vec<String> {
    let went: Vec<String> = log.iter().map(whither).collect();
    let should: Vec<&str> = expected.iter().map(|sent| sent.to.as_str()).collect();
    if went != should {
        return vec![format!("went to {went:?}, not {should:?}")];
    }
    let pairs = expected.iter().zip(log).enumerate();
    pairs
        .flat_map(|(number, (expected, sent))| {
            let faults = of_call(expected, sent).into_iter().chain(leaks(sent));
            faults.map(move |fault| format!("call {number}: {fault}"))
        })
        .collect()
}

/// The provider and the model that it was asked for.
fn whither(sent: &Received) -> String {
    let body = sent.json().unwrap_or_default();
    let model = body["model"].as_str().unwrap_or_default();
    format!("{}/{model}", provider_of(&sent.path))
}

fn of_call(expected: &Sent, sent: &Received) -> Vec<String> {
    let mut faults = Vec::new();
    let key = match &expected.key {
        Some(key) => key.clone(),
        None => key_of(provider_of(&sent.path)),
    };
    let bearer = sent
        .header("authorization")
        .map(|text| text.trim_start_matches("Bearer "));
    let sent_key = bearer.or_else(|| sent.header("x-api-key"));
    if sent_key != Some(&key) {
        faults.push(format!("has the key {sent_key:?}, not {key:?}"));
    }
    let body = sent.json().unwrap_or_default();
    for (name, value) in &expected.body {
        let own = body.get(name).unwrap_or(&Value::Null);
        if own != value {
            faults.push(format!("has {name} = {own}, not {value}"));
        }
    }
    for (name, value) in &expected.headers {
        let own = sent.header(name);
        if own != value.as_deref() {
            faults.push(format!("has the header {name} = {own:?}, not {value:?}"));
        }
    }
    faults
}

/// What is between client and gateway stays there.
fn leaks(sent: &Received) -> Option<String> {
    let is_ours = |(name, value): &&(String, String)| {
        name.starts_with("x-portkey-") || name == "cookie" || value.contains(CLIENT_KEY)
    };
    let leak = sent.headers.iter().find(is_ours)?;
    Some(format!("has the header {}", leak.0))
}

fn of_answer(expected: &Outcome, answer: &Answer) -> Vec<String> {
    let mut faults = Vec::new();
    if answer.status != expected.status {
        let text = answer.text();
        faults.push(format!(
            "status {}, not {}: {text}",
            answer.status, expected.status
        ));
    }
    for (name, value) in &expected.headers {
        let own = answer.header(name);
        if own != value.as_deref() {
            faults.push(format!("the answer has {name} = {own:?}, not {value:?}"));
        }
    }
    faults.extend(
        expected
            .error
            .as_ref()
            .and_then(|told| of_error(told, answer)),
    );
    let text = answer.text();
    let end = match (text.contains("[DONE]"), text.contains("\"error\"")) {
        (true, false) => Some(End::Whole),
        (false, true) => Some(End::Error),
        _ => None,
    };
    if expected.stream.is_some() && end != expected.stream {
        faults.push(format!("the stream does not end so: {text}"));
    }
    faults
}

fn of_error(told: &Told, answer: &Answer) -> Option<String> {
    let error: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
    let message = error["error"]["message"].as_str().unwrap_or_default();
    let place = told.at.as_ref().map(|place| format!(": {place}: "));
    let words = [place.as_deref(), told.says.as_deref()];
    let as_told = error["error"]["code"] == told.code.as_str()
        && told
            .kind
            .as_ref()
            .is_none_or(|kind| error["error"]["type"] == kind.as_str())
        && words
            .into_iter()
            .flatten()
            .all(|words| message.contains(words));
    (!as_told).then(|| format!("the error is {error}, not {told:?}"))
}

/// What every answer to a client of Portkey's is marked with.
fn marks(expected: &Outcome, answer: &Answer) -> Vec<String> {
    let last = expected.calls.last().map(|sent| sent.to.as_str());
    let provider = last.and_then(|to| to.split('/').next());
    let same = expected
        .calls
        .iter()
        .rev()
        .take_while(|sent| Some(sent.to.as_str()) == last);
    let retries = match same.count() {
        0 | 1 => "0".to_owned(),
        _ if answer.status >= 300 => "-1".to_owned(),
        times => (times - 1).to_string(),
    };
    let mut marks = vec![
        ("x-portkey-retry-attempt-count", Some(retries.as_str())),
        ("x-portkey-cache-status", Some(expected.cache.as_str())),
    ];
    // Who gave an answer once that was kept is written in the case.
    if expected.cache != "HIT" {
        marks.push(("x-portkey-provider", provider));
    }
    if expected.option.is_some() {
        marks.push((
            "x-portkey-last-used-option-index",
            expected.option.as_deref(),
        ));
    }
    let wrong = |(name, value): &(&str, Option<&str>)| answer.header(name) != *value;
    let told = |(name, value): (&str, Option<&str>)| {
        format!("{name} is {:?}, not {value:?}", answer.header(name))
    };
    let mut faults: Vec<String> = marks.into_iter().filter(wrong).map(told).collect();
    if answer
        .header("x-portkey-trace-id")
        .is_none_or(str::is_empty)
    {
        faults.push("there is no trace id".to_owned());
    }
    faults
}
