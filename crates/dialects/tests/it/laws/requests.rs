//! Requests: there and back.

use orchestra_dialects::canonical::{Part, Request};
use orchestra_dialects::{Profile, encode_request};

use super::DIALECTS;
use super::compare::{differences, lies_below};
use super::fixture::{Failures, Fixture, target};

/// decode and encode again: nothing changes in the own dialect but what the fixture permits, and every permit is used.
pub(super) fn identity(fixture: &Fixture, failures: &mut Failures) {
    let Some(request) = failures.check(fixture.decoded()) else {
        return;
    };
    let profile = Profile::default();
    let encoded = encode_request(&request, fixture.dialect, &target(&request.model, &profile));
    let Some((body, losses)) = failures.check(encoded.map_err(|error| error.to_string())) else {
        return;
    };
    if !losses.is_empty() {
        failures.add(format!("losses in the own dialect: {losses:?}"));
    }
    let expected = serde_json::from_str(&fixture.request).expect("a fixture of JSON");
    match serde_json::from_str(&body) {
        Ok(found) => permitted(fixture, "", differences(&expected, &found), failures),
        Err(error) => failures.add(format!("no JSON: {error}: {body}")),
    }
}

/// Reports differences that no permit covers, and permits that cover none.
pub(super) fn permitted(
    fixture: &Fixture,
    prefix: &str,
    differences: Vec<(String, String)>,
    failures: &mut Failures,
) {
    let answers = !prefix.is_empty();
    let permits: Vec<_> = fixture
        .about
        .permit
        .iter()
        .filter(|permit| permit.path.starts_with("answer.") == answers)
        .collect();
    let paths: Vec<String> = differences
        .iter()
        .map(|(path, _)| format!("{prefix}{path}"))
        .collect();
    for (path, (_, what)) in paths.iter().zip(&differences) {
        if !permits.iter().any(|permit| lies_below(path, &permit.path)) {
            failures.add(format!("{path}: {what}"));
        }
    }
    for permit in permits {
        if !paths.iter().any(|path| lies_below(path, &permit.path)) {
            failures.add(format!("the permit for {} is not needed", permit.path));
        }
    }
}

/// The calls of a request: id, name, input.
fn calls(request: &Request) -> Vec<(String, String, String)> {
    let parts = request.turns.iter().flat_map(|turn| &turn.parts);
    parts
        .filter_map(Part::as_tool_use)
        .map(|call| {
            let input = call.input.as_str();
            (call.id.clone(), call.name.clone(), input.to_owned())
        })
        .collect()
}

/// A → B → A: every call has its id, name and arguments, the arguments to the letter.
pub(super) fn tool_calls_round_trip(fixture: &Fixture, failures: &mut Failures) {
    let Some(request) = failures.check(fixture.decoded()) else {
        return;
    };
    let profile = Profile::default();
    let expected = calls(&request);
    for other in DIALECTS
        .into_iter()
        .filter(|other| *other != fixture.dialect)
    {
        let target = target("m", &profile);
        // What cannot be asked at all is recorded in the snapshots.
        let Ok((body, losses)) = encode_request(&request, other, &target) else {
            continue;
        };
        let back = orchestra_dialects::decode_request(other, &body);
        let Some(back) = failures.check(back.map_err(|error| {
            format!(
                "what was written for {} cannot be read: {error}\n{body}",
                other.name()
            )
        })) else {
            continue;
        };
        let found = calls(&back);
        let touched = |path: &str| {
            losses
                .iter()
                .any(|loss| lies_below(&loss.path, path) || lies_below(path, &loss.path))
        };
        if found.len() != expected.len() {
            failures.add(format!("{}: {expected:?} became {found:?}", other.name()));
            continue;
        }
        for ((call, place), back) in expected.iter().zip(places(&request)).zip(&found) {
            if call != back && !touched(&place) {
                failures.add(format!("{}: {call:?} became {back:?}", other.name()));
            }
        }
    }
}

/// Where each call stands.
fn places(request: &Request) -> Vec<String> {
    let mut places = Vec::new();
    for turn in &request.turns {
        for part in turn
            .parts
            .iter()
            .filter(|part| part.as_tool_use().is_some())
        {
            places.push(orchestra_dialects::canonical::path(&[turn.at, part.at]));
        }
    }
    places
}
